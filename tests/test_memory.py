"""What the target remembers of earlier records."""

from __future__ import annotations

from target_amplitude_nami.memory import Memory


def test_a_user_is_known_by_the_external_id_that_a_record_brought() -> None:
    memory = Memory()
    memory.learn("nami-1", "external-1")
    memory.learn("nami-2", "external-2")

    assert memory.external_id_of("nami-1") == "external-1"
    assert memory.external_id_of("nami-2") == "external-2"


def test_nothing_is_known_of_others() -> None:
    memory = Memory()
    memory.learn("nami-1", "external-1")

    assert memory.external_id_of("nami-2") is None
    assert memory.external_id_of(None) is None
    assert memory.external_id_of("external-1") is None


def test_a_record_without_an_id_teaches_nothing() -> None:
    memory = Memory()
    memory.learn(None, "external-1")
    memory.learn("nami-1", None)

    assert memory.external_id_of(None) is None
    assert memory.external_id_of("nami-1") is None


def test_the_newest_external_id_counts_and_an_anonymous_record_takes_none_away() -> (
    None
):
    memory = Memory()
    memory.learn("nami-1", "old")
    memory.learn("nami-1", "new")
    memory.learn("nami-1", None)

    assert memory.external_id_of("nami-1") == "new"


def test_two_memories_share_nothing() -> None:
    Memory().learn("nami-1", "external-1")

    assert Memory().external_id_of("nami-1") is None
