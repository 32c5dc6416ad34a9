"""Declares where events are sent."""

# `setting` declares a field, and the fields' types are read at run time.
# ruff: noqa: RUF009, TC001

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from target_amplitude_nami.amplitude import limits
from target_amplitude_nami.settings.declaration import setting


@dataclass(frozen=True, kw_only=True, init=False, repr=False, eq=False)
class DestinationSettings:
    """Where it sends."""

    api_key: str | None = setting(
        "API key of the Amplitude project. Required unless `dry_run` is on or "
        "`endpoint` is `local`.",
        default=None,
        secret=True,
    )
    region: limits.Region = setting(
        "Where the Amplitude project keeps its data.",
        default="us",
        labels={"us": "United States", "eu": "European Union"},
    )
    # No default: Meltano passes defaults on, and `backfill` has to know.
    api: limits.Api = setting(
        "The Amplitude API to send to. Without it `http_v2`, and `batch` with "
        "`backfill`.",
        title="API",
        details="`http_v2` is the HTTP V2 API, near real time; `batch` the Batch Event "
        "Upload API, for bulk loads. Both take the same events and give the same "
        "answers, within other limits.",
        labels={
            "http_v2": "HTTP V2, near real time",
            "batch": "Batch Event Upload, for bulk loads",
        },
    )
    endpoint: str | None = setting(
        "A URL to send to instead of Amplitude's own, such as a relay, or the word "
        "`local` for the local Amplitude.",
        details="It takes the place of the URL that follows from `region` and `api`, "
        "and is a full one; `http://` is for this machine only. `local` starts the "
        "local Amplitude within the run, and sends to it.",
        default=None,
        examples=("https://relay.example.com/2/httpapi", "local"),
    )
    local_path: Path = setting(
        "With `endpoint: local`, the file in which the local Amplitude keeps what it "
        "received.",
        default=Path("output/local-amplitude.db"),
    )
    integration_name: str = setting(
        "Name of this integration in logs, report and rejects: use one integration "
        "for each Nami app.",
        default="nami",
        least=1,
    )
    enabled: bool = setting(
        "`false`: read the input to its end, send nothing and emit no STATE, so that "
        "the same records come again once it is `true`.",
        default=True,
    )
    secret_key: str | None = setting(
        "Secret key of the Amplitude project, for `amplitude-nami reconcile`, "
        "`check --online` and `forget --amplitude`. A run never uses it.",
        default=None,
        secret=True,
    )
