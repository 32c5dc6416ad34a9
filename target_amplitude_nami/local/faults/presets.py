"""Defines the faults that are needed most often, ready to be switched on."""

from __future__ import annotations

import msgspec

from target_amplitude_nami.local.faults.fault import Do, Fault, When


class Preset(msgspec.Struct, frozen=True):
    """A fault with a title for people."""

    name: str
    title: str
    rule: Fault


def _throttled(user: str) -> dict[str, object]:
    return {
        "code": 429,
        "error": "Too many requests for some devices and users",
        "eps_threshold": 30,
        "throttled_devices": {},
        "throttled_users": {user: 31},
        "throttled_events": [0],
    }


def _preset(name: str, title: str, do: Do, when: When | None = None) -> Preset:
    return Preset(name, title, Fault(name=title, do=do, when=when or When()))


_A_USER = "user-1"

PRESETS = (
    _preset(
        "throttled-user",
        "429 for one user",
        Do(status=429, json=_throttled(_A_USER)),
        When(user_id=_A_USER),
    ),
    _preset(
        "throttled-project",
        "429 for the project",
        Do(status=429, json={"code": 429, "error": "Too many requests"}),
        When(every=3),
    ),
    _preset("error-500", "500 every third time", Do(status=500), When(every=3)),
    _preset("unavailable-503", "503, nothing goes", Do(status=503)),
    _preset("slow", "Answers two seconds late", Do(delay=2)),
    _preset("slow-reading", "Bodies read at 10 kB a second", Do(read_rate=10_000)),
    _preset(
        "reset-before",
        "Line dropped before anything is stored",
        Do(reset="before"),
        When(every=3),
    ),
    _preset(
        "reset-after",
        "Stored, but the line dropped without an answer",
        Do(reset="after"),
        When(every=3),
    ),
    _preset("cut", "Answers cut in the middle", Do(cut=True), When(every=3)),
    _preset(
        "firewall-403",
        "A firewall's 403 in HTML",
        Do(status=403, raw="<html><body><h1>403 Forbidden</h1></body></html>"),
        When(every=3),
    ),
    _preset(
        "too-large-413",
        "413 every third time",
        Do(status=413, json={"code": 413, "error": "Payload too large"}),
        When(every=3),
    ),
    _preset(
        "drop",
        "200, yet two events get lost",
        Do(drop=2),
        When(every=3),
    ),
    _preset(
        "change",
        "200, yet an event is stored with another time",
        Do(change={"time": 1_800_000_000_000}),
        When(every=3),
    ),
    _preset("double", "Two events stored twice", Do(double=2), When(every=3)),
    _preset(
        "one-in-ten",
        "One request in ten fails with 502",
        Do(status=502, raw="<html><body>Bad Gateway</body></html>"),
        When(probability=0.1, seed=1),
    ),
)
