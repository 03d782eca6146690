"""What leaves eight real servers, byte for byte, with the gate around a raw app."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache

import pytest
from h2.connection import H2Connection
from h2.events import (
    InformationalResponseReceived,
    ResponseReceived,
    StreamEnded,
    TrailersReceived,
)

import server_apps
from server_apps import FILE, HEADERS, INJECTIONS, PAGE, SESSION, STATUSES, gate
from serving import (
    ASGI_SERVERS,
    SERVERS,
    WSGI_SERVERS,
    Answer,
    answers,
    connect,
    raw_exchange,
    serve,
)

pytestmark = pytest.mark.server

Running = Callable[[str, str], str]

ALL_NAMES = [b"session", b"theme", b"_ga", b"ad_id", b"mystery"]


def token(*categories: str) -> bytes:
    """Return the consent cookie of a visitor who granted these categories."""
    return gate.set_cookie_for(gate.choice(categories)).partition(";")[0].encode()


def request_bytes(
    path: str,
    method: str = "GET",
    *,
    cookies: Sequence[bytes] = (),
    body: bytes = b"",
    last: bool = True,
) -> bytes:
    """Return a request with these Cookie lines; the last on its connection asks to close it."""
    lines = [f"{method} {path} HTTP/1.1".encode(), b"Host: localhost"]
    lines += [b"Cookie: " + line for line in cookies]
    if body:
        lines.append(f"Content-Length: {len(body)}".encode())
    if last:
        lines.append(b"Connection: close")
    return b"\r\n".join([*lines, b"", body])


@dataclass(frozen=True)
class Site:
    """The app on one server, with the gate around it and, for comparison, without."""

    server: str
    running: Running

    def url(self, *, bare: bool = False) -> str:
        """Return the base URL, of the app without the gate if it is to be bare."""
        app = "wsgi" if self.server in WSGI_SERVERS else "asgi"
        return self.running(self.server, f"bare_{app}" if bare else app)

    def raw(
        self,
        path: str,
        method: str = "GET",
        *,
        cookies: Sequence[bytes] = (),
        body: bytes = b"",
        bare: bool = False,
    ) -> bytes:
        """Return every byte that the server answers to one request."""
        request = request_bytes(path, method, cookies=cookies, body=body)
        return raw_exchange(self.url(bare=bare), request)

    def get(self, path: str, *cookies: bytes, bare: bool = False) -> Answer:
        """Return the one answer to a GET."""
        (answer,) = answers(self.raw(path, cookies=cookies, bare=bare))
        return answer

    def post(self, path: str, body: bytes, *cookies: bytes) -> Answer:
        """Return the one answer to a POST."""
        (answer,) = answers(self.raw(path, "POST", cookies=cookies, body=body))
        return answer


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    """Give the URL of an app on a server: each is started when first asked for, and once."""
    with ExitStack() as stack:
        yield cache(lambda server, app: stack.enter_context(serve(server, f"server_apps:{app}")))


@pytest.fixture(params=SERVERS)
def site(request: pytest.FixtureRequest, running: Running) -> Site:
    """Return the app on each server."""
    return Site(request.param, running)


@pytest.fixture(params=WSGI_SERVERS)
def wsgi_site(request: pytest.FixtureRequest, running: Running) -> Site:
    """Return the app on each WSGI server."""
    return Site(request.param, running)


@pytest.fixture(params=ASGI_SERVERS)
def asgi_site(request: pytest.FixtureRequest, running: Running) -> Site:
    """Return the app on each ASGI server."""
    return Site(request.param, running)


# Granian sends the headers before it asks for the body, and its start_response returns no `write`.
on_complete_wsgi_servers = pytest.mark.parametrize(
    "wsgi_site", [name for name in WSGI_SERVERS if name != "granian-wsgi"], indirect=True
)


# Before consent, and with it


@pytest.mark.conformance("K1", "S10", "S11")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("status", [200, 204, 301, 304, 404, 500])
def test_before_consent_necessary_cookies_leave_alone(site: Site, status: int, method: str) -> None:
    """On the first response only the necessary cookie is on the wire, whatever the status."""
    raw = site.raw(f"/status/{status}", method)
    (answer,) = answers(raw, to_head=method == "HEAD")
    assert answer.status == status
    assert answer.set_cookies == [SESSION]
    assert b"FORBIDDEN" not in raw
    assert answer.body == (b"" if method == "HEAD" or status in (204, 304) else PAGE)


def test_without_the_gate_every_cookie_leaves(site: Site) -> None:
    """The same app on the same server sends all five cookies where no gate stands around it."""
    assert site.get("/visitor/anna", bare=True).names == ALL_NAMES


@pytest.mark.conformance("K1")
def test_no_set_cookie_header_is_left_over(site: Site) -> None:
    """A response that sets nothing but forbidden cookies leaves with no Set-Cookie header."""
    raw = site.raw("/forbidden")
    assert b"set-cookie" not in raw.lower()
    assert answers(raw)[0].body == PAGE


@pytest.mark.conformance("K2")
def test_granted_categories_pass(site: Site) -> None:
    """A visitor's token lets the cookies of its categories through, and no others."""
    answer = site.get("/visitor/anna", token("statistics"))
    assert answer.set_cookies == [b"session=anna", b"_ga=anna"]
    assert answer.body == b"anna: statistics"


