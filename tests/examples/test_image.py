"""The container image: how it is made, as far as that can be seen without Docker."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import pytest

from tests.support.environment import clean_environment

ROOT: Final = Path(__file__).parents[2]
DOCKERFILES: Final = [ROOT / "Dockerfile", ROOT / "examples/kubernetes/Dockerfile"]
HADOLINT: Final = Path(sys.executable).with_name("hadolint")


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return each instruction of a Dockerfile and what it says."""
    text = re.sub(r"(?m)^#.*\n", "", path.read_text("utf-8"))
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    parts = (line.partition(" ") for line in lines if line)
    return [(name, rest) for name, _, rest in parts]


ALL: Final = instructions(DOCKERFILES[0])
# The stage that builds; the other one copies from it.
BUILD: Final = ALL[: [name for name, _ in ALL].index("FROM", 1)]


@pytest.mark.skipif(not HADOLINT.exists(), reason="there is no hadolint here")
@pytest.mark.parametrize("path", DOCKERFILES, ids=["target", "with a tap"])
def test_hadolint_finds_nothing(path: Path) -> None:
    done = subprocess.run([HADOLINT, path], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", DOCKERFILES, ids=["target", "with a tap"])
def test_it_ends_as_a_user_without_rights_named_by_a_number(path: Path) -> None:
    users = [rest for name, rest in instructions(path) if name == "USER"]
    assert users[-1] == "10001:10001"


def test_every_package_in_it_is_locked_by_a_hash() -> None:
    installs = [
        command
        for name, rest in ALL
        if name == "RUN"
        for command in rest.split("&&")
        if re.search(r"\bpip\b.* (install|wheel)\b", command)
    ]
    assert len(installs) == 4
    for command in installs:
        # What has no hashes is the project itself, and takes nothing along.
        assert ("--require-hashes" in command) != ("--no-deps" in command)
    for lock in ("runtime", "packaging"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text("utf-8")
        pinned = re.findall(r"(?m)^[a-z][^ ]*==", text)
        assert len(re.findall(r"(?m)^    --hash=sha256:.*[^\\]$", text)) == len(pinned)
        assert "://" not in text


def test_it_has_the_versions_that_are_tested() -> None:
    def pins(name: str) -> set[str]:
        text = (ROOT / "requirements" / name).read_text("utf-8")
        return set(re.findall(r"(?m)^([a-z][^ ;]*==[^ ;]*)", text))

    assert pins("runtime.txt") | pins("packaging.txt") <= pins("dev.txt")


def test_what_it_copies_is_sent_to_the_builder_and_nothing_else() -> None:
    first, *kept = [
        line
        for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines()
        if not line.startswith(("#", "**"))
    ]
    copied = {
        source for name, rest in BUILD if name == "COPY" for source in rest.split()[:-1]
    }
    assert first == "*"
    assert {line.removeprefix("!") for line in kept} == copied
    # The package may be away, where the wheel is tested without the sources.
    others = copied - {"target_amplitude_nami"}
    assert all((ROOT / source).exists() for source in others)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_commands_of_its_build_run(tmp_path: Path) -> None:
    """Where there is no Docker: the same commands, with folders of the test's own."""
    python = tmp_path / "python"
    venv.create(python, with_pip=True, symlinks=True)
    work = tmp_path / "build"
    work.mkdir()
    environment = clean_environment(
        {
            "PATH": os.pathsep.join([str(python / "bin"), os.defpath]),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "VERSION": "1.2.3",
        }
    )
    for name, rest in BUILD:
        if name == "COPY":
            *sources, to = (
                part.replace("/opt/", f"{tmp_path}/") for part in rest.split()
            )
            for source in sources:
                copy(ROOT / source, work / to)
        elif name == "RUN":
            subprocess.run(
                ["bash", "-euc", rest.replace("/opt/", f"{tmp_path}/")],
                check=True,
                cwd=work,
                env=environment,
            )
    commands = tmp_path / "amplitude-nami" / "bin"
    for command in ("target-amplitude-nami", "amplitude-nami"):
        said = subprocess.check_output([commands / command, "--version"], text=True)
        assert "1.2.3" in said
    assert (tmp_path / "amplitude-nami" / "run_once.py").exists()


def copy(source: Path, to: Path) -> None:
    """Copy as COPY does: a folder's content, a file into a folder."""
    if source.is_dir():
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(source, to, ignore=ignore)
    else:
        to.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, to)
