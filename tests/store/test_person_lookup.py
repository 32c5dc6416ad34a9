"""Which ids of the store belong to one person."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from target_amplitude_nami.erasing.person import NO_IDS, Ids
from target_amplitude_nami.store.model import DEVICE, SEVERAL_EXTERNAL_IDS
from tests.support.people import User, find, store_with

if TYPE_CHECKING:
    from pathlib import Path

UUID = "5f0b7a3e-0000-4002-8000-00000000000a"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


@pytest.mark.parametrize(
    ("kind", "value"),
    [("user", "nami"), ("external_id", "external"), ("device", "second")],
)
def test_any_id_leads_to_all_of_them(path: Path, kind: str, value: str) -> None:
    users = User("nami", "external", "first", ("second", "third")), User("other")
    with closing(store_with(path, *users)) as store:
        found = find(store, **{kind: value})  # type: ignore[arg-type]
    assert found.person.nami_user_ids == Ids(["nami"])
    assert found.person.external_ids == Ids(["external"])
    assert found.person.device_ids == Ids(["first", "second", "third"])
    assert found.others == NO_IDS


def test_nami_users_with_one_external_id_are_one_person(path: Path) -> None:
    users = User("phone", "external", "a"), User("tablet", "external", "b")
    with closing(store_with(path, *users)) as store:
        person = find(store, user="phone").person
    assert person.nami_user_ids == Ids(["phone", "tablet"])
    assert person.device_ids == Ids(["a", "b"])


def test_an_earlier_external_id_is_theirs(path: Path) -> None:
    with closing(
        store_with(
            path,
            User("nami", "new"),
            id_owners=[("external_id", "old", "nami")],
        )
    ) as store:
        assert find(store, user="nami").person.external_ids == Ids(["new", "old"])


def test_an_earlier_external_id_that_another_has_now_is_not(path: Path) -> None:
    with closing(
        store_with(
            path,
            User("nami", "new"),
            User("other", "old"),
            id_conflicts=[(SEVERAL_EXTERNAL_IDS, "old", "nami", "new")],
        )
    ) as store:
        assert find(store, user="nami").person.external_ids == Ids(["new"])
        found = find(store, external_id="old")
    assert found.person.nami_user_ids == Ids(["other"])
    assert found.others == Ids(["nami"])


def test_an_external_id_may_be_the_nami_user_id_of_another(path: Path) -> None:
    users = User("nami", "x"), User("x", "y")
    with closing(store_with(path, *users)) as store:
        by_external_id = find(store, external_id="x").person
        by_user = find(store, user="x").person
    assert by_external_id.nami_user_ids == Ids(["nami"])
    assert by_external_id.user_ids == Ids(["nami", "x"])
    assert by_user.external_ids == Ids(["y"])
    assert by_user.user_ids == Ids(["y"])  # events of user x are the other's


def test_with_nami_ids_events_of_such_an_id_are_the_nami_users(path: Path) -> None:
    users = User("nami", "x"), User("x", "y")
    with closing(store_with(path, *users)) as store:
        by_external_id = find(store, external_id="x", sends_nami_ids=True).person
        by_user = find(store, user="x", sends_nami_ids=True).person
    assert by_external_id.user_ids == Ids(["nami"])
    assert by_user.user_ids == Ids(["x", "y"])


def test_a_record_without_a_nami_user_is_found_by_its_external_id(path: Path) -> None:
    with closing(store_with(path, User("x", "x", "device"))) as store:
        person = find(store, external_id="x").person
    assert (person.nami_user_ids, person.device_ids) == (NO_IDS, Ids(["device"]))


@pytest.mark.parametrize(
    "other",
    [
        User("other", None, "shared"),
        User("other", None, None, ("shared",)),
        User("x", "x", "shared"),
    ],
    ids=["last device", "device of the state", "without a Nami user"],
)
def test_a_device_of_others_too_is_not_the_person(path: Path, other: User) -> None:
    with closing(store_with(path, User("nami", "e", "shared"), other)) as store:
        found = find(store, user="nami")
        of_device = find(store, device="shared")
    assert found.person.device_ids == NO_IDS
    assert found.person.shared_device_ids == Ids(["shared"])
    assert found.others == Ids([other.nami_user_id])
    assert of_device.person.is_device_alone
    assert of_device.person.device_ids == Ids(["shared"])


def test_a_device_that_another_user_had_earlier_is_shared(path: Path) -> None:
    with closing(
        store_with(
            path,
            User("nami", None, "device"),
            User("other", None, "newer"),
            id_conflicts=[(DEVICE, "device", "nami", "other")],
        )
    ) as store:
        assert find(store, user="nami").person.shared_device_ids == Ids(["device"])


def test_a_device_without_any_user_is_known_by_itself(path: Path) -> None:
    users = User("device", None, "device"), User("nami", None, "other")
    with closing(store_with(path, *users)) as store:
        found = find(store, device="device")
    assert found.person.is_device_alone
    assert found.others == NO_IDS


def test_a_uuid_is_found_in_any_case(path: Path) -> None:
    with closing(store_with(path, User(UUID, "external"))) as store:
        person = find(store, user=UUID.upper()).person
    assert person.external_ids == Ids(["external"])
    assert UUID in person.nami_user_ids


def test_any_other_id_is_found_as_it_is_spelt(path: Path) -> None:
    users = User("User", "a"), User("user", "b"), User("user2", "c")
    with closing(store_with(path, *users)) as store:
        assert find(store, user="user").person.external_ids == Ids(["b"])


@pytest.mark.parametrize("odd", ["it's", 'a"b\\c', "ü", "🎧", "%", "a\0b", "?", "[x]"])
def test_an_id_may_have_any_characters(path: Path, odd: str) -> None:
    with closing(store_with(path, User(odd, odd + "!", odd + "?"))) as store:
        person = find(store, device=odd + "?").person
    assert (person.nami_user_ids, person.external_ids) == (Ids([odd]), Ids([odd + "!"]))


def test_a_state_that_is_no_json_is_nobodys_device(path: Path) -> None:
    with closing(store_with(path, User("nami", None, "device"))) as store:
        store.file.run("UPDATE users SET state = '{'")
        assert find(store, user="nami").person.device_ids == Ids(["device"])
