"""Delivers data frames of Spark, each partition in a task of its own.

    from target_amplitude_nami.spark import by_user, deliver

    report = deliver(by_user(events, 64), user_source="external_id")

Names are loaded when they are first used, and then need pyspark.
"""

from __future__ import annotations

import importlib
import typing as t

from target_amplitude_nami.errors import ConfigurationError

if t.TYPE_CHECKING:
    from target_amplitude_nami.spark.data_source import AmplitudeNamiDataSource
    from target_amplitude_nami.spark.delivery import deliver
    from target_amplitude_nami.spark.order import by_user
    from target_amplitude_nami.spark.users import with_users

__all__ = ["AmplitudeNamiDataSource", "by_user", "deliver", "with_users"]

_MODULES: t.Final = {
    "AmplitudeNamiDataSource": "data_source",
    "by_user": "order",
    "deliver": "delivery",
    "with_users": "users",
}


def __getattr__(name: str) -> t.Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("target_amplitude_nami"):
            raise
        install = "pip install 'target-amplitude-nami[spark]'"
        raise ConfigurationError(
            [f"data frames of Spark need more packages: {install} ({error})"]
        ) from error
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
