"""Every setting, declared once: its type, default, bounds and meaning.

The JSON schema, `--about`, Meltano Hub, docs/settings.md, `meltano.yml`, the checks and
the fields of `Settings` all come from here. There is a class for each group of
settings, with the group's title as its docstring.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from target_amplitude_nami.settings.declared.delivery import (
    DEFAULT_REQUEST_BYTES,
    DeliverySettings,
)
from target_amplitude_nami.settings.declared.destination import DestinationSettings
from target_amplitude_nami.settings.declared.events import (
    EXTRA_USER_PROPERTIES,
    EventSettings,
)
from target_amplitude_nami.settings.declared.files import FileSettings
from target_amplitude_nami.settings.declared.users import UserSettings

__all__ = [
    "DEFAULT_REQUEST_BYTES",
    "EXTRA_USER_PROPERTIES",
    "GROUPS",
    "LOCAL",
    "DeclaredSettings",
]

LOCAL: t.Final = "local"
"""The `endpoint` that stands for the embedded local Amplitude."""

GROUPS: t.Final = (
    DestinationSettings,
    EventSettings,
    UserSettings,
    DeliverySettings,
    FileSettings,
)
"""The groups, in the order in which people read of them."""


# A dataclass takes the fields of its last base first.
@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class DeclaredSettings(
    FileSettings,
    DeliverySettings,
    UserSettings,
    EventSettings,
    DestinationSettings,
):
    """Every setting under its own name, for `Settings`, which has the methods.

    A field without a default follows from other settings where it is not given.
    """
