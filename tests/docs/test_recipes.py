"""The recipes of cron, Kubernetes, Airflow and Dagster do what they say."""

from __future__ import annotations

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from ruamel.yaml import YAML

from target_amplitude_nami.local.queries.reader import Reader
from tests.support.environment import clean_environment

ROOT: Final = Path(__file__).parents[2]
RECIPES: Final = ROOT / "docs" / "recipes"
DAGSTER: Final = ROOT / ".dagster" / "bin"
ORCHESTRATED: Final = {
    name: ROOT / "examples" / name / "nami_to_amplitude.py"
    for name in ("airflow", "dagster")
}


def blocks(page: str, kind: str) -> list[str]:
    text = (RECIPES / f"{page}.md").read_text("utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A folder that looks like a clone of the repository to the recipes."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    return tmp_path


def run(script: str, folder: Path, *, path: Path | None = None, **more: str) -> str:
    places = [Path(sys.executable).parent, path or "", os.defpath]
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        capture_output=True,
        check=False,
        cwd=folder,
        env=clean_environment({"PATH": os.pathsep.join(map(str, places)), **more}),
        text=True,
        timeout=100,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.mark.slow
def test_cron_runs_what_the_page_sets_up_and_mails_the_error_of_a_failure(
    clone: Path,
) -> None:
    [setup] = blocks("cron", "sh")
    run(setup, clone)
    folder = clone / "nami"
    held = Reader(folder / "output" / "local-amplitude.db").summary()
    assert sum(held.events.values()) > 2000
    assert (folder / "secrets.env").stat().st_mode & 0o077 == 0

    line, with_meltano = blocks("cron", "crontab")
    minute, *_, command = line.split(maxsplit=5)
    assert 0 <= int(minute) < 60
    assert "%" not in line + with_meltano  # A new line to cron.
    command = command.replace("/srv/nami", str(folder))
    assert run(command, clone) == ""
    assert "0 delivered" in (folder / "run.log").read_text("utf-8")

    (folder / "config.json").write_text('{"endpoint": "locale"}')
    mailed = run(command, clone)
    assert "locale" in mailed
    assert len(mailed.splitlines()) == 1
    with_lock = f"exec 9> {folder}/run.lock; flock 9; {command}"
    assert run(with_lock, clone) == ""  # Another run is going on.


@pytest.mark.parametrize("page", ["airflow", "cron", "dagster", "kubernetes"])
def test_every_file_that_a_recipe_names_is_there(page: str) -> None:
    text = (RECIPES / f"{page}.md").read_text("utf-8")
    for link in re.findall(r"\]\(([^)#:]+)[^)]*\)", text):
        assert (RECIPES / link).exists(), link
    for script in blocks(page, "sh"):
        for name in re.findall(r"\bexamples/[\w./-]+", script):
            assert (ROOT / name).exists(), name


def test_the_page_on_kubernetes_makes_the_secret_that_the_example_reads() -> None:
    example = ROOT / "examples" / "kubernetes" / "cronjob.yaml"
    *_, job = YAML(typ="safe").load_all(example)
    pod = job["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    read = [each["valueFrom"]["secretKeyRef"] for each in container["env"]]
    script = "".join(blocks("kubernetes", "sh"))
    [name] = re.findall(r"create secret generic (\S+)", script)
    assert {each["name"] for each in read} == {name}
    assert [each["key"] for each in read] == re.findall(r"literal=([\w-]+)=", script)
    assert container["image"] in script
    assert f"cronjob/{job['metadata']['name']}" in script


@pytest.mark.parametrize("name", ORCHESTRATED)
def test_a_page_and_its_example_name_the_same_variables(name: str) -> None:
    source = ORCHESTRATED[name].read_text("utf-8")
    [page] = [(RECIPES / f"{name}.md").read_text("utf-8")]
    read = {
        str(call.args[0].value): str(call.args[1].value)
        for call in ast.walk(ast.parse(source))
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "os.environ.get"
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[1], ast.Constant)
    }
    rows = re.findall(r"(?m)^\| `(NAMI_\w+)` \| `([^`]+)` \|", page)
    assert read == dict(rows)
    assert len(read) == 3


def test_airflow_gets_what_the_page_says() -> None:
    """Airflow itself is too large to be installed for this; the page says so."""
    tree = ast.parse(ORCHESTRATED["airflow"].read_text("utf-8"))
    [function] = [n for n in tree.body if isinstance(n, ast.FunctionDef)]
    [decorator] = function.decorator_list
    assert isinstance(decorator, ast.Call)
    given = {each.arg: ast.unparse(each.value) for each in decorator.keywords}
    assert (given["max_active_runs"], given["catchup"]) == ("1", "False")
    assert given["schedule"] == "'17 * * * *'"
    assert function.name in "".join(blocks("airflow", "sh"))
    assert ast.unparse(tree.body[-1]) == f"{function.name}()"  # Or there is no DAG.
    modules = {n.module for n in tree.body if isinstance(n, ast.ImportFrom)}
    assert {m for m in modules if m and m.startswith("airflow")} == {
        "airflow.sdk",
        "airflow.sdk.exceptions",
    }


@pytest.fixture
def dagster_home(tmp_path: Path) -> Path:
    if not (DAGSTER / "dagster").exists():
        reason = "Dagster's environment is not here: make .dagster/.installed"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)
    home = tmp_path / "dagster"
    home.mkdir()
    [configuration] = blocks("dagster", "yaml")
    (home / "dagster.yaml").write_text(
        f"{configuration}telemetry: {{enabled: false}}\n"
    )
    return home


@pytest.mark.slow
def test_dagster_runs_what_the_page_says(clone: Path, dagster_home: Path) -> None:
    [script] = blocks("dagster", "sh")
    said = run(script, clone, path=DAGSTER, DAGSTER_HOME=str(dagster_home))
    assert "RUN_SUCCESS" in said


_ENDS: Final = """
import sys
sys.path.insert(0, "examples/dagster")
import dagster, nami_to_amplitude as example
try:
    example.nami_events_in_amplitude()
except dagster.Failure as failure:
    print("again" if failure.allow_retries else "never")
"""


@pytest.mark.slow
@pytest.mark.usefixtures("dagster_home")
@pytest.mark.parametrize(
    ("outcome", "exit_code", "then"),
    [
        ("failed", 1, "again"),
        ("too_many_rejects", 3, "never"),
        ("too_many_rejects", 1, "never"),
    ],
    ids=["a failure", "too many rejects", "too many rejects, by Meltano"],
)
def test_dagster_tries_again_what_may_succeed_then(
    outcome: str, exit_code: int, then: str, clone: Path
) -> None:
    code = f'echo \'{{"outcome": "{outcome}"}}\' > report.json; exit {exit_code}'
    said = run(
        shlex.join([str(DAGSTER / "python"), "-c", _ENDS]),
        clone,
        NAMI_PROJECT=str(clone),
        NAMI_REPORT="report.json",
        NAMI_COMMAND=shlex.join(["bash", "-c", code]),
    )
    assert said.splitlines() == [then]