@pytest.mark.conformance("K2", "K6", "A4")
def test_a_grant_by_post_holds_in_its_response_and_after_it(site: Site) -> None:
    """The response to a grant carries the consent cookie, then the granted ones; then it holds."""
    granted = site.post("/visitor/anna", b"statistics,marketing")
    assert granted.names == [b"cookies_preferences", b"session", b"_ga", b"ad_id"]
    assert granted.body == b"anna: statistics,marketing"
    pair = granted.set_cookies[0].partition(b";")[0]
    after = site.get("/visitor/anna", pair)
    assert after.set_cookies == [b"session=anna", b"_ga=anna", b"ad_id=anna"]


@pytest.mark.conformance("K15")
def test_the_consent_cookie_has_its_attributes_on_the_wire(site: Site) -> None:
    """The consent cookie leaves with its five attributes, on plain http without Secure."""
    attributes = site.post("/visitor/anna", b"statistics").set_cookies[0].split(b"; ")[1:]
    assert sorted(attributes) == [b"HttpOnly", b"Max-Age=15724800", b"Path=/", b"SameSite=Lax"]


@pytest.mark.conformance("K9")
def test_a_withdrawal_by_post_holds_in_its_response_and_after_it(site: Site) -> None:
    """The response to a withdrawal records it and strips what was granted; then it holds."""
    withdrawn = site.post("/visitor/anna", b"withdraw", token("statistics"))
    assert withdrawn.names == [b"cookies_preferences", b"session"]
    assert withdrawn.body == b"anna: "
    after = site.get("/visitor/anna", withdrawn.set_cookies[0].partition(b";")[0])
    assert after.set_cookies == [b"session=anna"]


@pytest.mark.conformance("K10")
def test_a_withdrawal_without_a_choice_sends_the_refusal_alone(site: Site) -> None:
    """A visitor who had not answered gets the recorded refusal and the necessary cookie."""
    assert site.post("/visitor/anna", b"withdraw").names == [b"cookies_preferences", b"session"]


@pytest.mark.conformance("K4")
@pytest.mark.parametrize(
    "value", [b"yes", b"true", b"\xff\xfe", b"\xed\xa0\x80", b"~" * 5000, b"=", b"statistics", b""]
)
def test_a_value_that_is_no_token_is_no_choice(site: Site, value: bytes) -> None:
    """Whatever a server makes of a junk value, the app answers, and nothing is granted."""
    answer = site.get("/visitor/anna", b"cookies_preferences=" + value)
    assert answer.status == 200
    assert answer.set_cookies == [b"session=anna"]


@pytest.mark.conformance("K4")
def test_a_token_with_a_changed_byte_is_no_choice(site: Site) -> None:
    """A token whose signature was changed grants nothing on any server."""
    valid = token("statistics")
    changed = valid[:-2] + (b"AA" if valid[-2:] != b"AA" else b"BB")
    assert site.get("/visitor/anna", changed).set_cookies == [b"session=anna"]


