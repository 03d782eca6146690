"""FastAPI behind the gate: `uvicorn examples.fastapi_app:app`, or run this file.

A real site sets CONSENTGATE_SECRET_KEY: a random key forgets every choice when the process ends.
"""

from __future__ import annotations

import os
import secrets
from datetime import timedelta
from html import escape
from typing import Annotated

import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.middleware.sessions import SessionMiddleware

from consentgate import Consent, ConsentGate, Cookie, Policy
from consentgate.frameworks.starlette import consent

KEY = os.environ.get("CONSENTGATE_SECRET_KEY") or secrets.token_urlsafe(32)
PAGE = """<!doctype html>
<html lang="en">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width">
  <title>FastAPI behind consentgate</title>
</head>
<body>
{banner}
<main>
  <h1>FastAPI behind consentgate</h1>
  <p>You have {answered}. This request brought:</p>
  <ul>{names}</ul>
</main>
<footer>{link}</footer>
</body>
</html>"""

policy = Policy(
    [
        Cookie("session", purpose="Keeps your basket", exemption="basket"),
        Cookie("_ga", "statistics", purpose="Counts visits", lifetime=timedelta(days=395)),
        Cookie("ad_id", "marketing", purpose="Chooses adverts", lifetime=timedelta(days=90)),
    ]
)
gate = ConsentGate(policy, secret_key=KEY)
router = APIRouter()


@router.get("/")
async def home(request: Request, visitor: Annotated[Consent, Depends(consent)]) -> HTMLResponse:
    request.session.setdefault("basket", [])
    names = "".join(f"<li><code>{escape(name)}</code></li>" for name in sorted(request.cookies))
    page = PAGE.format(
        banner=visitor.banner_html(),
        answered="answered" if visitor.answered else "not answered yet",
        names=names or "<li>no cookie</li>",
        link=visitor.link_html(),
    )
    response = HTMLResponse(page)
    response.set_cookie("_ga", "GA1.1.1", max_age=395 * 86400)
    response.set_cookie("ad_id", "42", max_age=90 * 86400)
    response.set_cookie("tracker", "7")  # Declared nowhere: it never leaves.
    return response


def create_app() -> FastAPI:
    api = FastAPI(title="FastAPI behind consentgate")
    api.add_middleware(SessionMiddleware, secret_key=KEY, max_age=None)
    api.include_router(router)
    return api


# No ungated FastAPI object has a name here: `fastapi run` would find it, and serve that one.
app = gate.asgi(create_app())

if __name__ == "__main__":
    uvicorn.run(app)
