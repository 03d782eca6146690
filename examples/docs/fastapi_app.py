"""FastAPI behind the gate: what docs/how-to/starlette.md shows."""

# --8<-- [start:wrap]
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi.templating import Jinja2Templates
from starlette.middleware.sessions import SessionMiddleware

from consentgate import Consent, ConsentGate
from consentgate.frameworks.starlette import consent, context

gate = ConsentGate.from_toml("consentgate.toml")
templates = Jinja2Templates("templates", context_processors=[context])
router = APIRouter()


@router.get("/")
async def home(request: Request, consent: Annotated[Consent, Depends(consent)]) -> Response:
    request.session["basket"] = []
    response = templates.TemplateResponse(request, "shop.html")
    if consent.allows("statistics"):
        response.set_cookie("_ga", "GA1.1.4711", max_age=395 * 86400)
    return response


def create_app() -> FastAPI:
    api = FastAPI()
    api.add_middleware(SessionMiddleware, secret_key="only for this example", max_age=None)
    api.include_router(router)
    return api


app = gate.asgi(create_app())
# --8<-- [end:wrap]
