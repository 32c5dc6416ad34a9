"""docs/report.md lists every key, metric and reason, and no other."""

from __future__ import annotations

import ast
import itertools
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families

import target_amplitude_nami
from target_amplitude_nami.accounting.metrics import RUN_OUTCOMES, Earlier, metrics
from tests.support.reports import REPORT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
PACKAGE = Path(target_amplitude_nami.__file__).parent
WITH_A_REASON = {"Refusal", "UnreadableRecord", "BadLine"}
FIELDS_OF_IDS = ("user_id", "device_id")
OF_IDS = ("_id_forbidden", "_id_too_short", "_id_too_long")
"""How reasons end that the code makes of the name of an id."""


def documented(heading: str) -> list[str]:
    """Return the names in the first column of the table below a heading."""
    section = re.split(r"(?m)^#+ ", PAGE.read_text().split(f"# {heading}\n")[1])[0]
    rows = re.findall(r"(?m)^\| (`.*?) \|", section)
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def reasons_in_code() -> Iterator[str]:
    """Yield the reasons that the package gives to rejects."""
    for module in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text())):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in WITH_A_REASON
                and node.args
            ):
                yield from _texts_of(node.args[0])


def _texts_of(node: ast.expr) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=[_, ast.Constant(value=str(ending))]):
            yield from (f"{field}{ending}" for field in FIELDS_OF_IDS)


def test_every_key_of_the_report_is_listed() -> None:
    assert sorted(documented("The report as JSON")) == sorted(
        json.loads(REPORT.to_json())
    )


def test_every_metric_is_listed() -> None:
    text = metrics(REPORT, Earlier(), 0.0)
    written = [family.name for family in text_string_to_metric_families(text)]
    listed = [name for name in documented("Metrics") if name in written]
    assert listed[: len(written)] == written


def test_each_outcome_of_a_run_is_listed() -> None:
    [row] = [line for line in PAGE.read_text().splitlines() if "_run_outcome`" in line]
    assert set(RUN_OUTCOMES) <= set(re.findall(r"`(\w+)`", row))


def test_every_reason_of_a_reject_in_the_code_is_listed() -> None:
    assert set(reasons_in_code()) <= set(documented("Of rejected records"))


def test_every_listed_reason_is_in_the_code() -> None:
    code = "".join(module.read_text() for module in PACKAGE.rglob("*.py"))
    listed = itertools.chain(
        documented("Of filtered records"), documented("Of rejected records")
    )
    unknown = [reason for reason in listed if f'"{reason}"' not in code]
    assert [reason for reason in unknown if not reason.endswith(OF_IDS)] == []
