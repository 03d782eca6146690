"""What stands in a page for a frame or a script that waits for consent."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from adapters import KEY, Adapter, Answer, Header, Reply, Visit, called, granted, sets
from consentgate import Category, Consent, ConsentGate, ConsentGateError, Cookie, Policy, ThirdParty
from consentgate.pages.embed import Source, source
from test_pages import parsed, text_of, unreached

FILM = "https://www.video.test/film?a=1&b=2"
POLICY = Policy(
    [Cookie("session"), Cookie("_ga*", "statistics")],
    categories=[Category("news", title={"en": "News", "fr": "Actualités"})],
    third_parties=[
        ThirdParty("Video Ltd", "marketing", hosts=["*.video.test", "video.test:8443"]),
        ThirdParty("CDN Ltd", "necessary", hosts=["cdn.test"]),
    ],
)
GATE = ConsentGate(POLICY, secret_key=KEY)
SAME: Header = (b"Sec-Fetch-Site", b"same-origin")
PORTED = {
    "//a:80/": Source("//a:80/", "https://a:80", "a:80"),
    "//cdn:8443/": Source("//cdn:8443/", "https://cdn:8443", "cdn:8443"),
    "//a/b:c": Source("//a/b:c", "https://a", "a"),
}

Helper = Callable[[Consent], Markup]


def shown(adapter: Adapter, helper: Helper, visit: Visit | None = None) -> tuple[str, Answer]:
    """Return what a helper gives a page of the app, and the answer with it."""
    seen: list[Markup] = []
    answer = adapter(GATE, called(lambda consent: seen.append(helper(consent)), sets()), visit)
    return seen[0], answer


def film(consent: Consent) -> Markup:
    """Return the frame of a film."""
    return consent.iframe_html(FILM, "marketing", "A film & more", allow="fullscreen", loading=None)


def counter(consent: Consent) -> Markup:
    """Return the script of a counter."""
    return consent.external_script_html("/count.js", "statistics", nonce="n&1", defer=True)


def children(markup: str) -> list[Element]:
    """Return the elements of a piece of a page."""
    return list(parsed(markup))


@pytest.mark.conformance("T3")
def test_a_granted_frame_is_a_frame(adapter: Adapter) -> None:
    """With consent the page has the frame itself, which works without any script."""
    markup, answer = shown(adapter, film, granted(GATE, "marketing"))
    (frame,) = children(markup)
    assert (frame.tag, frame.attrib) == (
        "iframe",
        {"src": FILM, "title": "A film & more", "allow": "fullscreen"},
    )
    assert b"Cookie" in answer.values(b"vary")[0]


@pytest.mark.conformance("T3")
def test_a_frame_without_consent_is_a_box_before_a_frame_that_waits(adapter: Adapter) -> None:
    """Without consent a labelled box says what it is and from whom, and nothing is loaded."""
    markup, answer = shown(adapter, film)
    box, frame = children(markup)
    assert (frame.tag, frame.attrib) == (
        "iframe",
        {
            "data-consent": "marketing",
            "data-src": FILM,
            "title": "A film & more",
            "hidden": "",
            "allow": "fullscreen",
        },
    )
    assert (box.tag, box.get("aria-label")) == ("section", "A film & more")
    said = text_of(box)
    assert "Video Ltd can read cookies" in said
    assert "on the whole site: Marketing." in said
    assert next(box.iter("a")).get("href") == FILM
    once, always = box.iter("button")
    assert (text_of(once), once.get("type"), once.get("hidden")) == ("Allow once", "button", "")
    assert (text_of(always), always.get("name"), always.get("value")) == (
        *("Always allow", "answer"),
        "allow",
    )
    hidden = {each.get("name"): each.get("value") for each in box.iter("input")}
    assert hidden == {"back": "/", "from": "page", "allow-marketing": "yes"}
    assert answer.values(b"vary") == [b"Cookie, Accept-Language"]


@pytest.mark.conformance("T3")
def test_a_box_speaks_the_language_of_the_page(adapter: Adapter) -> None:
    """The language that is named, or else the visitor's, is that of the box."""

    def french(consent: Consent) -> Markup:
        return consent.iframe_html(FILM, "news", "Un film", language="fr")

    box = children(shown(adapter, french)[0])[0]
    assert box.get("lang") == "fr"
    assert "Actualités" in text_of(box)


