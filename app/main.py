"""The Faust application of this process, for `faust -A app.main worker`."""

from app.serving.application import create_app
from app.settings import settings
from app.web.server import mount

app = mount(create_app(settings()))