@pytest.mark.conformance("K13", "S12")
@pytest.mark.parametrize("reverse", [False, True])
def test_two_cookie_lines_never_grant_more_than_both(site: Site, reverse: bool) -> None:
    """With two tokens in two Cookie lines, however a server joins them, the stricter one holds."""
    lines = [token("statistics"), token("statistics", "marketing")]
    answer = site.get("/visitor/anna", *(reversed(lines) if reverse else lines))
    assert answer.status == 200
    assert set(answer.names) <= {b"session", b"_ga"}


@pytest.mark.conformance("S12")
def test_asgi_cookie_lines_are_read_together(asgi_site: Site) -> None:
    """A token in the second of two Cookie lines counts where lines arrive as they were sent."""
    answer = asgi_site.get("/visitor/anna", b"session=1", token("statistics"))
    assert answer.names == [b"session", b"_ga"]


# The rest of the response


def undated(raw: bytes) -> list[tuple[bytes, bytes]]:
    """Return heads and bodies, without the date."""
    same = re.sub(rb"(?im)^date: [^\r]*\r\n", b"", raw)
    return [(answer.head, answer.body) for answer in answers(same)]


def without_forbidden(raw: bytes) -> bytes:
    """Return what a bare app sent, without the lines that set forbidden cookies."""
    return re.sub(rb"(?im)^set-cookie: [^\r]*FORBIDDEN[^\r]*\r\n", b"", raw)


def without_caution(raw: bytes) -> bytes:
    """Return what a gated app sent, without what keeps it out of shared caches."""
    return re.sub(rb"(?im)^(vary: cookie|cache-control: private)\r\n", b"", raw)


@pytest.mark.conformance("S11", "W4", "W5", "A1", "A2", "A5")
@pytest.mark.parametrize(
    "path",
    [
        *("/status/200", "/status/204", "/status/301", "/status/304", "/status/404"),
        *("/plain", "/sized", "/stream", "/file", "/forbidden", "/no-such-page"),
    ],
)
def test_the_gate_leaves_the_rest_of_a_response_as_it_is(site: Site, path: str) -> None:
    """With and without the gate a response has the same bytes, forbidden cookies aside."""
    bare = site.raw(path, bare=True)
    assert undated(without_caution(site.raw(path))) == undated(without_forbidden(bare))


@pytest.mark.conformance("W1", "W2", "W3", "W5", "W6")
@pytest.mark.parametrize("path", ["/late", "/twice", "/written", "/hints"])
def test_the_gate_leaves_the_rest_of_a_wsgi_response_as_it_is(wsgi_site: Site, path: str) -> None:
    """However an app uses WSGI, its bytes are the same with the gate, forbidden cookies aside."""
    bare = wsgi_site.raw(path, bare=True)
    assert undated(without_caution(wsgi_site.raw(path))) == undated(without_forbidden(bare))


@pytest.mark.conformance("W4", "A1")
def test_a_streamed_body_arrives_whole(site: Site) -> None:
    """A body of unknown length arrives whole behind filtered headers."""
    answer = site.get("/stream")
    assert answer.set_cookies == [SESSION]
    assert answer.body == b"".join(server_apps.CHUNKS)


@pytest.mark.conformance("W4", "A1")
def test_a_streamed_body_is_not_held_back(site: Site) -> None:
    """The first part of a body is on the wire before the app has the second."""
    with connect(site.url()) as connection:
        connection.sendall(request_bytes("/held"))
        received = b""
        while received.count(b"\xff") < len(server_apps.FIRST_PART):
            received += (part := connection.recv(65536))
            assert part, "closed too early"
        assert site.get("/release").body == PAGE
        received += b"".join(iter(lambda: connection.recv(65536), b""))
    (answer,) = answers(received)
    assert answer.body == server_apps.FIRST_PART + PAGE
    assert answer.names == [b"session"]


