"""Delivers Nami subscription events to Amplitude: a Singer target, and its library.

    from target_amplitude_nami import AmplitudeWriter, Settings

    settings = Settings.load({"api_key": "…"})
    with AmplitudeWriter(settings, on_reject=print) as writer:
        for record in records:
            writer.write(record)
    print(writer.report.summary())

Names are loaded when they are first used: importing the package costs nothing.
"""

from __future__ import annotations

import importlib
import typing as t

if t.TYPE_CHECKING:
    from target_amplitude_nami.accounting.report import Report
    from target_amplitude_nami.amplitude.event import EncodedEvent
    from target_amplitude_nami.errors import (
        AmplitudeNamiError,
        ConfigurationError,
        DeliveryError,
        InputUnreadable,
        LedgerImbalance,
        NothingRecognised,
        OutputUnwritable,
        RequestFailed,
        StoreUnusable,
        UnreadableRecord,
    )
    from target_amplitude_nami.outcomes import Refusal
    from target_amplitude_nami.partitions.deliver import deliver
    from target_amplitude_nami.partitions.job import Job
    from target_amplitude_nami.partitions.job_rejects import JobRejectsFile
    from target_amplitude_nami.partitions.outcome import Outcome
    from target_amplitude_nami.pipeline.event_builder import EventBuilder
    from target_amplitude_nami.pipeline.event_filter import Filtered
    from target_amplitude_nami.settings import Settings
    from target_amplitude_nami.store.profiles import UserProfile
    from target_amplitude_nami.writer import AmplitudeWriter
    from target_amplitude_nami.writer_rejects import Reject

__all__ = [
    "AmplitudeNamiError",
    "AmplitudeWriter",
    "ConfigurationError",
    "DeliveryError",
    "EncodedEvent",
    "EventBuilder",
    "Filtered",
    "InputUnreadable",
    "Job",
    "JobRejectsFile",
    "LedgerImbalance",
    "NothingRecognised",
    "Outcome",
    "OutputUnwritable",
    "Refusal",
    "Reject",
    "Report",
    "RequestFailed",
    "Settings",
    "StoreUnusable",
    "UnreadableRecord",
    "UserProfile",
    "deliver",
]

_MODULES: t.Final = {
    "AmplitudeWriter": "writer",
    "EncodedEvent": "amplitude.event",
    "EventBuilder": "pipeline.event_builder",
    "Filtered": "pipeline.event_filter",
    "Job": "partitions.job",
    "JobRejectsFile": "partitions.job_rejects",
    "Outcome": "partitions.outcome",
    "Refusal": "outcomes",
    "Reject": "writer_rejects",
    "Report": "accounting.report",
    "Settings": "settings",
    "UserProfile": "store.profiles",
    "deliver": "partitions.deliver",
}
"""Where each name is; those that are not here are errors."""


def __getattr__(name: str) -> t.Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_MODULES.get(name, 'errors')}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
