"""Declares who the users of events are, and what is known of them."""

# `setting` declares a field.

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.settings.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class UserSettings:
    """Who its users are."""

    user_source: t.Literal["external_id", "nami_user_id"] = setting(
        "Which of Nami's identifiers becomes the Amplitude User ID: the External ID "
        "that the app gave at login, or Nami's own user id.",
        default="external_id",
        labels={"external_id": "External ID", "nami_user_id": "Nami's own user id"},
    )
    anonymous_users: t.Literal["device", "nami_user_id", "hold", "skip", "reject"] = (
        setting(
            "With `user_source: external_id`, what becomes of a record of a user who "
            "has none.",
            details="`device`: sent with the device id alone, rejected when no single "
            "device is known. `nami_user_id`: sent under Nami's own user id. `hold`: "
            "kept in the file of `memory_path` until a record of the same Nami user "
            "brings an External ID. `skip`: filtered. `reject`: rejected.",
            default="device",
            labels={
                "device": "Send with the device id alone",
                "nami_user_id": "Send under Nami's own user id",
                "hold": "Hold until an External ID is known",
                "skip": "Skip",
                "reject": "Reject",
            },
        )
    )
    min_id_length: int | None = setting(
        "Shortest user or device id that Amplitude is asked to accept. Without it, "
        f"Amplitude's own {limits.MIN_ID_LENGTH}.",
        title="Shortest ID",
        default=None,
        least=1,
    )
    stale_user_properties: t.Literal["skip", "send"] = setting(
        "Whether an event older than the newest state seen of its user changes user "
        "properties.",
        details="With `skip` it is sent so that it changes none, and old state never "
        "replaces new; with `send` it is sent like any other.",
        default="skip",
        labels={"skip": "Leave them as they are", "send": "Change them"},
    )
    event_streams: tuple[str, ...] = setting(
        "Names or patterns of the streams that hold events. Without it each stream is "
        "recognised by its records.",
        examples=(["events", "nami_events_*"],),
    )
    user_streams: tuple[str, ...] = setting(
        "Names or patterns of the streams that hold users. Without it each stream is "
        "recognised by its records.",
        examples=(["users"],),
    )
