"""The ways in which a page can load something from another site, and pages with all of them."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote

from third_party_lab import KINDS, Asked, Reply, Site

# The ways of loading something from `@`, the address of another site: its path is the way's name,
# so that the log over there says which way it was. `^` is the same for websockets, `~` a name of
# that site. `own(a.js`...`)` is the address of a file of this site with that in it, and
# `own(redirect`...`)` of one that leads there.

MARKUP = {
    "script.js": "<script src='@'></script>",
    "async.js": "<script async src='@'></script>",
    "module.mjs": "<script type=module src='@'></script>",
    "imported.mjs": "<script type=module>import '@'</script>",
    "img.png": "<img src='@'>",
    "srcset.png": "<img srcset='@ 1x'>",
    "picture.png": "<picture><source srcset='@'><img></picture>",
    "input.png": "<input type=image src='@'>",
    "svgimage.png": "<svg><image href='@'/></svg>",
    "feimage.png": "<svg width=9 height=9><filter id=f~><feImage href='@'/></filter>"
    "<rect width=9 height=9 filter='url(#f~)'/></svg>",
    "poster.png": "<video poster='@'></video>",
    "video.mp4": "<video src='@' preload=auto></video>",
    "source.mp4": "<video preload=auto><source src='@'></video>",
    "audio.mp3": "<audio src='@' preload=auto></audio>",
    "track.vtt": "<video crossorigin=use-credentials><track default src='@'></video>",
    "iframe.html": "<iframe src='@'></iframe>",
    "object.html": "<object data='@'></object>",
    "embed.html": "<embed src='@'>",
    "style.css": "<link rel=stylesheet href='@'>",
    "import.css": "<style>@import '@';</style>",
    "url.png": "<style>#url~ { background: url(@) }</style><p id=url~>",
    "imageset.png": "<p style='background: image-set(\"@\" 1x)'>",
    "mask.png": "<p style='mask-image: url(@)'>masked",
    "cursor.png": "<p style='cursor: url(@), auto'>cursor",
    "list.png": "<ul style='list-style-image: url(@)'><li>x</ul>",
    "content.png": "<style>#c~::before { content: url(@) }</style><p id=c~>",
    "face.woff2": "<style>@font-face { font-family: f~; src: url(@) }</style>"
    "<p style='font-family: f~'>x",
    "preload.png": "<link rel=preload as=image href='@'>",
    "preload.js": "<link rel=preload as=script href='@'>",
    "preload.css": "<link rel=preload as=style href='@'>",
    "preload.woff2": "<link rel=preload as=font crossorigin href='@'>",
    "preload.json": "<link rel=preload as=fetch crossorigin href='@'>",
    "modulepreload.mjs": "<link rel=modulepreload href='@'>",
    "prefetch.html": "<link rel=prefetch href='@'>",
    "prefetch.js": "<link rel=prefetch as=script href='@'>",
    "srcdoc.png": "<iframe srcdoc=\"<img src='@'>\"></iframe>",
    "srcdocscript.png": "<iframe srcdoc=\"<script>new Image().src='@'</script>\"></iframe>",
    "sandboxed.png": "<iframe sandbox=allow-scripts srcdoc=\"<img src='@'>\"></iframe>",
    "dataframe.png": "<iframe src=\"data:text/html,<img src='@'>\"></iframe>",
    "javascript.png": "<iframe src=\"javascript:`<img src='@'>`\"></iframe>",
    "nested.png": "<iframe src=\"own(page.html`<img src='@'>`)\"></iframe>",
    "nestedframe.html": "<iframe src=\"own(page.html`<iframe src='@'></iframe>`)\"></iframe>",
    "svgobject.png": "<object data=\"own(page.svg`<svg xmlns='http://www.w3.org/2000/svg'>"
    "<image href='@'/></svg>`)\"></object>",
    "refresh.html": "<iframe src=\"own(page.html`<meta http-equiv=refresh content='0;url=@'>`)\">"
    "</iframe>",
    "location.html": '<iframe src="own(page.html`<script>location="@"</script>`)"></iframe>',
    "formframe.html": "<iframe name=target~></iframe><form id=form~ action='@' target=target~>"
    "</form><script>form~.submit()</script>",
    "redirected.png": "<img src='own(redirect`@`)'>",
    "redirected.js": "<script src='own(redirect`@`)'></script>",
    "redirected.html": "<iframe src='own(redirect`@`)'></iframe>",
    "redirected.css": "<link rel=stylesheet href='own(redirect`@`)'>",
    "ownstyle.png": '<link rel=stylesheet href="own(a.css`#own~ { background: url(@) }`)">'
    "<p id=own~>",
    "ownimport.css": "<link rel=stylesheet href=\"own(a.css`@import '@';`)\">",
}
SCRIPTED = {
    "fetch.json": "fetch('@', {mode: 'no-cors', credentials: 'include'})",
    "fetchcors.json": "fetch('@', {credentials: 'include'})",
    "keepalive.json": "fetch('@', {mode: 'no-cors', keepalive: true, method: 'POST', body: '1'})",
    "xhr.json": "let x = new XMLHttpRequest(); x.withCredentials = true; x.open('GET', '@');"
    "x.send()",
    "beacon.txt": "navigator.sendBeacon('@', '1')",
    "later.txt": "if (window.fetchLater) fetchLater('@', {activateAfter: 0})",
    "source.events": "new EventSource('@', {withCredentials: true})",
    "socket": "new WebSocket('^')",
    "image.png": "new Image().src = '@'",
    "dynamic.mjs": "import('@')",
    "element.js": "document.head.append(Object.assign(document.createElement('script'),"
    "{src: '@'}))",
    "fontface.woff2": "new FontFace('g', 'url(@)').load()",
    "audio.mjs": "if (window.AudioWorklet) new AudioContext().audioWorklet.addModule('@')",
    "paint.mjs": "if (CSS.paintWorklet) CSS.paintWorklet.addModule('@')",
    "ping.txt": "let a = document.createElement('a'); a.href = '#x'; a.ping = '@';"
    "document.body.append(a); a.click()",
    "workerfetch.json": "new Worker(\"own(a.js`fetch('@', {mode: 'no-cors'})`)\")",
    "workerxhr.json": "new Worker(\"own(a.js`x = new XMLHttpRequest(); x.open('GET', '@');"
    'x.send()`)")',
    "workersocket": "new Worker(\"own(a.js`new WebSocket('^')`)\")",
    "workerimport.js": "new Worker(\"own(a.js`importScripts('@')`)\")",
    "workermodule.mjs": "new Worker(\"own(a.js`import '@'`)\", {type: 'module'})",
    "workerdynamic.mjs": "new Worker(\"own(a.js`import('@')`)\", {type: 'module'})",
    "workerofworker.json": 'new Worker("own(a.js`new Worker(URL.createObjectURL(new Blob(['
    '\'fetch(\\"@\\", {mode: \\"no-cors\\"})\'])))`)")',
    "blobworker.json": "new Worker(URL.createObjectURL(new Blob(["
    "\"fetch('@', {mode: 'no-cors'})\"])))",
    "blobworkerimport.js": "new Worker(URL.createObjectURL(new Blob([\"importScripts('@')\"])))",
    "dataworker.json": "new Worker(\"data:text/javascript,fetch('@', {mode: 'no-cors'})\")",
    "sharedworker.json": "new SharedWorker(\"own(a.js`fetch('@', {mode: 'no-cors'})`)\")",
    "sharedimport.js": "new SharedWorker(\"own(a.js`importScripts('@')`)\")",
    "blobframe.png": "let f = document.createElement('iframe'); document.body.append(f);"
    "f.src = URL.createObjectURL(new Blob(['<img src=\"@\">'], {type: 'text/html'}))",
    "written.png": "let f = document.createElement('iframe'); document.body.append(f);"
    "f.contentDocument.write('<img src=\"@\">'); f.contentDocument.close()",
    "blank.png": "let f = document.createElement('iframe'); document.body.append(f);"
    "let i = f.contentDocument.createElement('img'); i.src = '@';"
    "f.contentDocument.body.append(i)",
    "framefetch.json": "let f = document.createElement('iframe'); document.body.append(f);"
    "f.contentWindow.fetch('@', {mode: 'no-cors'})",
    "frameopen.html": "let f = document.createElement('iframe'); f.name = 'opened~';"
    "document.body.append(f); window.open('@', 'opened~')",
    "redirectedfetch.json": "fetch('own(redirect`@`)', {mode: 'no-cors'})",
    "redirectedbeacon.txt": "navigator.sendBeacon('own(redirect`@`)', '1')",
}

ONE_OF_A_PAGE = {
    "icon.png": "<link rel=icon href='@'>",
    "manifest.json": "<link rel=manifest href='@'>",
}
WAYS = frozenset({**MARKUP, **SCRIPTED})
SECURE = frozenset({"later.txt", "audio.mjs", "paint.mjs"})
"""Ways that browsers have only on https."""

_OWN = re.compile(r"own\(([a-z.]+)`(.*?)`\)", re.DOTALL)
_ADDRESS = re.compile(r"@(?!import|font-face)")
_SCRIPT = "try {{ (() => {{ {} }})() }} catch (error) {{ console.log(error) }}\n"


class Loading:
    """Pages that load things from other sites in all these ways, and the files that they need."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._files: dict[str, Reply] = {}

    def page(self, *hosts: str) -> Reply:
        """Return a page that loads from these hosts in every way."""
        rows = [self._put(name, text, host) for name, text in MARKUP.items() for host in hosts]
        acts = [self._put(name, text, host) for name, text in SCRIPTED.items() for host in hosts]
        markup = "".join(f"<div>{row}</div>\n" for row in rows)
        script = "".join(_SCRIPT.format(act) for act in acts)
        return Reply(f"<!doctype html><title>x</title><body>{markup}<script>{script}</script>")

    def single(self, host: str) -> Reply:
        """Return a page that loads from a host what a page loads one of."""
        rows = [self._put(name, text, host) for name, text in ONE_OF_A_PAGE.items()]
        return Reply(f"<!doctype html><title>x</title>{''.join(rows)}<body>")

    def file(self, asked: Asked) -> Reply:
        """Return one of the files."""
        if to := parse_qs(asked.query).get("to"):
            return Reply("", headers=[(b"Location", to[0].encode())], status=302)
        return self._files.get(asked.path, Reply("not found", status=404))

    def _put(self, name: str, text: str, host: str) -> str:
        address, socket_address = (self._site.at(host, f"/{name}", each) for each in ("http", "ws"))

        def put(part: str) -> str:
            part = _ADDRESS.sub(address, part).replace("^", socket_address)
            return part.replace("~", host.partition(".")[0])

        def own(found: re.Match[str]) -> str:
            kind, inner = found.groups()
            if kind == "redirect":
                return f"/redirect?to={quote(put(inner), safe='')}"
            path = f"/own/{host}/{name}/{kind}"
            content_type = KINDS[kind.rpartition(".")[2]][0]
            self._files[path] = Reply(put(inner.replace("\\", "")), content_type)
            return path

        return put(_OWN.sub(own, text))
