"""What every request passes: who may ask, errors as sentences, headers of the answer."""

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from app.settings import Settings
from app.web.hosts import Authority, is_loopback, read_authority, read_origin, same_place
from app.web.pages import render, wants_page

PROBES = ("/healthz", "/readyz", "/metrics")
SAFE = ("GET", "HEAD", "OPTIONS")  # methods that change nothing

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
    """Answer only requests that name this worker as it may be named, and no foreign page's.

    Otherwise a page of another site could read these pages through a name of its own that
    resolves to this machine (DNS rebinding), or send a label from a user's browser.
    """
    known = known_names(settings)

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        host = asked_for(request)
        if known is not None and not may_ask(known, host, request.path):
            raise web.HTTPForbidden(text="this worker does not go by that host name")
        if request.method not in SAFE and not from_own_page(request, host, settings):
            raise web.HTTPForbidden(text="a page of another site may not send this")
        return await handler(request)

    return check


def known_names(settings: Settings) -> set[str] | None:
    """The host names that a worker goes by besides those of loopback; None for any name.

    Off loopback they are those of WEIR_ADVERTISED_URL and WEIR_WEB_NAMES, if either is set.
    """
    own = {settings.web_host.lower(), advertised(settings).name, *settings.names}
    local = is_loopback(settings.web_host)
    return own if local or settings.advertised_url or settings.names else None


def advertised(settings: Settings) -> Authority:
    """The host and port of a worker's own URL, in ASCII as requests have it."""
    url = URL(settings.url)
    return Authority((url.raw_host or "").lower().removesuffix("."), url.port)


def asked_for(request: web.Request) -> Authority:
    """The host that a request names; 400 when it names none, several, or no such thing."""
    given = request.headers.getall("Host", [])
    if not given and request.version < HttpVersion11:
        return Authority("localhost")  # HTTP/1.0 has no such header, and no browser speaks it
    host = read_authority(given[0]) if len(given) == 1 else None
    if host is None:
        raise web.HTTPBadRequest(text="the Host header is not a host name or address with a port")
    # Of an address with a host in it, aiohttp gives that host, without a port.
    if request.host not in (given[0], host.name):
        raise web.HTTPBadRequest(text="the Host header differs from the host of the address")
    return host


def may_ask(known: set[str], host: Authority, path: str) -> bool:
    """Whether a request for this host is answered. Probes come by the address of a pod."""
    if host.name in known or host.is_loopback:
        return True
    return host.is_address and path in PROBES


def from_own_page(request: web.Request, host: Authority, settings: Settings) -> bool:
    """Whether a request comes from one of these pages, or from no page at all.

    Browsers say where a page is from in `Origin`; old ones only in `Referer`. A proxy may ask
    under another host than the browser did: it is known by WEIR_WEB_NAMES or the advertised URL.
    """

    def own(text: str) -> bool:
        origin = read_origin(text)
        if origin is None:
            return False
        proxied = origin == advertised(settings) or origin.name in settings.names
        return proxied or same_place(origin, host)

    if origins := request.headers.getall("Origin", []):
        return len(origins) == 1 and own(origins[0])
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return False
    referer = request.headers.get("Referer")
    return referer is None or own(referer)
