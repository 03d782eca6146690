"""A real nginx that keeps pages, in front of real servers: no visitor gets another one's."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import count, permutations
from pathlib import Path

import pytest

from cached_apps import COUNTED, NOT_COUNTED, PLAIN, gate
from consentgate import Choice
from serving import (
    HOST,
    WSGI_SERVERS,
    Answer,
    answers,
    free_port,
    raw_exchange,
    run_server,
    serve,
)

pytestmark = pytest.mark.server

_MISSING = (
    "NO NGINX FOUND: nothing is shown about real shared caches without one. Get it with "
    "`apt-get install nginx-light`, or put an nginx on the PATH."
)

# Paths are relative to a directory of its own. It keeps what it may keep, with cookies
# in it too, and even answers to POST: only what a response says holds it back.
_CONFIGURATION = """\
daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    proxy_cache_path cache keys_zone=pages:1m;
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass {origin};
            proxy_set_header Host $http_host;
            proxy_cache pages;
            proxy_cache_methods POST;
            proxy_cache_valid 200 10m;
            proxy_ignore_headers Set-Cookie;
            add_header X-Cache $upstream_cache_status;
        }}
    }}
}}
"""


def find_nginx() -> str:
    """Return the path of an nginx.

    Without one the test is skipped, or failed where CONSENTGATE_REQUIRE is set.
    """
    # Debian has it where a user's PATH does not look.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
    found = shutil.which("nginx", path=path)
    if found is None:
        give_up = pytest.fail if os.environ.get("CONSENTGATE_REQUIRE") else pytest.skip
        give_up(_MISSING)
    return found


@contextmanager
def shared_cache(nginx: str, origin: str) -> Iterator[str]:
    """Run an nginx with an empty cache in front of a server; yield its base URL."""
    port = free_port()
    with tempfile.TemporaryDirectory() as place:
        configuration = _CONFIGURATION.format(host=HOST, port=port, origin=origin)
        (Path(place) / "nginx.conf").write_text(configuration, "utf-8")
        with run_server([nginx, "-p", place, "-c", "nginx.conf"], port) as url:
            yield url


_pages = count()


def fresh(path: str) -> str:
    """Return the target of a page that no cache knows yet."""
    return f"{path}?{next(_pages)}"


@dataclass(frozen=True)
class Visitor:
    """What a browser sends along, and what its owner allows."""

    cookies: tuple[bytes, ...] = ()
    counted: bool = False

    def with_cookie(self, pair: bytes) -> Visitor:
        """Return the same visitor, with one more cookie in the browser."""
        return Visitor((*self.cookies, pair), self.counted)


def _token(choice: Choice) -> bytes:
    return gate.set_cookie_for(choice).partition(";")[0].encode()


GRANTED = Visitor((_token(gate.choice(["statistics"])),), counted=True)
REFUSED = Visitor((_token(gate.choice([], gate.policy.choosable)),))
UNANSWERED = Visitor()

in_any_order = pytest.mark.parametrize(
    "visitors",
    list(permutations([GRANTED, REFUSED, UNANSWERED])),
    ids=map("-".join, permutations(["granted", "refused", "unanswered"])),
)


@dataclass(frozen=True)
class Site:
    """A server with a shared cache in front of it."""

    origin: str
    front: str

    def get(self, target: str, visitor: Visitor = UNANSWERED, host: bytes = b"localhost") -> Answer:
        """Return what a visitor gets from the cache, or through it."""
        return _ask(self.front, "GET", target, visitor.cookies, host)

    def post(self, target: str, visitor: Visitor) -> Answer:
        """Return what a visitor gets by a POST."""
        return _ask(self.front, "POST", target, visitor.cookies)

    def served(self) -> int:
        """Return how many requests reached the app: this one is the last of them."""
        return serial(_ask(self.origin, "GET", "/plain", ()))


def _ask(
    url: str, method: str, target: str, cookies: Sequence[bytes], host: bytes = b"localhost"
) -> Answer:
    lines = [f"{method} {target} HTTP/1.1".encode(), b"Host: " + host, b"Connection: close"]
    if cookies:
        lines.append(b"Cookie: " + b"; ".join(cookies))
    if method == "POST":
        lines.append(b"Content-Length: 0")
    (answer,) = answers(raw_exchange(url, b"\r\n".join([*lines, b"", b""])))
    assert answer.status == 200, answer
    return answer


def serial(answer: Answer) -> int:
    """Return the number of the request that an answer was made for."""
    (number,) = answer.values(b"x-serial")
    return int(number)


def kept(answer: Answer) -> bool:
    """Tell whether an answer came out of the cache."""
    (status,) = answer.values(b"x-cache")
    assert status in (b"HIT", b"MISS"), status
    return status == b"HIT"


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[[str, bool], Site]]:
    """Give a server behind a cache, gated or bare: each is started when first asked for."""
    nginx = find_nginx()
    with ExitStack() as stack:

        @cache
        def start(server: str, gated: bool) -> Site:
            app = "wsgi" if server in WSGI_SERVERS else "asgi"
            target = f"cached_apps:{app}" if gated else f"cached_apps:bare_{app}"
            origin = stack.enter_context(serve(server, target))
            return Site(origin, stack.enter_context(shared_cache(nginx, origin)))

        yield start


@pytest.fixture(params=["gunicorn", "uvicorn-httptools"])
def bare(request: pytest.FixtureRequest, running: Callable[[str, bool], Site]) -> Site:
    """Return the app with no gate around it, behind a cache."""
    return running(request.param, False)


@pytest.fixture(params=["gunicorn", "uvicorn-httptools"])
def site(request: pytest.FixtureRequest, running: Callable[[str, bool], Site]) -> Site:
    """Return the app behind the gate, behind a cache."""
    return running(request.param, True)


# Without the gate


@pytest.mark.parametrize("path", ["/tracked", "/accel"])
def test_without_the_gate_a_cookie_reaches_the_next_visitor(bare: Site, path: str) -> None:
    """The cookie that one visitor was given is given to the next one, out of the cache."""
    page = fresh(path)
    first, second = bare.get(page, GRANTED), bare.get(page, REFUSED)
    assert (kept(first), kept(second)) == (False, True)
    assert first.names == [b"_ga"]
    assert second.set_cookies == first.set_cookies


def test_without_the_gate_an_answer_to_post_reaches_the_next_visitor(bare: Site) -> None:
    """This cache hands on what was answered to a POST, with the cookie in it."""
    page = fresh("/withdraw")
    first, second = bare.post(page, GRANTED), bare.post(page, REFUSED)
    assert kept(second)
    assert second.set_cookies == first.set_cookies != []


def test_without_the_gate_a_page_reaches_the_next_visitor(bare: Site) -> None:
    """The page that was made for one choice is shown to another."""
    page = fresh("/asks")
    first, second = bare.get(page, GRANTED), bare.get(page, UNANSWERED)
    assert (kept(first), kept(second)) == (False, True)
    assert first.body == second.body == COUNTED


# With the gate


@pytest.mark.conformance("C1")
@in_any_order
@pytest.mark.parametrize("path", ["/tracked", "/accel"])
def test_no_cookie_reaches_another_visitor(
    site: Site, path: str, visitors: Sequence[Visitor]
) -> None:
    """Who granted gets a cookie made for this very request, nobody else gets any; twice over."""
    page = fresh(path)
    for visitor in [*visitors, *visitors]:
        before, answer = site.served(), site.get(page, visitor)
        if visitor.counted:
            assert serial(answer) == before + 1
            assert answer.set_cookies == [b"_ga=%d; Path=/" % serial(answer)]
        else:
            assert answer.set_cookies == []


@pytest.mark.conformance("C1")
def test_a_response_with_a_cookie_in_it_is_not_kept_for_equal_requests(site: Site) -> None:
    """Where two requests are the same to the last byte, each gets a cookie of its own."""
    for path in ("/tracked", "/accel"):
        page = fresh(path)
        first, second = site.get(page, GRANTED), site.get(page, GRANTED)
        assert not kept(second)
        assert first.names == second.names == [b"_ga"]
        assert first.set_cookies != second.set_cookies


@pytest.mark.conformance("C1")
@in_any_order
def test_no_page_that_asked_reaches_another_choice(site: Site, visitors: Sequence[Visitor]) -> None:
    """Each choice is shown its own page, made or kept for it."""
    page = fresh("/asks")
    for visitor in visitors:
        answer = site.get(page, visitor)
        assert (answer.body, kept(answer)) == (COUNTED if visitor.counted else NOT_COUNTED, False)
    for visitor in visitors:
        answer = site.get(page, visitor)
        assert (answer.body, kept(answer)) == (COUNTED if visitor.counted else NOT_COUNTED, True)


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("path", ["/asks", "/tracked"])
def test_visitors_without_cookies_share_a_page(site: Site, path: str) -> None:
    """What leaves without a cookie in it is kept for all who send the same cookies: none."""
    page, before = fresh(path), site.served()
    found = [site.get(page) for _ in range(4)]
    assert [kept(answer) for answer in found] == [False, True, True, True]
    assert {answer.body for answer in found} == {found[0].body}
    assert site.served() == before + 2


@pytest.mark.conformance("C1")
@in_any_order
def test_a_page_that_depends_on_nothing_is_kept_for_all(
    site: Site, visitors: Sequence[Visitor]
) -> None:
    """The app makes it once; whatever a visitor decided, the cache has it."""
    page, before = fresh("/plain"), site.served()
    found = [site.get(page, visitor) for visitor in visitors]
    assert [kept(answer) for answer in found] == [False, True, True]
    assert {answer.body for answer in found} == {PLAIN}
    assert site.served() == before + 2


@pytest.mark.conformance("C1")
@in_any_order
def test_no_page_shows_the_cookies_of_another_visitor(
    site: Site, visitors: Sequence[Visitor]
) -> None:
    """What the app reads of one visitor's cookies is shown to no other."""
    page = fresh("/echo")
    for number, visitor in enumerate([*visitors, *visitors]):
        own = visitor.with_cookie(b"_ga=visitor-%d" % number)
        readable = own.cookies if own.counted else visitor.cookies
        assert site.get(page, own).body == b"; ".join(readable)


