"""What records teach of Nami's users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from target_amplitude_nami.amplitude.checks import Checks
from target_amplitude_nami.nami.records import NamiEvent, NamiUser
from target_amplitude_nami.nami.state import NO_STATE, UserState
from target_amplitude_nami.pipeline.identity import IdentityResolver, user_key_of
from target_amplitude_nami.store.model import DEVICE, EXTERNAL_ID, SEVERAL_EXTERNAL_IDS
from target_amplitude_nami.store.profiles import UNKNOWN_USER, UserProfile
from tests.support.memory import remember

if TYPE_CHECKING:
    from collections.abc import Iterator

    from target_amplitude_nami.store.sqlite_store import SqliteStore

ANNA, BERT, PHONE, TABLET = "user-anna", "user-bert", "device-1", "device-2"
LATEST = 1_000
MONTHLY: Final = UserState(active_skus=["monthly"], in_pause=True)
YEARLY: Final = UserState(active_skus=["yearly"])


@pytest.fixture
def memory() -> Iterator[SqliteStore]:
    memory = remember(None)
    yield memory
    memory.close()


@pytest.fixture
def resolver(memory: SqliteStore) -> IdentityResolver:
    checks = Checks(min_id_length=None, max_event_bytes=900_000)
    return IdentityResolver(memory, checks, lambda time: time > LATEST)


def record(
    external_id: str | None = None,
    time: int | None = None,
    device_id: str | None = None,
    *,
    user_id: str = "nami-1",
) -> NamiUser:
    return NamiUser(user_id, external_id, device_id, time, NO_STATE)


# Whom a record is about


@pytest.mark.parametrize(
    ("user_id", "external_id", "device_id", "expected"),
    [
        ("nami-1", ANNA, PHONE, "nami-1"),
        (None, ANNA, PHONE, ANNA),
        (None, None, PHONE, PHONE),
        (None, None, None, ""),
    ],
)
def test_a_record_is_about_the_nami_user_or_whatever_else_it_names(
    user_id: str | None, external_id: str | None, device_id: str | None, expected: str
) -> None:
    event = NamiEvent(
        event_type="device.impression",
        time=1,
        event_id=None,
        user_id=user_id,
        external_id=external_id,
        device_id=device_id,
        state=NO_STATE,
        properties={},
    )
    assert user_key_of(event) == expected


# Ids


def test_ids_are_remembered_and_stay(resolver: IdentityResolver) -> None:
    known = resolver.with_ids(UNKNOWN_USER, record(ANNA, 5, PHONE))
    assert known == UserProfile(ANNA, 5, PHONE)
    assert resolver.with_ids(known, record()) is known


def test_the_newest_external_id_counts(resolver: IdentityResolver) -> None:
    known = resolver.with_ids(UNKNOWN_USER, record(ANNA, 5))
    assert resolver.with_ids(known, record(BERT, 4)).external_id == ANNA
    assert resolver.with_ids(known, record(BERT, 6)).external_id == BERT


@pytest.mark.parametrize("bad", ["", "anna", "unknown", "None"])
def test_an_external_id_that_amplitude_refuses_is_not_remembered(
    resolver: IdentityResolver, bad: str
) -> None:
    assert resolver.with_ids(UNKNOWN_USER, record(bad, 5)) == UNKNOWN_USER


def test_a_record_of_the_future_identity_only_users_without_a_name(
    resolver: IdentityResolver,
) -> None:
    known = resolver.with_ids(UNKNOWN_USER, record(ANNA, LATEST + 1))
    assert known == UserProfile(ANNA)
    known = resolver.with_ids(known, record(BERT, 5))
    assert known == UserProfile(BERT, 5)
    assert resolver.with_ids(known, record(ANNA, LATEST + 1)) == known


def test_ids_that_do_not_fit_together_are_noted(
    resolver: IdentityResolver, memory: SqliteStore
) -> None:
    known = resolver.with_ids(UNKNOWN_USER, record(ANNA, 5, PHONE))
    resolver.with_ids(known, record(BERT, 6, TABLET))
    resolver.with_ids(UNKNOWN_USER, record(ANNA, 5, PHONE, user_id="nami-2"))
    assert memory.figures().id_conflicts == {
        SEVERAL_EXTERNAL_IDS: 1,
        EXTERNAL_ID: 1,
        DEVICE: 1,
    }


# State


def test_the_newest_state_is_completed_with_what_was_known(
    resolver: IdentityResolver,
) -> None:
    known = resolver.with_state(UNKNOWN_USER, MONTHLY, 5)
    known = resolver.with_state(known, YEARLY, 6)
    assert known.state == UserState(active_skus=["yearly"], in_pause=True)
    assert known.state_time == 6


@pytest.mark.parametrize(("state", "time"), [(NO_STATE, 6), (YEARLY, 4)])
def test_nothing_and_what_is_older_teach_nothing(
    resolver: IdentityResolver, state: UserState, time: int
) -> None:
    known = resolver.with_state(UNKNOWN_USER, MONTHLY, 5)
    assert resolver.with_state(known, state, time) == known


@pytest.mark.parametrize("time", [None, LATEST + 1])
def test_without_a_credible_time_a_state_counts_until_the_next(
    resolver: IdentityResolver, time: int | None
) -> None:
    known = resolver.with_state(UNKNOWN_USER, MONTHLY, 5)
    known = resolver.with_state(known, YEARLY, time)
    assert known.state is not None
    assert known.state.active_skus == ["yearly"]
    assert known.state_time == 5


def test_ids_stay_when_a_state_is_remembered(resolver: IdentityResolver) -> None:
    known = resolver.with_state(UserProfile(ANNA, 5, PHONE), MONTHLY, 6)
    assert known == UserProfile(ANNA, 5, PHONE).with_state(MONTHLY, 6)
