"""The alert rules of the examples, tried by Prometheus' own tool."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ruamel.yaml import YAML

from target_amplitude_nami.accounting.metrics import Earlier, metrics
from tests.support import nami, singer
from tests.support.reports import REPORT
from tests.support.run_target import run_target

if TYPE_CHECKING:
    from collections.abc import Iterator

EXAMPLES = Path(__file__).parents[2] / "examples"
RULES = EXAMPLES / "alerts.yml"
TESTS = EXAMPLES / "alerts.test.yml"
PROMTOOL = shutil.which("promtool")

needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not here (Debian: in the package prometheus)"
)


def promtool(*arguments: str | Path, stdin: str = "") -> str:
    """Run promtool, which must find nothing wrong; return what it says."""
    assert PROMTOOL is not None
    done = subprocess.run(
        [PROMTOOL, *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        text=True,
        timeout=60,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


def rules() -> Iterator[dict[str, str]]:
    for group in YAML(typ="safe").load(RULES)["groups"]:
        yield from group["rules"]


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    assert "SUCCESS" in promtool("check", "rules", RULES)


@needs_promtool
def test_the_rules_fire_when_they_should_and_not_before() -> None:
    assert "SUCCESS" in promtool("test", "rules", TESTS)


def test_each_rule_is_tried_for_a_good_run_and_for_a_bad_one() -> None:
    tried: dict[str, list[bool]] = {rule["alert"]: [] for rule in rules()}
    for test in YAML(typ="safe").load(TESTS)["tests"]:
        for case in test["alert_rule_test"]:
            tried[case["alertname"]].append("exp_alerts" in case)
    assert [name for name, fires in tried.items() if set(fires) != {True, False}] == []


def test_the_rules_and_their_tests_know_the_metrics() -> None:
    written = set(re.findall(r"\bamplitude_nami_\w+", metrics(REPORT, Earlier(), 0.0)))
    for path in (RULES, TESTS):
        assert set(re.findall(r"\bamplitude_nami_\w+", path.read_text())) <= written


@needs_promtool
def test_prometheus_finds_nothing_wrong_with_the_metrics_of_a_run(
    tmp_path: Path,
) -> None:
    settings = {"endpoint": "local", "metrics_path": "nami.prom"}
    records = singer.records("events", [nami.impression(1), nami.impression(2, id=[])])
    run = run_target(tmp_path, settings, records)
    assert run.exit_code == 0, run.log
    text = (tmp_path / "nami.prom").read_text("utf-8")
    assert promtool("check", "metrics", stdin=text) == ""
