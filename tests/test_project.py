"""The project's own files agree with each other and name nothing of the machine they came from."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from app import __version__
from app.apps import set_up
from app.cli import cli
from app.runtime.guard import Exit
from app.settings import Settings, read_settings
from tools.docs import PAGES

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
LOCKS = ("base", "build", "dev")
# Not torch: gigabytes, for one model; whoever wants it takes what suits their hardware. Not the
# peers of the benchmarks: they have an environment of their own.
UNLOCKED = {"torch", "bench"}
EXTRAS = {
    name: lines
    for name, lines in PROJECT["project"]["optional-dependencies"].items()
    if name not in UNLOCKED
}
RANGES = {
    "base": PROJECT["project"]["dependencies"],
    "build": PROJECT["build-system"]["requires"],
    "dev": [
        *PROJECT["project"]["dependencies"],
        *(line for lines in EXTRAS.values() for line in lines),
    ],
}
PIN = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)(?: ; .+)? \\$", re.MULTILINE)
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
# A home or mount of a developer's machine, and the places that packages and jars come from.
FOREIGN = re.compile(
    r"(?<![\w.-])/(?:work|farm|root|home|Users)/"
    r"|--(?:extra-)?index[-]url[ =]|--find-links[ =]"
    r"|(?:pypi|pythonhosted|maven|apache)\.org/(?:simple|packages|maven2)"
    r"|https?://[^\s)\"']*/simple\b"
)


def read_lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def pins(name: str) -> dict[str, str]:
    """The locked version of each package, by canonical name."""
    return {
        canonicalize_name(package): version for package, version in PIN.findall(read_lock(name))
    }


def tracked() -> list[Path]:
    """Every file that git tracks and that is there."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    return [path for name in listing.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_the_one_that_the_code_gives(name):
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), "run make docs"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_has_a_description(name):
    description = Settings.model_fields[name].description
    assert description and description.endswith("."), name


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_names_no_address_option_or_path(name):
    for line in read_lock(name).splitlines():
        if HASH.match(line):
            continue
        assert not re.search(r"https?:|file:|(^|\s)[/~]", line), line
        assert not line.lstrip().startswith("-"), line


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_version_has_hashes(name):
    text = read_lock(name)
    entries = re.split(r"(?m)^(?=[A-Za-z0-9])", text)[1:]
    assert len(entries) == len(pins(name)) > 0
    for entry in entries:
        assert "--hash=sha256:" in entry, entry.splitlines()[0]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_what_pyproject_asks_for(name):
    locked = pins(name)
    for line in RANGES[name]:
        requirement = Requirement(line)
        if requirement.name == PROJECT["project"]["name"]:
            continue
        version = locked.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not locked; run make lock"
        assert requirement.specifier.contains(version), f"{line} is locked at {version}"


def test_the_development_lock_has_the_versions_of_the_others():
    locked = pins("dev")
    for name in ("base", "build"):
        differing = {
            package for package, version in pins(name).items() if locked[package] != version
        }
        assert not differing, name


def test_no_tracked_file_names_a_machine_or_a_package_index():
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        for number, line in enumerate(text.splitlines(), 1):
            assert not FOREIGN.search(line), f"{path.relative_to(ROOT)}:{number}: {line.strip()}"


def test_no_tracked_file_is_large():
    large = [str(path.relative_to(ROOT)) for path in tracked() if path.stat().st_size > 1 << 20]
    assert not large


def test_the_changelog_has_a_section_for_what_is_not_released():
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == "Unreleased"


def test_every_make_target_says_what_it_does():
    makefile = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (help .+)$", makefile, re.MULTILINE)[1].split()
    described = re.findall(r"^([a-z-]+):.*  ## .+$", makefile, re.MULTILINE)
    assert sorted(described) == sorted(phony)


def dockerfile() -> list[tuple[str, str]]:
    """The instructions of docker/Dockerfile as (name, rest), comments and line ends removed."""
    lines = (ROOT / "docker/Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = text.replace("\\\n", " ").splitlines()
    return [
        (line.split()[0].upper(), " ".join(line.split()[1:])) for line in joined if line.strip()
    ]


def test_the_image_is_built_in_one_stage_and_runs_in_another():
    instructions = dockerfile()
    froms = [at for at, (name, _) in enumerate(instructions) if name == "FROM"]
    assert len(froms) == 2
    final = instructions[froms[1] :]
    assert [rest for name, rest in final if name == "COPY"] == ["--from=build /opt/weir /opt/weir"]
    assert not any("pip" in rest for name, rest in final if name == "RUN")


def test_the_image_runs_the_worker_as_a_numbered_user():
    last = dict(dockerfile())
    assert last["USER"] == "10001:10001"
    assert last["ENTRYPOINT"] == '["weir"]'
    assert last["CMD"] == '["worker"]'
    assert last["VOLUME"] == "/var/lib/weir"


def test_the_image_installs_only_what_the_locks_hold():
    installs = [
        command
        for name, rest in dockerfile()
        if name == "RUN"
        for command in rest.split("&&")
        if "pip install" in command
    ]
    assert len(installs) == 3
    for command in installs:
        assert "--no-deps" in command
        assert ("--require-hashes -r requirements/" in command.replace("--no-deps ", "")) or (
            "--no-index dist/" in command
        ), command


def test_the_image_takes_nothing_from_outside_the_named_files():
    copied = {
        source
        for name, rest in dockerfile()
        if name == "COPY" and not rest.startswith("--from")
        for source in rest.split()[:-1]
    }
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    assert "*" in ignored
    assert all((ROOT / source).exists() for source in copied)
    assert {source.split("/")[0] for source in copied} == allowed
    assert not any(name == "ADD" for name, _ in dockerfile())


def test_the_image_tag_in_its_instructions_is_this_version():
    assert f"-t weir:{__version__} " in (ROOT / "docker/Dockerfile").read_text()


def test_every_command_stands_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    commands = typer.main.get_command(cli).commands
    for name, command in commands.items():
        assert f"weir {name}" in readme
        for below in getattr(command, "commands", ()):
            assert below in readme, f"weir {name} {below}"


def test_every_topic_and_exit_code_stands_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    names = set_up(read_settings(app_id="app")).topics
    for topic in (*names[:-1], *names.changelogs.values()):
        assert f"`{topic.replace('app-', '<app>-')}`" in page
    for code in Exit:
        assert f"| {code.value} | {code.name.lower()} |" in page