@pytest.mark.conformance("W4", "A1")
def test_a_file_that_the_server_sends_arrives_whole(site: Site) -> None:
    """`wsgi.file_wrapper` and `http.response.pathsend` work behind the gate."""
    answer = site.get("/file")
    assert answer.set_cookies == [SESSION]
    assert answer.body == FILE.read_bytes()


@pytest.mark.conformance("W4")
def test_the_server_counts_a_body_of_one_part(running: Running) -> None:
    """A server that takes the length from a body of one part still does behind the gate."""
    answer = Site("waitress", running).get("/plain")
    assert answer.values(b"content-length") == [str(len(PAGE)).encode()]


# WSGI only


@pytest.mark.conformance("W1")
@on_complete_wsgi_servers
def test_a_late_start_response_is_filtered(wsgi_site: Site) -> None:
    """An app that starts its response at the first iteration is filtered the same."""
    answer = wsgi_site.get("/late")
    assert answer.set_cookies == [SESSION]
    assert answer.body == PAGE


@pytest.mark.conformance("W2")
def test_the_headers_of_an_error_page_are_filtered(wsgi_site: Site) -> None:
    """A second start_response with exc_info is filtered as the first."""
    answer = wsgi_site.get("/twice")
    assert answer.status == 500
    assert set(answer.set_cookies) == {SESSION}  # gunicorn sends both sets of headers
    assert answer.body == b"sorry"


@pytest.mark.conformance("W2")
@on_complete_wsgi_servers
def test_exc_info_reaches_the_server(wsgi_site: Site) -> None:
    """A second start_response after the first bytes ends the response, as the server wants it."""
    raw = wsgi_site.raw("/twice-sent")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert Answer(head, body).set_cookies == [SESSION]
    assert body == PAGE


@pytest.mark.conformance("W3")
@on_complete_wsgi_servers
def test_the_servers_write_works(wsgi_site: Site) -> None:
    """An app that sends its body by the server's `write` callable works behind the gate."""
    answer = wsgi_site.get("/written")
    assert answer.set_cookies == [SESSION]
    assert answer.body == b"one two 3 "


@pytest.mark.conformance("W6", "S10")
def test_early_hints_cannot_carry_a_cookie_out(running: Running) -> None:
    """Gunicorn's early hints leave with their links and without their cookies."""
    hints, final = answers(Site("gunicorn", running).raw("/hints"))
    assert hints.status == 103
    assert hints.headers == [(b"link", server_apps.HINT)]
    assert final.set_cookies == [SESSION]


# ASGI only


@pytest.mark.conformance("A3", "A6")
def test_the_lifespan_reaches_the_app(asgi_site: Site) -> None:
    """What the app leaves in the state at startup is there for its requests."""
    assert asgi_site.get("/started").body == b"True"