@pytest.mark.conformance("C1")
@pytest.mark.parametrize("visitor", [REFUSED, UNANSWERED], ids=["refused", "unanswered"])
def test_a_deletion_is_kept_for_nobody(site: Site, visitor: Visitor) -> None:
    """The response that expires one visitor's cookie is not shown to the next."""
    page, stale = fresh("/plain"), visitor.with_cookie(b"_ga=stale")
    for _ in range(2):
        answer = site.get(page, stale)
        assert not kept(answer)
        assert set(answer.names) == {b"_ga"}
    assert site.get(page, visitor).set_cookies == []


@pytest.mark.conformance("C1")
@in_any_order
def test_a_withdrawal_is_not_answered_by_the_cache(site: Site, visitors: Sequence[Visitor]) -> None:
    """Each withdrawal that there is something to record of reaches the app, twice over."""
    page = fresh("/withdraw")
    for visitor in [*visitors, *visitors]:
        before, answer = site.served(), site.post(page, visitor)
        if visitor is REFUSED:
            assert answer.set_cookies == []
        else:
            assert serial(answer) == before + 1
            assert answer.names == [b"cookies_preferences"]


@pytest.mark.conformance("R5")
def test_a_proxy_takes_a_head_with_deletions(site: Site) -> None:
    """Beside an app's many headers, deletions do not make a head longer than nginx takes it."""
    crowd = Visitor(tuple(b"_ga_NUMBER%d=1" % number for number in range(12)))
    page = fresh("/shop/cart/item")
    first = [site.get(page, crowd, b"www.shop.example.com") for _ in range(4)]
    assert all(answer.names[0] == b"session" for answer in first)
    # In one of four another part than the likeliest is sent.
    line = b"_ga_NUMBER11=; Max-Age=0; Path=/"
    assert sum(line in answer.set_cookies for answer in first) >= 3
