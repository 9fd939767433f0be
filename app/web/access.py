"""What every request passes: who may ask, errors as sentences, headers of the answer."""

from ipaddress import ip_address

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from app.settings import Settings
from app.web.pages import render, wants_page

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Tell browsers to load nothing from elsewhere, and not to show a page inside another one."""
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)


@web.middleware
async def errors_as_sentences(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer every refused request as {"error": sentence}, or as a page for a browser."""
    try:
        return await handler(request)
    except web.HTTPException as refused:
        if refused.status < 400:
            raise
        stock = f"{refused.status}: {refused.reason}"
        sentence = refused.reason if refused.text == stock else refused.text
        if wants_page(request):
            text = render(request, "error.html", status=refused.status, error=sentence)
            return web.Response(text=text, status=refused.status, content_type="text/html")
        allow = {"Allow": refused.headers["Allow"]} if "Allow" in refused.headers else {}
        return web.json_response({"error": sentence}, status=refused.status, headers=allow)


def only_for(settings: Settings) -> Middleware:
    """Refuse host names that are not this machine's own while Weir listens on loopback only.

    Otherwise a page of another site could read these pages through a name of its own that
    resolves to the loopback address (DNS rebinding).
    """
    known = {"localhost", settings.web_host, URL(settings.url).host}

    @web.middleware
    async def check_host(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = URL(f"http://{request.host}").host
        if host not in known and not is_loopback(host or ""):
            raise web.HTTPForbidden(text="this worker does not go by that host name")
        return await handler(request)

    @web.middleware
    async def anybody(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request)

    return check_host if is_loopback(settings.web_host) else anybody


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name or address.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
    (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
