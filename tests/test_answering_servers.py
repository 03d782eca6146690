"""Answers on the wire: real servers hand the bodies of forms to the pages, each in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import asking_apps
from serving import SERVERS, Answer, answers, each_once, raw_exchange

pytestmark = pytest.mark.server

FORM = "Content-Type: application/x-www-form-urlencoded"
OWN = "Sec-Fetch-Site: same-origin"


@pytest.fixture(scope="module")
def running() -> Iterator[Callable[[str], str]]:
    """Give the URL of the app on a server."""
    with each_once("asking_apps") as url:
        yield url


def request(method: str, path: str, *lines: str, body: bytes = b"") -> bytes:
    """Return the bytes of a request."""
    head = "\r\n".join([f"{method} {path} HTTP/1.1", "Host: localhost", *lines, "", ""])
    return head.encode("ascii") + body


def choice(body: bytes, *lines: str) -> bytes:
    """Return an answer by form, with its length said."""
    length = f"Content-Length: {len(body)}"
    return request("POST", "/cookies/choice", FORM, length, *lines, body=body)


LAST = request("GET", "/cookies", "Connection: close")


def sent(url: str, *requests: bytes) -> list[Answer]:
    """Send requests one after the other on one connection; return what came back."""
    return answers(raw_exchange(url, b"".join(requests)))


# Werkzeug's own server speaks HTTP/1.0: it closes after each answer, and reads no chunks.
LASTING = [server for server in SERVERS if server != "werkzeug"]


@pytest.mark.conformance("P1", "P2")
@pytest.mark.parametrize("server", LASTING)
def test_a_form_is_answered(running: Callable[[str], str], server: str) -> None:
    """An answer is taken and led back, one from elsewhere is not, and the connection goes on."""
    body = b"answer=save&allow-statistics=yes&back=%2Fshop%3Fa%3D1"
    taken, refused, page = sent(
        running(server), choice(body, OWN), choice(body, "Origin: http://evil.example"), LAST
    )
    assert (taken.status, taken.values(b"location")) == (303, [b"/shop?a=1"])
    assert taken.names == [b"cookies_preferences"]
    assert taken.values(b"cache-control") == [b"no-store"]
    token = taken.set_cookies[0].partition(b";")[0]
    standing = asking_apps.gate.standing([token])
    assert standing.choice is not None
    assert standing.choice.granted == {"statistics"}
    assert (refused.status, refused.names) == (403, [])
    assert page.status == 200
    assert b"You have not decided yet." in page.body


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("server", LASTING)
def test_a_body_in_chunks_is_read(running: Callable[[str], str], server: str) -> None:
    """A body whose length nobody said is read to its end."""
    chunked = request(
        "POST",
        "/cookies/choice",
        FORM,
        OWN,
        "Transfer-Encoding: chunked",
        "Connection: close",
        body=b"7\r\nanswer=\r\n6\r\nrefuse\r\n0\r\n\r\n",
    )
    (answer,) = sent(running(server), chunked)
    assert (answer.status, answer.names) == (303, [b"cookies_preferences"])


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("server", LASTING)
def test_a_body_without_end_is_refused(running: Callable[[str], str], server: str) -> None:
    """A body of more than 16 KiB is no answer, and nothing is recorded."""
    body = b"answer=accept&back=/" + b"x" * 20_000
    first, *_ = sent(running(server), choice(body, OWN, "Connection: close"))
    assert (first.status, first.names) == (413, [])


@pytest.mark.conformance("P1")
@pytest.mark.parametrize("server", SERVERS)
def test_head_is_answered_without_a_body(running: Callable[[str], str], server: str) -> None:
    """HEAD of a page has the headers of GET and no body."""
    head = request("HEAD", "/cookies/preferences", "Connection: close")
    (answer,) = answers(raw_exchange(running(server), head), to_head=True)
    page = request("GET", "/cookies/preferences", "Connection: close")
    (other,) = sent(running(server), page)
    assert answer.status == other.status == 200
    assert answer.values(b"content-length") == [b"%d" % len(other.body)]
