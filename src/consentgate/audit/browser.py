"""A visitor with a real Chromium: it sees what scripts and other sites set, too."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from consentgate.audit.crawl import NotVisited, Visit, is_consentgate
from consentgate.audit.launch import launched
from consentgate.audit.page import Page
from consentgate.audit.sighting import Sighting, from_header, is_own, place

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext, Locator, Response

_QUIET_SECONDS = 3.0
_LONGEST_WAIT = 15.0
# In a world of its own, which the page does not see: it tells of cookies while the page loads, in
# time for those that a gate expires at once. HttpOnly ones it does not see: no script sets them.
_WORLD = "consentgate"
_TELL = """
// An empty frame is a part of who made it: it has that origin, and no host in its address.
const host = new URL(origin === "null" ? location : origin).hostname;
const tell = (cookies) => consentgateCookies(JSON.stringify({host, cookies:
  cookies.map(({name, domain, path, expires, secure, sameSite}) =>
    ({name, domain, path, expires, secure, sameSite}))}));
if (globalThis.cookieStore) {
  cookieStore.addEventListener("change", (event) => tell(event.changed));
  for (const moment of ["DOMContentLoaded", "load"])
    addEventListener(moment, () => cookieStore.getAll().then(tell, () => {}));
}
"""
_ACCEPT = 'button[name="answer"][value="accept"]'


class Chromium:
    """Visits pages as a person does who presses nothing but links.

    `context` has an empty jar; `site` is the host whose cookies are its own.
    """

    def __init__(self, context: BrowserContext, site: str) -> None:
        self._site = site
        self._context = context
        self._place = "/"
        self._responses: list[tuple[Response, str]] = []
        self._headers: list[Sighting] = []
        self._jar: dict[tuple[str, str, str], Sighting] = {}
        self._tab = context.pages[0] if context.pages else context.new_page()
        self._devtools = context.new_cdp_session(self._tab)
        context.on("response", self._keep)
        context.on("page", lambda page: page.close())  # a window that a page opens
        self._stay_here()
        self._listen()

    def visit(self, url: str, seconds: float) -> Visit:
        """Visit a page, and wait until it is quiet. Raises NotVisited."""
        from playwright.sync_api import Error

        self._place = place(url)
        wait = min(seconds, _LONGEST_WAIT) * 1000
        try:
            self._tab.goto(url, wait_until="load", timeout=wait)
            self._settle(seconds)
            visit = self._look()
        except Error as error:
            raise NotVisited(f"{url}: {error.message.splitlines()[0]}") from error
        finally:
            self._take_stock()
        return visit

    def accept(self, url: str, asked_at: str) -> bool:
        """Press "accept all" on a page, or else answer the pages that ask."""
        from playwright.sync_api import Error

        try:
            self.visit(url, _LONGEST_WAIT)
            button = self._tab.locator(_ACCEPT)
            return self._press(button) if button.count() else self._send(asked_at)
        except (NotVisited, Error):
            return False
        finally:
            self._take_stock()

    def _press(self, button: Locator) -> bool:
        with self._tab.expect_response(_is_answer, timeout=_LONGEST_WAIT * 1000) as answer:
            button.first.click()
        self._settle(_LONGEST_WAIT)
        return bool(answer.value.ok)

    def _send(self, asked_at: str) -> bool:
        """Answer as a script of the site would; the browser keeps the cookie."""
        asked, state = self._context.request, f"{asked_at}/choice.json"
        if not is_consentgate(asked.get(state).text()):
            return False
        said = {"Sec-Fetch-Site": "same-origin"}
        return bool(asked.post(state, data={"answer": "accept"}, headers=said).ok)

    def sightings(self) -> list[Sighting]:
        """Return what responses set, and what else is, or was, in the browser's jar."""
        by_header = {(seen.name, seen.domain or seen.host) for seen in self._headers}
        others = [
            seen for (name, domain, _), seen in self._jar.items() if (name, domain) not in by_header
        ]
        return [*self._headers, *others]

    def _stay_here(self) -> None:
        """Let no page, and no redirect, lead the tab to another host: that one's are empty."""
        frame = self._devtools.send("Page.getFrameTree")["frameTree"]["frame"]["id"]

        def decide(paused: dict[str, Any]) -> None:
            verb, said = "continueRequest", {"requestId": paused["requestId"]}
            if paused["frameId"] == frame and not self._is_here(paused["request"]["url"]):
                verb, said = "fulfillRequest", {**said, "responseCode": 200}
            self._devtools.send(f"Fetch.{verb}", said)

        self._devtools.on("Fetch.requestPaused", decide)
        self._devtools.send("Fetch.enable", {"patterns": [{"resourceType": "Document"}]})

    def _listen(self) -> None:
        binding = {"name": "consentgateCookies", "executionContextName": _WORLD}
        self._devtools.send("Page.enable")
        self._devtools.send("Runtime.enable")
        self._devtools.send("Runtime.addBinding", binding)
        self._devtools.send(
            "Page.addScriptToEvaluateOnNewDocument",
            {"source": _TELL, "worldName": _WORLD},
        )
        self._devtools.on("Runtime.bindingCalled", self._told)

    def _told(self, called: dict[str, Any]) -> None:
        told = json.loads(called["payload"])
        for cookie in told["cookies"]:
            expires = cookie.get("expires")
            self._hold(
                {
                    "domain": cookie.get("domain") or told["host"],
                    "path": cookie.get("path") or "/",
                    "expires": -1 if expires is None else expires / 1000,
                    "session": expires is None,
                    "httpOnly": False,
                    "name": cookie["name"],
                    "secure": bool(cookie.get("secure")),
                    "sameSite": str(cookie.get("sameSite") or "").capitalize() or None,
                }
            )

    def _is_here(self, url: str) -> bool:
        return urlsplit(url).hostname == self._site

    def _settle(self, seconds: float) -> None:
        from playwright.sync_api import TimeoutError as StillBusy

        with suppress(StillBusy):
            wait = min(seconds, _QUIET_SECONDS) * 1000
            self._tab.wait_for_load_state("networkidle", timeout=max(wait, 1))

    def _look(self) -> Visit:
        url = self._tab.url
        return Visit(url, tuple(Page(self._tab.content(), url).links))

    def _keep(self, response: Response) -> None:
        self._responses.append((response, self._place))

    def _take_stock(self) -> None:
        """Note what is in the jar, and what the responses since the last time have set."""
        for cookie in self._devtools.send("Network.getAllCookies")["cookies"]:
            self._hold(cookie)
        responses, self._responses = self._responses, []
        for response, page in responses:
            self._headers += self._set_by(response, page)

    def _hold(self, cookie: dict[str, Any]) -> None:
        """Note a cookie, as the developer tools describe it."""
        seen = self._from_jar(cookie)
        self._jar.setdefault((seen.name, seen.host, cookie["path"]), seen)

    def _from_jar(self, cookie: dict[str, Any]) -> Sighting:
        host = cookie["domain"].lstrip(".")
        own = is_own(host, self._site)
        # Rounded up: some seconds have passed since it was set. A session's has no expiry, but -1.
        left = timedelta(minutes=ceil((cookie["expires"] - time.time()) / 60))
        # No script can make a cookie HttpOnly: it came in a header that nobody showed.
        by = "header" if cookie["httpOnly"] else "script"
        return Sighting(
            cookie["name"],
            by if own else "third party",
            host,
            domain=host if cookie["domain"].startswith(".") else None,
            path=cookie["path"],
            lifetime=None if cookie["session"] else left,
            http_only=cookie["httpOnly"],
            secure=cookie["secure"],
            same_site=cookie.get("sameSite"),
            pages=(self._place,),
        )

    def _set_by(self, response: Response, page: str) -> Iterator[Sighting]:
        from playwright.sync_api import Error

        host = urlsplit(response.url).hostname or ""
        by = "header" if is_own(host, self._site) else "third party"
        headers = []
        with suppress(Error):  # Of a page that is closed nothing is known any more.
            headers = response.headers_array()
        lines = [h["value"] for h in headers if h["name"].lower() == "set-cookie"]
        found = (
            from_header(
                line.encode("utf-8", "surrogateescape"),
                host=host,
                page=page,
                now=time.time(),
                by=by,
            )
            for line in lines
        )
        yield from (seen for seen in found if seen is not None)


def _is_answer(response: Response) -> bool:
    return response.request.method == "POST"


@contextmanager
def chromium(url: str) -> Iterator[Chromium]:
    """Give a Chromium for the site at a URL, with an empty jar.

    Raises ConsentGateError where there is none.
    """
    with launched(url) as context:
        yield Chromium(context, urlsplit(url).hostname or "")