@pytest.mark.parametrize(
    ("src", "name"),
    [
        (FILM, "Video Ltd"),
        ("//www.video.test/film", "Video Ltd"),
        ("https://video.test:8443/film", "Video Ltd"),
        ("https://other.test/film", "other.test"),
        ("https://other.test:8443/film", "other.test:8443"),
    ],
)
@pytest.mark.conformance("T3")
def test_a_box_names_who_is_behind_it(adapter: Adapter, src: str, name: str) -> None:
    """A declared third party has its name, an undeclared host its own."""
    helper: Helper = lambda consent: consent.iframe_html(src, "marketing", "A film")  # noqa: E731  # short
    assert f"comes from {name}." in text_of(children(shown(adapter, helper)[0])[0])


@pytest.mark.conformance("T3")
def test_what_is_of_this_site_comes_from_nobody_else(adapter: Adapter) -> None:
    """A frame of this very site has a box that names no other."""
    markup, _ = shown(adapter, lambda consent: consent.iframe_html("/film", "marketing", "A film"))
    assert "comes from" not in text_of(children(markup)[0])


@pytest.mark.conformance("T3")
def test_a_script_without_consent_waits(adapter: Adapter) -> None:
    """Without consent a script is text, with its nonce, and says which category it waits for."""
    (script,) = children(shown(adapter, counter)[0])
    assert (script.tag, script.attrib) == (
        "script",
        {
            "type": "text/plain",
            "data-consent": "statistics",
            "src": "/count.js",
            "defer": "",
            "nonce": "n&1",
        },
    )


@pytest.mark.conformance("T3")
def test_a_granted_script_is_a_script(adapter: Adapter) -> None:
    """With consent it is loaded as any other."""
    markup, answer = shown(adapter, counter, granted(GATE, "statistics"))
    (script,) = children(markup)
    assert script.attrib == {"src": "/count.js", "defer": "", "nonce": "n&1"}
    assert answer.values(b"vary") == [b"Cookie"]


@pytest.mark.conformance("T3")
def test_what_is_necessary_never_waits(adapter: Adapter) -> None:
    """A frame and a script in the necessary category are there for everybody."""

    def both(consent: Consent) -> Markup:
        return consent.iframe_html("https://cdn.test/map", "necessary", "A map") + (
            consent.external_script_html("https://cdn.test/map.js", "necessary")
        )

    frame, script = children(shown(adapter, both)[0])
    assert frame.get("src") == "https://cdn.test/map"
    assert script.attrib == {"src": "https://cdn.test/map.js"}


@pytest.mark.parametrize(
    ("helper", "message"),
    [
        (lambda c: c.iframe_html(FILM, "marketting", "A"), "did you mean 'marketing'"),
        (lambda c: c.iframe_html(FILM, "preferences", "A"), "declare a cookie or a third party"),
        (lambda c: c.iframe_html("javascript:alert(1)", "marketing", "A"), "use an address as in"),
        (lambda c: c.iframe_html("film", "marketing", "A"), "use an address as in"),
        (lambda c: c.iframe_html(3, "marketing", "A"), "use an address as in"),
        (lambda c: c.iframe_html(FILM, "marketing", " "), "title=' ': say in a few words"),
        (lambda c: c.iframe_html(FILM, "marketing", None), "title=None: say in a few words"),
        (lambda c: c.iframe_html(FILM, "marketing", "A", onload="x"), "'onload' is no attribute"),
        (lambda c: c.iframe_html(FILM, "marketing", "A", srcdoc="x"), "'srcdoc' is no attribute"),
        (lambda c: c.iframe_html(FILM, "marketing", "A", data_x="x"), "'data_x' is no attribute"),
        (lambda c: c.iframe_html(FILM, "marketing", "A", **{"a b": 1}), "'a b' is no attribute"),
        (lambda c: c.external_script_html("x:y", "marketing"), "external_script_html: src"),
        (lambda c: c.external_script_html(FILM, "x"), "external_script_html: category"),
        (lambda c: c.external_script_html(FILM, "marketing", type="x"), "'type' is no attribute"),
    ],
)
@pytest.mark.conformance("T3")
def test_a_placeholder_that_cannot_be_says_why(helper: Helper, message: str) -> None:
    """A mistake in a template is told, with what to write."""
    with pytest.raises(ConsentGateError, match=message):
        Adapter("wsgi")(GATE, called(helper, sets()))


