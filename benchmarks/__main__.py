"""Run the benchmarks of this folder one after another, each in a process of its own.

python -m benchmarks            all that need no data
python -m benchmarks history    the ones named
"""

import ast
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
DATA = {"handbook", "models"}  # need data and take long: they run when they are named


def sentence(path: Path) -> str:
    """What a benchmark says it measures: the first line of its docstring."""
    return (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]


def main(names: list[str]) -> int:
    """Run the named benchmarks, or all; 1 says that one failed, 2 that one is unknown."""
    modules, packages = sorted(FOLDER.glob("*.py")), sorted(FOLDER.glob("*/__main__.py"))
    found = {path.stem: path for path in modules if not path.stem.startswith("_")}
    found |= {path.parent.name: path for path in packages}
    unknown = [name for name in names if name not in found]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are: {', '.join(found)}", file=sys.stderr)
        return 2
    failed = []
    for name in names or [name for name in found if name not in DATA]:
        print(f"== {name}: {sentence(found[name])}", flush=True)
        if subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], cwd=FOLDER.parent
        ).returncode:
            failed.append(name)
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