def handshake(url: str, path: str, cookie: bytes = b"a=b") -> Answer:
    """Ask for a WebSocket; return the head of the answer."""
    lines = [f"GET {path} HTTP/1.1".encode(), b"Host: localhost", b"Cookie: " + cookie]
    lines += [b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13"]
    lines += [b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
    with connect(url) as connection:
        connection.sendall(b"\r\n".join([*lines, b"", b""]))
        received = b""
        while b"\r\n\r\n" not in received:
            received += (part := connection.recv(65536))
            assert part, "closed too early"
    return Answer(received.partition(b"\r\n\r\n")[0], b"")


# Granian sends none of an app's headers when it accepts a WebSocket.
@pytest.mark.conformance("A1", "S10")
@pytest.mark.parametrize(
    "asgi_site", [name for name in ASGI_SERVERS if name != "granian"], indirect=True
)
def test_an_accepted_websocket_sets_no_forbidden_cookie(asgi_site: Site) -> None:
    """The 101 of a WebSocket carries the necessary cookie, and by a token the granted ones."""
    assert handshake(asgi_site.url(bare=True), "/accept").names == ALL_NAMES
    answer = handshake(asgi_site.url(), "/accept")
    assert answer.status == 101
    assert answer.set_cookies == [SESSION]
    granted = handshake(asgi_site.url(), "/accept", token("marketing"))
    assert granted.names == [b"session", b"ad_id"]


@pytest.mark.conformance("A1", "S10")
def test_a_refused_websocket_sets_no_forbidden_cookie(asgi_site: Site) -> None:
    """The page that refuses a handshake carries the necessary cookie alone."""
    answer = handshake(asgi_site.url(), "/refuse")
    assert answer.status == 401
    assert answer.set_cookies == [SESSION]


def over_http2(url: str, path: str, *cookies: bytes) -> list[dict[bytes, list[bytes]]]:
    """GET over HTTP/2; return the fields of each header block: hints, head, trailers."""
    client = H2Connection()
    client.initiate_connection()
    fields = [(b":method", b"GET"), (b":path", path.encode()), (b":scheme", b"http")]
    fields += [(b":authority", b"localhost"), (b"te", b"trailers")]
    client.send_headers(1, [*fields, *((b"cookie", line) for line in cookies)], end_stream=True)
    blocks = []
    with connect(url) as connection:
        connection.sendall(client.data_to_send())
        while data := connection.recv(65536):
            for event in client.receive_data(data):
                if isinstance(event, _WITH_HEADERS):
                    blocks.append(_fields(event.headers or []))
                if isinstance(event, StreamEnded):
                    return blocks
            connection.sendall(client.data_to_send())
    raise AssertionError("closed too early")


_WITH_HEADERS = (InformationalResponseReceived, ResponseReceived, TrailersReceived)


def _fields(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[bytes]]:
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name, []).append(value)
    return found


@pytest.mark.conformance("A1", "S10")
def test_trailers_and_early_hints_carry_no_cookie_out(running: Running) -> None:
    """Over HTTP/2, hints, head and trailers leave in order, without forbidden cookies."""
    site = Site("hypercorn", running)
    assert b"set-cookie" in over_http2(site.url(bare=True), "/trailing")[2]
    hints, head, trailers = over_http2(site.url(), "/trailing")
    assert hints[b":status"] == [b"103"]
    assert hints[b"link"] == [server_apps.HINT]
    assert head[b"set-cookie"] == [SESSION]
    assert trailers == {b"x-checksum": [b"1"]}


@pytest.mark.conformance("S12", "K2")
def test_http2_cookie_crumbs_are_read_together(running: Running) -> None:
    """A token in one of several crumbs of an HTTP/2 Cookie header counts."""
    url = Site("hypercorn", running).url()
    _, head, _ = over_http2(url, "/trailing", b"a=1", token("statistics"), b"b=2")
    names = [value.partition(b"=")[0] for value in head[b"set-cookie"]]
    assert names == [b"session", b"_ga"]


# Injection


def leaks(answer: Answer) -> bool:
    """Tell whether a browser would store the cookie `evil` from an answer."""
    return b"evil" in answer.names


@pytest.mark.conformance("S1", "S2", "S3", "S4", "S5", "S7", "K3", "K12")
@pytest.mark.parametrize("tried", HEADERS)
def test_a_smuggled_cookie_never_leaves(site: Site, tried: str) -> None:
    """A header that tries to bring a cookie past is gone, and the response is whole."""
    raw = site.raw(f"/header/{list(HEADERS).index(tried)}")
    (answer,) = answers(raw)
    assert answer.status == 200
    assert answer.body == PAGE
    assert b"evil" not in raw
    assert answer.set_cookies == []


@pytest.mark.conformance("S1", "S7")
@pytest.mark.parametrize("tried", INJECTIONS)
def test_smuggling_works_without_the_gate(running: Running, tried: str) -> None:
    """Each of the attempts gets a cookie to a browser through a real server that has no gate."""
    path = f"/header/{list(HEADERS).index(tried)}"
    servers = ["werkzeug", "waitress", "hypercorn"]
    raws = [Site(server, running).raw(path, bare=True) for server in servers]
    assert any(leaks(Answer(raw.partition(b"\r\n\r\n")[0], b"")) for raw in raws)


@pytest.mark.conformance("S7")
@pytest.mark.parametrize("name", ["blank behind the name", "blank before the name"])
@pytest.mark.parametrize("server", ["waitress", "hypercorn"])
def test_servers_mend_a_bad_header_name(running: Running, server: str, name: str) -> None:
    """Blanks around a header's name do not keep a server of either protocol from sending it."""
    path = f"/header/{list(HEADERS).index(name)}"
    assert leaks(Site(server, running).get(path, bare=True))
    assert not leaks(Site(server, running).get(path))


@pytest.mark.conformance("S1")
@pytest.mark.parametrize("tried", STATUSES)
def test_a_status_line_cannot_smuggle_a_cookie(wsgi_site: Site, tried: str) -> None:
    """A line end in the status ends it there: no server sends what stands behind it."""
    raw = wsgi_site.raw(f"/line/{tried}")
    (answer,) = answers(raw)
    assert answer.status == 200
    assert answer.body == PAGE
    assert b"evil" not in raw


@pytest.mark.conformance("S1")
@pytest.mark.parametrize("tried", STATUSES)
def test_a_status_line_smuggles_a_cookie_without_the_gate(running: Running, tried: str) -> None:
    """A line end in the status gets a cookie out of werkzeug's own server that has no gate."""
    assert leaks(Site("werkzeug", running).get(f"/line/{tried}", bare=True))


# Many visitors


@dataclass(frozen=True)
class Visitor:
    """Who asks, and the answer that is theirs."""

    name: str
    granted: tuple[str, ...]
    grants: bytes
    names: list[bytes]
    allowed: bytes

    def request(self, route: str, *, last: bool) -> bytes:
        """Return this visitor's request."""
        cookies = [b"session=" + self.name.encode()]
        if self.granted:
            cookies = [cookies[0] + b"; " + token(*self.granted)]
        method = "POST" if self.grants else "GET"
        path = f"/{route}/{self.name}"
        return request_bytes(path, method, cookies=cookies, body=self.grants, last=last)

    def check(self, answer: Answer) -> None:
        """Fail unless the answer is this visitor's, in all its parts."""
        assert answer.body == self.name.encode() + b": " + self.allowed
        assert answer.names == self.names
        own = [value for value in answer.set_cookies if not value.startswith(b"cookies_pref")]
        assert {value.partition(b"=")[2] for value in own} == {self.name.encode()}


_EVERY = ("preferences", "statistics", "marketing")
VISITORS = [
    Visitor("anna", (), b"", [b"session"], b""),
    Visitor("bert", ("statistics",), b"", [b"session", b"_ga"], b"statistics"),
    Visitor(
        "carl",
        _EVERY,
        b"",
        [b"session", b"theme", b"_ga", b"ad_id"],
        b"preferences,statistics,marketing",
    ),
    Visitor(
        "dora",
        (),
        b"preferences",
        [b"cookies_preferences", b"session", b"theme"],
        b"preferences",
    ),
]


@pytest.mark.conformance("K18")
def test_visitors_on_one_connection_do_not_mix(site: Site) -> None:
    """Pipelined requests of different visitors get each their own cookies, in order."""
    # Werkzeug's server closes after each response: there, only the first is answered.
    queue = VISITORS * 3 if site.server != "werkzeug" else VISITORS[2:3]
    requests = [visitor.request("visitor", last=False) for visitor in queue[:-1]]
    requests.append(queue[-1].request("visitor", last=True))
    found = answers(raw_exchange(site.url(), b"".join(requests)))
    for visitor, answer in zip(queue, found, strict=True):
        visitor.check(answer)


@pytest.mark.conformance("K18")
def test_visitors_at_the_same_time_do_not_mix(site: Site) -> None:
    """Requests that are all inside the app at once get each their own cookies."""

    def visit(visitor: Visitor) -> Answer:
        raw = raw_exchange(site.url(), visitor.request("meet", last=True))
        (answer,) = answers(raw)
        return answer

    site.url()  # Started once, before the threads ask.
    with ThreadPoolExecutor(len(VISITORS)) as pool:
        for _ in range(10):
            for visitor, answer in zip(VISITORS, pool.map(visit, VISITORS), strict=True):
                visitor.check(answer)
