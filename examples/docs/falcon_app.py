"""Falcon behind the gate: what docs/how-to/any-app.md shows."""

# --8<-- [start:wrap]
import falcon

import consentgate.wsgi
from consentgate import ConsentGate

gate = ConsentGate.from_toml("consentgate.toml")


class Home:
    """The page of the shop."""

    def on_get(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer with the page."""
        response.set_cookie("session", "1", secure=False)
        consent = consentgate.wsgi.consent(request.env)
        if consent.allows("statistics"):
            response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400, secure=False)
        response.content_type = falcon.MEDIA_HTML
        response.text = f"<body>{consent.banner_html()}<h1>Shop</h1>{consent.link_html()}"


app = falcon.App()
app.add_route("/", Home())
application = gate.wsgi(app)
# --8<-- [end:wrap]

# --8<-- [start:delete]
EPOCH = "Thu, 01 Jan 1970 00:00:00 GMT"


class Forget:
    """A deletion that every browser takes for one."""

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Delete `_ga` by a date in the past, not by unset_cookie."""
        response.append_header("Set-Cookie", f"_ga=; Path=/; Expires={EPOCH}")


# --8<-- [end:delete]
app.add_route("/forget", Forget())
