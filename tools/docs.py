"""Writes every generated page of docs/ anew: `make docs`."""

from collections.abc import Callable, Mapping
from pathlib import Path

from tools import features_page, settings_page

DOCS = Path(__file__).parents[1] / "docs"
PAGES: Mapping[str, Callable[[], str]] = {
    "features.md": features_page.page,
    "settings.md": settings_page.page,
}


def main() -> None:
    """Write the pages."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page())


if __name__ == "__main__":
    main()
