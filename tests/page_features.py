"""A page that tries what pages do without any other site, and notes what works."""

from __future__ import annotations

import time
from collections.abc import Sequence

from playwright.sync_api import Page

from adapters import Header
from third_party_lab import PNG, Asked, Reply

HASHED = "did('hashed')"

# What is behind the colons is tried; `did` notes that it works, `tells` tells how it ends.
_NOTING = """
window.done = []
function did(what) { done.push(what) }
function tells(what, promise) { promise.then(() => did(what), () => did('no ' + what)) }
function tries(what, act) { try { act(); did(what) } catch (error) { did('no ' + what) } }
document.addEventListener('securitypolicyviolation', event =>
    did('! ' + event.effectiveDirective + ' ' + event.blockedURI.replace(/^(\\w+:).*/, '$1')))
onmessage = event => did('message ' + event.data)
const page = self.trustedTypes
    ? trustedTypes.createPolicy('page', {createScriptURL: url => url, createHTML: html => html})
    : {createScriptURL: url => url, createHTML: html => html}
"""
_TRYING = """
did('nonced')
function element(name, values) {
    const made = Object.assign(document.createElement(name), values)
    document.body.append(made)
    return made
}
function blob(text, type) { return URL.createObjectURL(new Blob([text], {type})) }
function works(url, options) {
    return new Promise((resolve, reject) => {
        const worker = new Worker(page.createScriptURL(url), options)
        worker.onmessage = event => { did('says ' + event.data); resolve() }
        worker.onerror = reject
    })
}
function shows(url) {
    return new Promise((resolve, reject) =>
        element('img', {src: url, onload: resolve, onerror: reject}))
}
function frames(what, values) {
    element('iframe', {...values, onload: event => {
        let text = 'apart'
        try { text = event.target.contentDocument.body.innerText.trim() } catch (error) {}
        did('frame ' + what + ' ' + text)
    }})
}
const own = location.origin

for (const name of ['own.js', 'later.js'])
    document.head.append(Object.assign(document.createElement('script'),
        {src: page.createScriptURL('/' + name)}))
tries('eval', () => eval("did('evaluated')"))
tries('Function', () => new Function("did('called')")())
tries('text for a timer', () => setTimeout("did('timed')", 0))
tells('wasm', WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])))

const asking = "postMessage(1); fetch('" + own + "/data.json').then("
    + "() => postMessage(2), () => postMessage(3))"
tells('worker of a blob', works(blob(asking, 'text/javascript')))
tells('worker', works('/worker.js'))
tells('worker of data', works('data:text/javascript,postMessage(4)'))
tells('module worker', works('/worker.mjs', {type: 'module'}))

tells('own picture', shows('/picture.png'))
tells('picture of data', shows('data:image/gif;base64,'
    + 'R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7'))
document.createElement('canvas').toBlob(made =>
    tells('picture of a blob', shows(URL.createObjectURL(made))))
tells('fetch', fetch('/data.json'))
tells('fetch of data', fetch('data:text/plain,x'))
tells('fetch of a blob', fetch(blob('x')))
tells('socket', new Promise((resolve, reject) => {
    const socket = new WebSocket(own.replace('http', 'ws') + '/socket')
    socket.onopen = resolve
    socket.onerror = reject
}))
tells('events', new Promise((resolve, reject) => {
    const events = new EventSource('/events')
    events.onmessage = () => { events.close(); resolve() }
    events.onerror = () => { events.close(); reject() }
}))
did('beacon ' + navigator.sendBeacon('/beacon', 'x'))
tells('import', import('/own.mjs'))
tells('import of a blob', import(blob('1', 'text/javascript')))
tells('font of data', new FontFace('a', 'url(data:font/woff2;base64,d09GMgABAAAAAA==)').load())
tells('own font', new FontFace('b', 'url(/picture.png)').load())

frames('own', {src: '/frame'})
frames('srcdoc', {srcdoc: page.createHTML(
    "<p>written<script>parent.postMessage('srcdoc', '*')</script>")})
frames('sandboxed', {sandbox: 'allow-scripts', srcdoc: page.createHTML(
    "<img src=/picture.png onload=\\"parent.postMessage('sandboxed', '*')\\">")})
frames('data', {src: "data:text/html,<script>parent.postMessage('data', '*')</script><img src='"
    + own + "/picture.png' onload=\\"parent.postMessage('picture in data', '*')\\">"})
frames('blob', {src: blob('<p>blob', 'text/html')})
frames('javascript', {src: 'javascript:`<p>javascript`'})
frames('blank', {src: 'about:blank'})

element('style', {textContent: '#styled { width: 77px }'})
const sheet = new CSSStyleSheet()
sheet.replaceSync('#adopted { width: 33px }')
document.adoptedStyleSheets = [sheet]
addEventListener('load', () => {
    for (const name of ['styled', 'attribute', 'sheet', 'adopted'])
        did(name + ' ' + getComputedStyle(document.getElementById(name)).width)
})
element('a', {href: "javascript:did('javascript link')"}).click()
tries('handler', () => {
    const button = element('button', {})
    button.setAttribute('onclick', "did('handled')")
    button.click()
})
tries('markup', () => document.body.insertAdjacentHTML('beforeend', page.createHTML('<i>x</i>')))
element('audio', {src: blob('x'), onerror: event => did('sound ' + event.target.error.code)})
const source = new MediaSource()
source.onsourceopen = () => did('media source')
element('video', {src: URL.createObjectURL(source)})
element('a', {ping: '/ping', href: '#x'}).click()
element('object',
    {data: '/picture.png', onload: () => did('object'), onerror: () => did('no object')})
"""
_PAGE = """<!doctype html><html><head><title>x</title><script nonce=N>{noting}</script>
<link rel=stylesheet href=/sheet.css></head><body>
<div id=styled></div><div id=attribute style='width: 66px'></div>
<div id=sheet></div><div id=adopted></div>
<script>{hashed}</script><script>did('inline')</script><script nonce=N>{trying}</script>
</body></html>"""
_WORKER = (
    "postMessage(6); try { eval('1'); postMessage(7) } catch (error) { postMessage(8) }"
    "fetch('/data.json').then(() => postMessage(9), () => postMessage(10));"
    "new Worker(URL.createObjectURL(new Blob(['postMessage(11)']))).onmessage ="
    "event => postMessage(event.data)"
)
_FILES = {
    "/own.js": ("text/javascript", "did('own.js')"),
    "/later.js": ("text/javascript", "did('later.js')"),
    "/own.mjs": ("text/javascript", "export default 1"),
    "/worker.mjs": ("text/javascript", "import '/own.mjs'; postMessage(5)"),
    "/worker.js": (
        "text/javascript",
        _WORKER,
    ),
    "/data.json": ("application/json", "{}"),
    "/sheet.css": ("text/css", "#sheet { width: 55px }"),
    "/frame": ("text/html", "<p>framed"),
    "/events": ("text/event-stream", "data: 1\n\n"),
}


def featured(asked: Asked, headers: Sequence[Header]) -> Reply:
    """Answer as a site with that page, sent with these headers, and its files."""
    if asked.path == "/":
        # In markup a text of a script may not have its end tag in it.
        trying = _TRYING.replace("</script>", "<\\/script>")
        return Reply(_PAGE.format(noting=_NOTING, hashed=HASHED, trying=trying), headers=headers)
    if asked.path == "/picture.png":
        return Reply(PNG, "image/png")
    if asked.path in _FILES:
        kind, text = _FILES[asked.path]
        return Reply(text, kind)
    return Reply("not found", status=404)


def features_of(page: Page) -> list[str]:
    """Return what works on that page, and what was stopped, once nothing more comes."""
    since, known = time.monotonic(), -1
    while time.monotonic() - since < 0.5:
        if known != (now := int(page.evaluate("done.length"))):
            since, known = time.monotonic(), now
        page.wait_for_timeout(20)
    done: list[str] = page.evaluate("done")
    return sorted(done)
