"""The Faust application of this process, for `faust -A app.main worker`."""

from app.settings import settings
from app.stream.worker import create_app

app = create_app(settings())
