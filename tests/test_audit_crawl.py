"""A crawl keeps to its site and to its bounds, and changes nothing there."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from consentgate import ConsentGateError
from consentgate.audit.crawl import (
    Bounds,
    Crawl,
    Frontier,
    NotVisited,
    Visit,
    changes,
    crawl,
    is_consentgate,
)
from consentgate.audit.page import Page
from consentgate.audit.sighting import Sighting

HOME = "http://shop.test/"


def admitted(*links: str) -> list[str]:
    """Return those of the links that are visited after the start."""
    frontier = Frontier(HOME)
    frontier.add(links)
    pages = list(iter(frontier.next, None))
    assert pages[0] == HOME
    return [page.removeprefix("http://shop.test") for page in pages[1:]]


def test_each_page_of_this_host_is_visited_once_in_order() -> None:
    """A fragment, a capital in the host and an empty path make no other page."""
    links = (HOME + "b", HOME + "a", "http://SHOP.test/b#part", "http://shop.test", HOME + "a?x=1")
    assert admitted(*links) == ["/b", "/a", "/a?x=1"]


@pytest.mark.parametrize(
    "link",
    [
        "https://other.test/",
        "http://shop.test:8080/",
        "http://www.shop.test/",
        "mailto:a@shop.test",
        "javascript:alert(1)",
        "http://[",
        "http://shop.test:port/",
        "",
        "http://shop.test/logout",
        "http://shop.test/account/Sign-Out?next=/",
        "http://shop.test/?action=delete&id=3",
        "http://shop.test/deconnexion",
        "http://shop.test/report.PDF",
    ],
)
def test_other_hosts_files_and_links_that_change_something_are_left_alone(link: str) -> None:
    """No link leads to another host or port, logs out, deletes, or fetches what is no page."""
    assert admitted(link) == []


def test_a_word_inside_another_changes_nothing() -> None:
    """Only whole words tell that a link changes something."""
    assert not changes(HOME + "blogout/undeleted/removed-items-listing")
    assert not changes(HOME + "cancelled")
    assert changes(HOME + "items/3/delete")
    assert changes(HOME + "log_out")


def test_tls_or_not_it_is_one_host() -> None:
    """A link to the same host over https is followed."""
    frontier = Frontier(HOME)
    frontier.add(["https://shop.test/a"])
    assert len(frontier) == 2


def test_of_one_path_few_queries_are_visited() -> None:
    """A calendar has no end: of one path, five addresses are visited."""
    links = [f"{HOME}calendar?month={month}" for month in range(100)]
    assert len(admitted(*links)) == 5


def test_links_are_found_as_a_browser_reads_them() -> None:
    """Links are relative to the page or its base; entities are decoded, the first attribute counts.

    A link that a script sends by another method, and a download, are none.
    """
    page = Page(
        """<base href="/shop/"><a href="a?x=1&amp;y=2">a</a><a href=" ../b " href="c">b</a>
        <area href="/map"><iframe src="frame"></iframe><a name="top">
        <a href="/x" data-method="delete"><a href="/y" hx-post="/y"><a href="/z" download>
        <a href="/ok" data-method="GET"><A HREF='http://[bad'>""",
        HOME + "deep/page",
    )
    assert page.links == [
        "http://shop.test/shop/a?x=1&y=2",
        "http://shop.test/b",
        "http://shop.test/map",
        "http://shop.test/shop/frame",
        "http://shop.test/ok",
        "",
    ]


def test_what_a_page_loads_by_itself_is_found() -> None:
    """Pictures, scripts and styles are loaded; other kinds of `link` are not."""
    page = Page(
        """<img src="dot.gif"><script src="/a.js"></script><script>1</script>
        <link rel="stylesheet" href="a.css"><link rel="next" href="/2"><link href="/3">""",
        HOME,
    )
    assert page.loads == [HOME + "dot.gif", HOME + "a.js", HOME + "a.css"]


def test_the_form_that_takes_an_answer_is_found() -> None:
    """A form with consentgate's accept button is one; it takes its hidden fields along."""
    page = Page(
        """<form action="/search"><input type="hidden" name="q" value="1"><button>Go</button></form>
        <button name="answer" value="accept">outside</button>
        <form method="post" action="/cookies/choice"><input type="hidden" name="back" value="/a?b">
        <input name="shown"><button name="answer" value="accept">Accept all</button>
        <button name="answer" value="refuse">Refuse all</button></form>""",
        HOME,
    )
    assert page.answers == [(HOME + "cookies/choice", {"back": "/a?b"})]


