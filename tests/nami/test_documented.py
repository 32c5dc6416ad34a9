"""The descriptions of Nami's properties cover what is read, and nothing else."""

from __future__ import annotations

import fnmatch

import pytest

from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.nami.documented import EVENT_PROPERTIES, properties_of
from target_amplitude_nami.nami.documented_state import ATTRIBUTES
from target_amplitude_nami.nami.names import folded
from target_amplitude_nami.nami.properties import KINDS
from target_amplitude_nami.nami.state import UserState


def test_each_property_that_is_read_is_described() -> None:
    assert {folded(each.name) for each in EVENT_PROPERTIES} == set(KINDS)


def test_each_part_of_a_users_state_is_described() -> None:
    names = tuple(each.name for each in ATTRIBUTES)
    assert names == UserState.__struct_fields__
    assert {each.kind for each in ATTRIBUTES} == {
        "array of string",
        "boolean",
        "string",
    }


@pytest.mark.parametrize("event_type", catalogue.NAMES)
def test_an_event_type_has_each_property_once(event_type: str) -> None:
    names = [folded(each.name) for each in properties_of(event_type)]
    assert names
    assert len(names) == len(set(names))


def test_a_property_belongs_to_documented_events_alone() -> None:
    patterns = {each for entry in EVENT_PROPERTIES for each in entry.events.split()}
    unknown = {each for each in patterns if not fnmatch.filter(catalogue.NAMES, each)}
    assert unknown == set()
