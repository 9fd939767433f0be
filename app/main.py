"""The Faust application of this process, for `faust -A app.main worker`."""

from app.apps import set_up
from app.serving.application import create_app
from app.settings import settings
from app.web.server import mount

app = mount(create_app(set_up(settings())))