@pytest.mark.conformance("T3")
def test_attributes_are_written_as_html_has_them(adapter: Adapter) -> None:
    """Underscores are dashes, a last one is dropped, True has no value, False and None are out."""

    def frame(consent: Consent) -> Markup:
        return consent.iframe_html(
            "https://cdn.test/a",
            "necessary",
            "A",
            class_="wide",
            aria_hidden="false",
            allowfullscreen=True,
            loading=None,
            width=False,
            height=9,
            name='"><b>',
        )

    (element,) = children(shown(adapter, frame)[0])
    del element.attrib["src"], element.attrib["title"]
    assert element.attrib == {
        "class": "wide",
        "aria-hidden": "false",
        "allowfullscreen": "",
        "height": "9",
        "name": '"><b>',
    }


# The addresses that the script of the pages asks for


def asked(
    adapter: Adapter, page: str, said: dict[str, str], *headers: Header, visit: Visit | None = None
) -> Answer:
    """Return the answer to a request of a page of the app, or of a frame in it."""
    cookies = visit.cookies if visit else ()
    query = urlencode(said).encode()
    return adapter(GATE, unreached, Visit(cookies, path=page, headers=headers, query=query))


BOX, FRAME = "/cookies/placeholder", "/cookies/frame"


@pytest.mark.conformance("T3")
def test_a_page_gets_the_box_for_its_own_frame(adapter: Adapter) -> None:
    """The script gets for a frame in a page the box that the helper writes, and its way back."""
    said = {"src": FILM, "category": "marketing", "title": "<A film>", "back": "/page?x=1"}
    answer = asked(adapter, BOX, {**said, "lang": "fr"}, SAME)
    assert answer.status == 200
    (box,) = children(answer.body.decode())
    assert (box.get("aria-label"), box.get("lang")) == ("<A film>", "fr")
    hidden = {each.get("name"): each.get("value") for each in box.iter("input")}
    assert hidden == {"back": "/page?x=1", "from": "page", "allow-marketing": "yes"}
    _, choose = box.iter("a")
    assert "back=%2Fpage%3Fx%3D1" in choose.attrib["href"]


@pytest.mark.conformance("T3")
def test_a_box_without_a_title_has_the_name_of_the_third_party(adapter: Adapter) -> None:
    """A frame without a title is labelled by who is behind it; elsewhere it leads to no page."""
    answer = asked(adapter, BOX, {"src": FILM, "category": "marketing", "back": "//evil.test/"})
    (box,) = children(answer.body.decode())
    assert box.get("aria-label") == "Video Ltd"
    assert [each.get("name") for each in box.iter("input")] == ["from", "allow-marketing"]


@pytest.mark.parametrize(
    ("page", "headers", "said", "status"),
    [
        (BOX, (), {"src": FILM}, 400),
        (BOX, (), {"src": FILM, "category": "x"}, 400),
        (BOX, (), {"src": FILM, "category": "necessary"}, 400),
        (BOX, (), {"src": FILM, "category": "preferences"}, 400),
        (BOX, (), {"src": "javascript:1", "category": "marketing"}, 400),
        (BOX, (), {"src": "https://video.test:99999/", "category": "marketing"}, 400),
        (BOX, (), {"src": "https://a@video.test/", "category": "marketing"}, 400),
        (BOX, (), {"category": "marketing"}, 400),
        (BOX, ((b"Sec-Fetch-Site", b"cross-site"),), {"src": FILM, "category": "marketing"}, 403),
        (FRAME, (), {}, 400),
        (FRAME, (), {"src": "https://other.test/", "once": "1"}, 400),
        (FRAME, (), {"src": "/own", "once": "1"}, 400),
        (FRAME, (), {"src": "javascript:1", "once": "1"}, 400),
        (FRAME, (), {"src": FILM}, 403),
        (FRAME, ((b"Sec-Fetch-Site", b"same-site"),), {"src": FILM, "once": "1"}, 403),
        (FRAME, ((b"Sec-Fetch-Site", b"none"),), {"src": FILM, "once": "1"}, 403),
        (FRAME, (SAME, (b"Sec-Fetch-Dest", b"document")), {"src": FILM, "once": "1"}, 403),
        (FRAME, (SAME, (b"Sec-Fetch-Dest", b"empty")), {"src": FILM, "once": "1"}, 403),
        # What follows the slashes has a colon early, and no scheme.
        *((FRAME, (), {"src": src, "once": "1"}, 400) for src in PORTED),
    ],
)
@pytest.mark.conformance("T3")
def test_what_no_page_of_the_site_asks_is_refused(
    adapter: Adapter, page: str, headers: tuple[Header, ...], said: dict[str, str], status: int
) -> None:
    """An address that is none, an unknown category, another site: nothing is framed or shown."""
    answer = asked(adapter, page, said, *headers)
    assert answer.status == status
    assert b"<iframe" not in answer.body


