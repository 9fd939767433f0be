"""What `app.web` serves besides its own pages when cards are judged."""

from aiohttp import web

from app.streams.fraud.pages.customer import get_customer
from app.streams.fraud.pages.merchant import get_merchant

ROUTES = (
    web.get("/state/customers/{id}", get_customer),
    web.get("/state/merchants/{id}", get_merchant),
)
