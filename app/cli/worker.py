"""`weir worker`: one worker, until SIGTERM or Ctrl-C."""

import os
import signal
from typing import Annotated

import typer

from app.cli import chosen
from app.cli.sentences import sentences


def worker(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error.")] = "info",
) -> None:
    """Run a worker: judge events, learn labels, serve the web views.

    Settings come from the environment (WEIR_BROKERS, WEIR_DATA_DIR, ...). The topics must
    exist: weir topics create.
    """
    # It has taken on no work yet, so it may end at once. Faust's own handlers follow.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    import faust
    import mode.loop

    from app.serving.application import create_app
    from app.settings import gone
    from app.web.server import mount

    with sentences():
        setup = chosen.setup()
        for sentence in gone(os.environ):
            typer.echo(f"weir: {sentence}", err=True)
        mode.loop.use("uvloop")
        app = mount(create_app(setup))
    faust.Worker(app, loglevel=log_level, redirect_stdouts=False).execute_from_commandline()
