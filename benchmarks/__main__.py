"""Run the benchmarks of this folder one after another, each in a process of its own.

python -m benchmarks                        all but those that need data or take long
python -m benchmarks history                the ones named
python -m benchmarks --quick --json FILE    Weir beside its peers alone, with these options
"""

import argparse
import ast
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
NAMED = {"handbook", "models", "scale", "freshness"}  # need data or take long: only when named
PEERS = "engines"  # the one that options are for


def sentence(path: Path) -> str:
    """What a benchmark says it measures: the first line of its docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def arguments(given: list[str]) -> tuple[list[str], list[str]]:
    """The names among the arguments, and the options as they are passed on.

    >>> arguments(["history", "models"]), arguments(["--quick"])
    ((['history', 'models'], []), (['engines'], ['--quick']))
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", help="which to run")
    parser.add_argument("--quick", action="store_true", help="fewer engines, once")
    parser.add_argument("--json", type=Path, help="a file for the rows of the engines")
    parser.add_argument("--docs", action="store_true", help="write docs/performance.md anew")
    chosen = parser.parse_args(given)
    options = [f"--{name}" for name in ("quick", "docs") if getattr(chosen, name)]
    if chosen.json is not None:
        options += ["--json", str(chosen.json.absolute())]
    names = chosen.names or ([PEERS] if options else [])
    if options and PEERS not in names:
        parser.error(f"the options are for {PEERS}")
    return names, options


def main(names: list[str], options: list[str]) -> int:
    """Run the named benchmarks, or all; 1 says that one failed, 2 that one is unknown."""
    modules, packages = sorted(FOLDER.glob("*.py")), sorted(FOLDER.glob("*/__main__.py"))
    found = {path.stem: path for path in modules if not path.stem.startswith("_")}
    found |= {path.parent.name: path for path in packages}
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    failed = []
    for name in names or [name for name in found if name not in NAMED]:
        print(f"== {name}: {sentence(found[name])}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *(options if name == PEERS else [])]
        if subprocess.run(command, cwd=FOLDER.parent).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(*arguments(sys.argv[1:])))
