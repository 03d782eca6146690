"""The demo shows what it says it shows."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from examples import demo
from examples.demo_texts import TEXTS

ROOT = Path(__file__).parent.parent


@pytest.fixture
def client() -> Iterator[TestClient]:
    """Return a visitor of the demo."""
    with TestClient(demo.app, base_url="http://127.0.0.1") as client:
        yield client


def test_the_console_tells_what_passed_and_what_did_not(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each request is followed by a line per cookie, with its category and the reason."""
    assert client.get("/").status_code == 200
    assert sorted(client.cookies) == ["basket", "session"]
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == ["GET", "/"]
    assert ["+", "passed", "session", "necessary"] in lines
    assert ["-", "stripped", "ad_id", "marketing", "(no", "choice", "yet)"] in lines
    assert ["-", "stripped", "spy", "(undeclared)"] in lines


def test_the_console_tells_what_is_withheld_and_expired(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cookie that the browser may not hold is withheld from the site, and expired after it."""
    page = client.get("/", headers={"Cookie": "session=1; _ga_OLD=2; spy=3"})
    brought = page.text.partition('id="brought">')[2].partition("</p>")[0]
    assert "session" in brought
    assert "_ga_OLD" not in brought
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["#", "withheld", "_ga_OLD", "statistics", "(no", "choice", "yet)"] in lines
    assert ["#", "withheld", "spy", "(undeclared)"] in lines
    assert ["x", "expired", "_ga_OLD", "statistics", "(no", "choice", "yet)"] in lines
    assert lines.index(["GET", "/"]) == 0


def answer(client: TestClient, answer: str, sender: str = "same-origin") -> Response:
    """Press a button of the banner, or of the footer."""
    said = {"Sec-Fetch-Site": sender}
    return client.post("/cookies/choice", data={"answer": answer, "back": "/"}, headers=said)


def test_the_two_buttons_grant_and_withdraw(client: TestClient) -> None:
    """Accepting lets statistics and marketing leave, withdrawing stops them; spy never passes."""
    page = answer(client, "accept")
    assert "You accepted marketing." in page.text
    assert "the partner keeps its own, and is not asked again" in page.text
    assert "Withdraw my consent" in page.text
    assert sorted(client.cookies) == [
        "_ga_DEMO",
        "ad_id",
        "basket",
        "cookies_preferences",
        "session",
    ]
    page = answer(client, "withdraw")
    assert "You refused advertising." in page.text
    assert "Withdraw my consent" not in page.text
    assert sorted(client.cookies) == ["basket", "cookies_preferences", "session"]


def test_another_site_cannot_press_them(client: TestClient) -> None:
    """A cross-site form is refused, and nothing changes."""
    assert answer(client, "accept", "cross-site").status_code == 403
    assert "cookies_preferences" not in client.cookies


@pytest.mark.parametrize(
    ("address", "accepted", "lang"),
    [
        ("/", "fr-FR,fr;q=0.9", "fr"),
        ("/", "de, fr;q=0.5", "fr"),
        ("/", "de", "en"),
        ("/?lang=fr", "en", "fr"),
        ("/?lang=xx", "en", "en"),
    ],
)
def test_it_speaks_english_and_french(
    client: TestClient, address: str, accepted: str, lang: str
) -> None:
    """Page and banner are in the language of the link, or of the browser, and of one alone."""
    page = client.get(address, headers={"Accept-Language": accepted}).text
    assert f'<html lang="{lang}">' in page
    assert TEXTS[lang]["title"] in page
    assert {"en": "Accept all", "fr": "Tout accepter"}[lang] in page
    assert TEXTS["en"].keys() == TEXTS["fr"].keys()


def policies(page: Response) -> list[str]:
    """Return the policies of a page, the app's own first."""
    return page.headers.get_list("Content-Security-Policy")


def test_its_policy_is_strict(client: TestClient) -> None:
    """The page forbids scripts and styles in itself, and has none."""
    page = client.get("/")
    assert policies(page)[0] == "default-src 'self'; frame-src 'self' http://localhost"
    for inline in ("<style", " style=", " onclick=", "<script>"):
        assert inline not in page.text
    for file in ("/static/demo.css", "/static/demo.js"):
        assert file in page.text
        assert client.get(file).status_code == 200


def outcomes(page: Response) -> dict[str, tuple[str, bool]]:
    """Return what the page says of each cookie: its kind, and whether it gets through."""
    rows = re.findall(
        r"<code>(\w+)</code></th>.*?class=\"(yes|no)\".*?<td>(.*?)</td>", page.text, re.S
    )
    return {name: (kind, passes == "yes") for name, passes, kind in rows}


KINDS = {
    "session": "necessary",
    "basket": "necessary",
    "_ga_DEMO": "statistics",
    "clicks_js": "statistics",
    "ad_id": "first-party, advertising",
    "partner_id": "third-party",
    "spy": "undeclared",
}


def test_all_four_kinds_are_on_one_page_in_both_states(client: TestClient) -> None:
    """Every kind of cookie is told with what becomes of it, before consent and after it."""
    before, after = outcomes(client.get("/")), outcomes(answer(client, "accept"))
    assert {name: kind for name, (kind, _) in before.items()} == KINDS
    assert {name for name, (_, passes) in before.items() if passes} == {"session", "basket"}
    assert {name for name, (_, passes) in after.items() if not passes} == {"spy"}


def test_the_guard_is_first_in_the_head(client: TestClient) -> None:
    """The guard comes before any other script, with what this visitor allows."""
    assert "clicks_js=1" in client.get("/static/demo.js").text
    page = client.get("/").text
    first = page.partition("<head>")[2].lstrip().partition(">")[0]
    assert "consentgate-guard." in first
    assert "-clicks_js" in first
    assert "+clicks_js" in answer(client, "accept").text


def test_a_scripts_cookie_is_withheld_until_it_is_accepted(client: TestClient) -> None:
    """The script's cookie is withheld and expired with the next request, until it is accepted."""
    sent = client.get("/", headers={"Cookie": "clicks_js=1"})
    assert "clicks_js" not in brought(sent)
    assert [line for line in sent.headers.get_list("Set-Cookie") if line.startswith("clicks_js=;")]
    answer(client, "accept")
    client.cookies.set("clicks_js", "1")
    assert "clicks_js" in brought(client.get("/"))


def brought(page: Response) -> str:
    """Return the part of the page that lists which cookies the site read."""
    return page.text.partition('id="brought">')[2].partition("</p>")[0]


@pytest.mark.parametrize(
    ("here", "there"),
    [("127.0.0.1:8000", "localhost:8000"), ("localhost", "127.0.0.1")],
)
def test_the_film_waits_for_consent(client: TestClient, here: str, there: str) -> None:
    """A box stands for the other site's film before consent, the film after; a link is careless."""
    client.base_url = f"http://{here}"
    film = f'<iframe src="http://{there}/partner/film"'
    page = client.get("/")
    assert film not in page.text
    assert "Partner Ltd can read cookies" in page.text
    assert "localhost:*" not in policies(page)[1]
    careless = client.get("/?partner=unasked")
    assert film in careless.text
    assert TEXTS["en"]["film_careless"] in careless.text
    assert policies(careless) == policies(page)
    accepted = answer(client, "accept")
    assert film in accepted.text
    assert policies(accepted)[1].endswith("127.0.0.1:* localhost:*")


def test_under_another_name_there_is_no_partner(client: TestClient) -> None:
    """A Host that is neither of the two gets no partner: nothing of it comes into a header."""
    for host in ("shop.test", "localhost; script-src *", "localhost:8000 x"):
        page = client.get("/?partner=unasked", headers={"Host": host})
        assert "/partner/film" not in page.text
        assert policies(page)[0] == "default-src 'self'"


def test_the_partner_is_outside_the_gate(client: TestClient) -> None:
    """Its film sets a cookie for embedding that no gate reaches, whatever was answered."""
    film = client.get("/partner/film")
    assert film.headers["Content-Type"].startswith("text/html")
    assert film.headers.get_list("Set-Cookie") == [demo.PARTNER_SETS]


def test_a_taken_port_is_said_and_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    """The demo takes the next free port, and says so."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with demo.listen(port) as listener:
            assert listener.getsockname()[1] > port
    assert f"Port {port} is taken" in capsys.readouterr().out


@pytest.mark.server
def test_the_command_serves_and_says_where() -> None:
    """`python -m examples.demo` prints the address, and answers there."""
    command = [sys.executable, "-m", "examples.demo", "18000"]
    output: Any = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, **output) as process:  # noqa: S603  # our own interpreter
        try:
            assert process.stdout is not None
            told = iter(process.stdout)
            url = next(line.split()[1] for line in told if line.strip().startswith("Open"))
            # What it promises of a withdrawal is no more than what is true.
            assert any("the partner keeps its own, and is not asked again" in each for each in told)
            port = int(url.rstrip("/").rpartition(":")[2])
            with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(65536), b""))
            assert b"\r\nset-cookie: session=" in answer
            assert b"spy=" not in answer
            process.terminate()
            said = process.communicate()[0]
            assert "stripped  spy" in said
            assert "stripped 'spy'" not in said
        finally:
            process.terminate()
