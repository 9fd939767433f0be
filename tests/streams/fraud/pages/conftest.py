"""The fixtures of the web tests: pages of cards are served by the same server."""

from tests.web.conftest import serve, view_of

__all__ = ["serve", "view_of"]