@pytest.mark.parametrize(
    ("visit", "said"),
    [
        (None, {"once": "1"}),
        (granted(GATE, "marketing"), {"full": "0"}),
        (None, {"once": "1", "title": "A", "full": "1"}),
    ],
)
@pytest.mark.conformance("T3")
def test_a_frame_of_our_own_frames_a_third_party(
    adapter: Adapter, visit: Visit | None, said: dict[str, str]
) -> None:
    """Asked for this once, or with consent, the page around a frame allows its hosts, no others."""
    in_frame: Header = (b"Sec-Fetch-Dest", b"iframe")
    asks = {"src": FILM, "allow": "autoplay", **said}
    answer = asked(adapter, FRAME, asks, SAME, in_frame, visit=visit)
    assert answer.status == 200
    (frame,) = parsed(answer.body.decode()).iter("iframe")
    title = said.get("title", "Video Ltd")
    assert (frame.get("src"), frame.get("title")) == (FILM, title)
    # The author's frame decides on full screen.
    assert frame.get("allow") == "autoplay"
    assert frame.get("allowfullscreen") == ("" if said.get("full") == "1" else None)
    (policy,) = answer.values(b"content-security-policy")
    style = answer.body.partition(b"<style>")[2].partition(b"</style>")[0]
    assert b"{" in style
    assert policy == (
        b"default-src 'none'; style-src 'sha256-%b'; frame-src https://www.video.test "
        b"*.video.test video.test:8443; base-uri 'none'; frame-ancestors 'self'"
    ) % b64encode(sha256(style).digest())
    assert answer.values(b"referrer-policy") == [b"strict-origin-when-cross-origin"]
    assert not answer.set_cookies


@pytest.mark.conformance("T3")
def test_once_is_no_choice(adapter: Adapter) -> None:
    """What is framed this once is remembered nowhere: no cookie, no choice, nothing kept."""
    answer = asked(adapter, FRAME, {"src": FILM, "once": "1"}, SAME)
    assert not answer.set_cookies
    assert answer.values(b"cache-control") == [b"no-store"]


# Always allow


def allowed(adapter: Adapter, body: bytes, visit: Visit | None = None, *, json: bool) -> Answer:
    """Return what is answered to who always allows something."""
    kind = b"application/json" if json else b"application/x-www-form-urlencoded"
    return adapter(
        GATE,
        unreached,
        Visit(
            visit.cookies if visit else (),
            method="POST",
            path="/cookies/choice.json" if json else "/cookies/choice",
            headers=[SAME, (b"Content-Type", kind)],
            body=body,
        ),
    )


def held(answer: Answer) -> tuple[list[str], list[str]]:
    """Return what the choice in an answer grants, and what it refuses."""
    pair = answer.set_cookies[0].partition(b";")[0]
    choice = GATE.standing([pair]).choice
    assert choice is not None
    return sorted(choice.granted), sorted(choice.refused)


@pytest.mark.conformance("T3")
def test_always_allow_grants_one_purpose_beside_the_others(adapter: Adapter) -> None:
    """What was granted stays so, what was not is refused, and one purpose more is granted."""
    body = b"answer=allow&allow-marketing=yes"
    first = allowed(adapter, body, json=False)
    assert first.status == 303
    assert held(first) == (["marketing"], ["news", "preferences", "statistics"])
    then = allowed(adapter, body, granted(GATE, "statistics"), json=False)
    assert held(then) == (["marketing", "statistics"], ["news", "preferences"])


