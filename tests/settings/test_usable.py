"""Of wrong settings, the rest can be looked at."""

from __future__ import annotations

from typing import Any

import pytest

from target_amplitude_nami.settings.usable import usable_settings
from target_amplitude_nami.singer.sdk_settings import SDK_SETTINGS

KEY = {"api_key": "key"}


def test_right_settings_are_all_there() -> None:
    usable = usable_settings({**KEY, "region": "eu"})
    assert usable.settings is not None
    assert usable.settings.region == "eu"
    assert (usable.left_out, usable.problems) == (frozenset(), ())


@pytest.mark.parametrize(
    ("config", "left_out"),
    [
        ({}, {"api_key"}),
        ({"api_key": "a b"}, {"api_key"}),
        ({"api_key": 5}, {"api_key"}),
        ({**KEY, "regoin": "eu"}, {"regoin"}),
        ({**KEY, "two words": 1}, {"two words"}),
        ({**KEY, "two\nlines": 1}, {"two\nlines"}),
        ({"api": "batch"}, {"api_key"}),
        ({**KEY, "region": "uk"}, {"region"}),
        ({**KEY, "events": ["user.*", "nope"]}, {"events"}),
        ({**KEY, "event_names": {"nope": "x"}}, {"event_names"}),
        ({**KEY, "stream_maps": 5}, {"stream_maps"}),
        ({**KEY, "endpoint": "https://ann:secret@relay.example.com"}, {"endpoint"}),
        ({**KEY, "anonymous_users": "hold"}, {"anonymous_users"}),
        ({**KEY, "sandbox_api_key": "key"}, {"sandbox_api_key"}),
        ({"endpoint": "local", "dry_run": True}, {"dry_run"}),
        ({**KEY, "rejects_path": "a", "report_path": "a"}, {"rejects_path"}),
        (
            {"regoin": 1, "region": "uk", "events": []},
            {"regoin", "region", "events", "api_key"},
        ),
    ],
)
def test_what_is_wrong_is_left_out_and_each_mistake_has_a_line(
    config: dict[str, Any], left_out: set[str]
) -> None:
    usable = usable_settings(config, SDK_SETTINGS)
    assert usable.settings is not None
    assert usable.left_out == left_out
    assert len(usable.problems) == len(left_out)


def test_a_missing_key_has_a_stand_in_that_is_none() -> None:
    settings = usable_settings({"event_prefix": "Nami "}).settings
    assert settings is not None
    assert settings.api_key == "***"
    assert dict(settings.sent_names)["device.impression"] == "Nami device.impression"
