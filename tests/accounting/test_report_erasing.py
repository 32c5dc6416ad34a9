"""A person is taken out of the ids that a report names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.accounting.report_erasing import erase_from_report
from target_amplitude_nami.erasing.person import Ids, Person
from target_amplitude_nami.errors import OutputUnwritable
from target_amplitude_nami.store.model import (
    DEVICE,
    EXTERNAL_ID,
    SEVERAL_EXTERNAL_IDS,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PERSON = Person(Ids(["nami"]), Ids(["external"]), Ids(["device"]))


def odd(kind: str, value: str, nami_user_id: str, other: str) -> dict[str, str]:
    return {
        "kind": kind,
        "value": value,
        "nami_user_id": nami_user_id,
        "other": other,
    }


THEIRS = [
    odd(EXTERNAL_ID, "external", "a", "b"),
    odd(EXTERNAL_ID, "c", "nami", "b"),
    odd(EXTERNAL_ID, "c", "a", "nami"),
    odd(DEVICE, "device", "a", "b"),
    odd(SEVERAL_EXTERNAL_IDS, "c", "a", "external"),
]
OTHERS = [
    odd(EXTERNAL_ID, "nami", "external", "device"),
    odd(DEVICE, "external", "device", "external"),
    odd(SEVERAL_EXTERNAL_IDS, "device", "external", "nami"),
]


def report(**changes: Any) -> dict[str, Any]:
    return {
        "read": 7,
        "odd_ids": {DEVICE: 3},
        "named_odd_ids": [*THEIRS, *OTHERS],
        "named_id_conflicts": ["one", "two"],
        **changes,
    }


def delivered(insert_ids: Iterable[str]) -> set[str]:
    return {"one"} & {*insert_ids}


def test_their_ids_go_and_all_figures_stay(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report()))
    assert erase_from_report(path, PERSON, delivered, is_rehearsal=True) == 6
    assert json.loads(path.read_text()) == report()
    assert erase_from_report(path, PERSON, delivered) == 6
    assert json.loads(path.read_text()) == report(
        named_odd_ids=OTHERS, named_id_conflicts=["two"]
    )
    assert erase_from_report(path, PERSON, delivered) == 0


def test_a_device_alone_leaves_its_users(tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(json.dumps(report(named_id_conflicts=[])))
    device = Person(device_ids=Ids(["device"]))
    assert erase_from_report(path, device, delivered) == 0


@pytest.mark.parametrize(
    "text", ['{"read": "external"', '["external"]', '{"named_odd_ids": ["external"]}']
)
def test_what_is_no_report_and_names_them_is_a_failure(
    tmp_path: Path, text: str
) -> None:
    path = tmp_path / "report.json"
    path.write_text(text)
    with pytest.raises(OutputUnwritable, match="is not a report"):
        erase_from_report(path, PERSON, delivered)
    path.write_text(text.replace("external", "nobody"))
    assert erase_from_report(path, PERSON, delivered) == 0
