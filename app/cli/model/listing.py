"""`weir model list`: the model zoo, and what a running worker has learned."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli import chosen
from app.cli.asking import ask_worker
from app.cli.sentences import sentences
from app.errors import WeirError
from app.figures import figure, share

if TYPE_CHECKING:
    from rich.console import Console


def list_models(
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    url: Annotated[
        str, typer.Option(help="A worker's web views; without it, those of the settings.")
    ] = "",
) -> None:
    """List the models of the zoo; with a running worker, its version and snapshots too.

    WEIR_MODEL chooses one; another one starts to learn from the beginning of the log.
    """
    from app.core.models.zoo import ZOO

    with sentences():
        application = chosen.application()
        running, silence = ask(url or chosen.settings().url)
        if url and running is None:
            raise WeirError(silence)
    entries = [
        {"name": entry.name, "sentence": entry.sentence, "chosen": entry.name == application.model}
        for entry in ZOO.values()
    ]
    if as_json:
        typer.echo(json.dumps({"models": entries, "worker": running}, indent=2))
    else:
        show(entries, running, silence)


def ask(url: str) -> tuple[dict[str, Any] | None, str]:
    """What a worker says of its models, or None and why there is no answer."""
    try:
        return ask_worker(url, "/models"), ""
    except WeirError as error:
        return None, str(error)


def show(entries: list[dict[str, Any]], running: dict[str, Any] | None, silence: str) -> None:
    """Print the zoo and the running worker's state as tables."""
    from rich.console import Console

    from app.cli.tables import grid

    console = Console()
    rows: list[list[object]] = [
        ["*" if entry["chosen"] else "", entry["name"], entry["sentence"]] for entry in entries
    ]
    console.print(grid("models (* is chosen)", ["", "name", ""], rows))
    if running is None:
        console.print(silence, markup=False, highlight=False)
        return
    show_running(console, running)


def show_running(console: "Console", running: dict[str, Any]) -> None:
    """Print what a worker has learned: itself, its partitions' models, snapshots and restores."""
    from app.cli.tables import facts, grid

    names = (
        *("model", "scope", "features", "version", "lag"),
        *("examples", "positives", "refused_snapshots", "engine"),
    )
    console.print(facts(running["worker"], {name: running[name] for name in names}))
    if partitions := running.get("partitions"):  # an earlier release says nothing of it
        heads = ["partition", "weight", "learned", "positives", "log loss, shared", "own", "mixed"]
        console.print(grid("partitions' own models", heads, [*map(partition_row, partitions)]))
    snapshots: list[list[object]] = [
        [s["version"], s["digest"][:16], s["counts"]["examples"], s["size"], s["engine"]]
        for s in running["snapshots"]
    ]
    console.print(
        grid("snapshots", ["version", "digest", "examples", "bytes", "engine"], snapshots)
    )
    restores: list[list[object]] = [
        [restored["id"], restored["offset"], restored["version"], restored["digest"][:16]]
        for restored in running["restores"]
    ]
    if restores:
        console.print(grid("restores", ["id", "offset", "snapshot", "digest"], restores))


def partition_row(found: dict[str, Any]) -> list[object]:
    """A partition's own model: its weight, what it has learned, and log losses in nats."""
    return [
        *(found["partition"], share(found["own"])),
        *(found["positives"] + found["negatives"], found["positives"]),
        *(figure(found["log_loss"][name]) for name in ("shared", "own", "mixed")),
    ]
