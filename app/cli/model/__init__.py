"""`weir model`: what there is, what is stored, whether it holds, and how it is repaired."""

import typer

from app.cli.model.checking import verify
from app.cli.model.listing import list_models
from app.cli.model.repair import rebuild, rollback
from app.cli.model.show import show
from app.cli.model.skip import skip

model = typer.Typer(help="The models.", no_args_is_help=True)
model.command(name="list")(list_models)
model.command()(show)
model.command()(verify)
model.command()(rollback)
model.command()(rebuild)
model.command()(skip)