@pytest.mark.conformance("T3")
def test_always_allow_leaves_an_objection(adapter: Adapter) -> None:
    """Who opposed what is exempt goes on opposing it."""
    choice = GATE.choice([], GATE.policy.choosable)
    pair = GATE.set_cookie_for(choice).partition(";")[0].encode()
    body = json.dumps({"answer": "allow", "allow": {"marketing": True}}).encode()
    answer = allowed(adapter, body, Visit([pair]), json=True)
    assert "anonymous_statistics" in held(answer)[1]
    assert "marketing" in json.loads(answer.body)["allowed"]


@pytest.mark.parametrize(
    "body", [b"answer=allow", b"answer=allow&allow-marketing=no", b"answer=allow&allow-x=yes"]
)
@pytest.mark.conformance("T3")
def test_allow_says_what_it_allows(adapter: Adapter, body: bytes) -> None:
    """An answer that allows nothing, refuses, or names no purpose of the site is none."""
    answer = allowed(adapter, body, json=False)
    assert answer.status == 400
    assert not answer.set_cookies


@pytest.mark.parametrize(("src", "found"), PORTED.items())
@pytest.mark.conformance("T3")
def test_an_address_without_a_scheme_may_have_a_port(
    adapter: Adapter, src: str, found: Source
) -> None:
    """Where the browser is to add the scheme, a colon near the front is no end of one."""
    assert source(src) == found
    markup, _ = shown(adapter, lambda consent: consent.iframe_html(src, "marketing", "A film"))
    assert f"comes from {found.host}." in text_of(children(markup)[0])
    answer = asked(adapter, BOX, {"src": src, "category": "marketing"}, SAME)
    assert answer.status == 200
    assert f"comes from {found.host}." in text_of(children(answer.body.decode())[0])


@given(st.text(max_size=60) | st.from_regex(r"(https?:)?//[^\s]{0,30}"))
@pytest.mark.conformance("T3")
def test_no_address_leads_elsewhere_than_it_says(text: str) -> None:
    """Whatever is taken for an address has a host that a policy can name, or is a path here."""
    found = source(text)
    if found is not None:
        assert found.origin == "" or found.origin.startswith(("http://", "https://"))
        assert not set(found.origin) & set(" ;,'\"\\")
        assert found.address == text


@pytest.mark.conformance("T3")
def test_the_charter_lists_the_cookies_of_third_parties(adapter: Adapter) -> None:
    """A third party's cookies stand in the table of its category, with it as who reads them."""
    policy = Policy(
        [],
        third_parties=[
            ThirdParty("Video Ltd", "marketing", hosts=["video.test"], cookies=["IDE"]),
        ],
    )
    gate = ConsentGate(policy, secret_key=KEY)
    document = parsed(adapter(gate, unreached, Visit(path="/cookies")).body.decode())
    rows = [[text_of(cell) for cell in row] for row in document.iter("tr")]
    assert ["Video Ltd", "–", "IDE", "–", "–", "Video Ltd"] in rows
    state: Any = json.loads(adapter(gate, unreached, Visit(path="/cookies/choice.json")).body)
    (marketing,) = [each for each in state["categories"] if each["key"] == "marketing"]
    assert marketing["cookies"] == []
    assert [each["name"] for each in marketing["third_parties"][0]["cookies"]] == ["IDE"]


@pytest.mark.conformance("T3")
def test_two_waiting_frames_are_two_boxes(adapter: Adapter) -> None:
    """A page may have several: no id is in it twice."""
    markup, _ = shown(adapter, lambda consent: film(consent) + film(consent))
    ids = [each.get("id") for each in parsed(markup).iter() if each.get("id")]
    assert len(ids) == len(set(ids))


@pytest.mark.conformance("T3")
def test_a_reply_with_a_placeholder_is_a_page(adapter: Adapter) -> None:
    """A whole page with both placeholders is HTML without an error."""

    def page(consent: Consent) -> Reply:
        body = f"<!doctype html><title>A</title>{film(consent)}{counter(consent)}"
        return Reply([(b"Content-Type", b"text/html")], body=[body.encode()])

    assert parsed(adapter(GATE, page).body.decode()) is not None
