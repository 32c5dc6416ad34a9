"""Whose a record or an event is, by the ids that it states."""

from __future__ import annotations

import pytest

from target_amplitude_nami.erasing.person import Ids, Person

UUID = "5f0b7a3e-0000-4002-8000-00000000000a"
PERSON = Person(
    Ids(["nami"]), Ids(["external"]), Ids(["device"]), user_ids=Ids(["external"])
)


@pytest.mark.parametrize(
    ("nami_user_id", "external_id", "devices", "is_theirs"),
    [
        ("nami", None, [], True),
        ("nami", "of-another", [], True),
        ("another", "external", [], True),
        (None, "external", [], True),
        (None, None, ["another", "device"], True),
        ("another", None, ["device"], False),  # people share devices
        (None, "another", ["device"], False),
        ("external", None, [], False),  # an id of another kind
        (None, "nami", [], False),
        (None, None, ["external"], False),
        (None, None, [], False),
    ],
)
def test_a_record_is_theirs_by_the_ids_of_its_user(
    nami_user_id: str | None,
    external_id: str | None,
    devices: list[str],
    *,
    is_theirs: bool,
) -> None:
    assert (
        PERSON.has_record(
            nami_user_id=nami_user_id, external_id=external_id, device_ids=devices
        )
        is is_theirs
    )


@pytest.mark.parametrize(
    ("user_id", "devices", "nami_user_id", "is_theirs"),
    [
        ("external", [], None, True),
        ("another", [], "nami", True),
        (None, ["device"], None, True),
        ("another", ["device"], None, False),
        ("nami", [], None, False),
        (None, ["another"], None, False),
    ],
)
def test_an_event_is_theirs_by_its_user_or_else_its_device(
    user_id: str | None,
    devices: list[str],
    nami_user_id: str | None,
    *,
    is_theirs: bool,
) -> None:
    assert (
        PERSON.has_event(user_id=user_id, device_ids=devices, nami_user_id=nami_user_id)
        is is_theirs
    )


def test_uuids_are_the_same_in_any_case_and_other_ids_are_not() -> None:
    ids = Ids([UUID.upper(), "Word", ""])
    assert UUID in ids
    assert "Word" in ids
    assert "word" not in ids
    assert "" not in ids
    assert None not in ids
    assert [*ids] == [UUID.upper(), "Word"]
    assert ids.without(Ids([UUID])) == Ids(["Word"])