@pytest.mark.parametrize(
    ("state", "known"),
    [
        ('{"answered": false, "allowed": [], "revision": "x", "more": 1}', True),
        ('{"answered": false}', False),
        ('["answered", "allowed", "revision"]', False),
        ("<html>", False),
        ("[" * 100_000, False),
    ],
)
def test_consentgates_own_words_are_known(state: str, known: bool) -> None:
    """Nobody is sent an answer who does not speak as consentgate does."""
    assert is_consentgate(state) is known


class Site:
    """A site of made-up pages, and a clock that each visit moves on by a second."""

    def __init__(self, pages: dict[str, list[str]], accepts: bool = True) -> None:
        self.pages = pages
        self.accepts = accepts
        self.now = 0.0
        self.log: list[str] = []
        self.seen: list[Sighting] = []

    def visit(self, url: str, seconds: float) -> Visit:
        """Visit a page, and see a cookie of its name."""
        assert seconds > 0
        self.now += 1
        path = url.removeprefix("http://shop.test")
        self.log.append(path)
        if path not in self.pages:
            raise NotVisited(f"{path}: no answer")
        self.seen.append(Sighting(path.strip("/"), "header"))
        links = self.pages[path]
        if links and links[0] == "->":
            return Visit(links[1], (HOME + "never",))
        return Visit(url, tuple(HOME + link for link in links))

    def accept(self, url: str, asked_at: str) -> bool:
        """Accept all."""
        self.log.append(f"accept {asked_at}")
        return self.accepts

    def sightings(self) -> Iterable[Sighting]:
        """Return what was seen."""
        return self.seen

    def clock(self) -> float:
        """Return the time."""
        return self.now


def crawled(site: Site, pages: int = 50, seconds: float = 60, accept: str | None = None) -> Crawl:
    """Crawl a site."""
    return crawl(site, HOME, Bounds(pages, seconds), accept=accept, clock=site.clock)


def test_a_crawl_follows_links_until_there_are_none_left() -> None:
    """Pages are visited breadth first; what gave no answer is told apart."""
    site = Site({"/": ["a", "b"], "/a": ["c", "b"], "/b": ["lost"], "/c": []})
    found = crawled(site)
    assert site.log == ["/", "/a", "/b", "/c", "/lost"]
    assert [page.removeprefix(HOME) for page in found.pages] == ["", "a", "b", "c"]
    assert found.failures == ("/lost: no answer",)
    assert (found.left, found.accepted) == (0, None)
    assert {seen.name for seen in found.sightings} == {"", "a", "b", "c"}


def test_a_redirect_to_another_host_ends_there() -> None:
    """The links of a page on another host are not followed."""
    site = Site({"/": ["a"], "/a": ["->", "https://other.test/"]})
    assert crawled(site).pages == (HOME, HOME + "a")
    assert site.log == ["/", "/a"]


def test_where_a_redirect_ended_is_not_visited_again() -> None:
    """A page that a redirect led to is known."""
    site = Site({"/": ["a", "b"], "/a": ["->", HOME + "b"], "/b": [], "/never": []})
    site.pages["/b"] = []
    crawled(site)
    assert site.log.count("/b") == 1


def test_pages_and_time_are_bounded() -> None:
    """A crawl ends with its pages or with its time; what is known and left is counted."""
    links = {"/": [str(number) for number in range(20)]} | {f"/{n}": [] for n in range(20)}
    assert crawled(Site(links), pages=3).left == 18
    found = crawled(Site(links), seconds=5)
    assert len(found.pages) == 5


def test_half_of_the_bounds_is_for_the_time_after_consent() -> None:
    """Consent is given half way, and the pages are visited again from the start."""
    site = Site({"/": ["a", "b"], "/a": [], "/b": []})
    found = crawled(site, pages=4, accept=HOME + "cookies")
    assert site.log == ["/", "/a", f"accept {HOME}cookies", "/", "/a"]
    assert found.accepted is True
    assert found.pages == (HOME, HOME + "a")
    assert found.left == 1


def test_without_anybody_to_consent_to_there_is_no_second_half() -> None:
    """A site that does not ask is visited once; the crawl says that nothing was accepted."""
    site = Site({"/": []}, accepts=False)
    assert crawled(site, accept=HOME).accepted is False
    assert site.log == ["/", f"accept {HOME}"]


def test_a_site_that_does_not_answer_is_an_error() -> None:
    """Where the first page gives no answer, nothing is shown: it is said, with the reason."""
    with pytest.raises(ConsentGateError, match="no page was visited: /: no answer"):
        crawled(Site({}))


def test_progress_is_told() -> None:
    """After each page the number of visited ones is told, and how many there will be."""
    told: list[tuple[int, int]] = []
    site = Site({"/": ["a", "b", "c"], "/a": [], "/b": [], "/c": []})
    crawl(site, HOME, Bounds(3), progress=lambda *numbers: told.append(numbers), clock=site.clock)
    assert told == [(1, 3), (2, 3), (3, 3)]
