"""The SDK's standard tests of a target, against a local Amplitude.

Their streams have nothing to do with Nami, and a run in which nothing is Nami's fails.
Here the settings say that all streams hold events, so that each record is a reject.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.testing import get_target_test_class
from singer_sdk.testing.runners import TargetTestRunner
from singer_sdk.testing.suites import SingerTestSuite
from singer_sdk.testing.target_tests import TargetRecordMissingRequiredProperty
from typing_extensions import override

from target_amplitude_nami.singer.target import TargetAmplitudeNami
from tests.support import nami, singer
from tests.support.run_target import API_KEY

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from singer_sdk.target_base import Target

    from target_amplitude_nami.local.server import LocalAmplitude


class Runner(TargetTestRunner):
    """Remembers the target that it ran, and leaves no file open."""

    target: TargetAmplitudeNami | None = None

    @override
    def sync_all(self, *, finalize: bool = True, **kwargs: Any) -> None:
        if self.input_filepath is not None:
            self.input_io = io.StringIO(self.input_filepath.read_text("utf-8"))
        super().sync_all(finalize=finalize, **kwargs)

    @override
    def new_target(self) -> Target:
        target = super().new_target()
        assert isinstance(target, TargetAmplitudeNami)
        self.target = target
        return target

    @property
    def ran(self) -> TargetAmplitudeNami:
        assert self.target is not None
        return self.target

    @property
    def rejects(self) -> list[dict[str, Any]]:
        path = self.ran.settings.rejects_path
        lines = path.read_text("utf-8").splitlines()
        messages = [json.loads(line) for line in lines]
        return [m for m in messages if m["type"] == "RECORD"]

    @property
    def given(self) -> list[dict[str, Any]]:
        """The messages of the test's file."""
        if self.input_filepath is None:
            return []
        lines = self.input_filepath.read_text("utf-8").splitlines()
        return [json.loads(line) for line in lines]


MORE_OF_THE_SDK = SingerTestSuite(
    kind="target", tests=[TargetRecordMissingRequiredProperty]
)

StandardTests: Any = get_target_test_class(
    TargetAmplitudeNami, custom_suites=[MORE_OF_THE_SDK]
)


@pytest.fixture
def runner(tmp_path: Path, local_amplitude: LocalAmplitude) -> Iterator[Runner]:
    runner = Runner(
        TargetAmplitudeNami,
        config={
            "api_key": API_KEY,
            "endpoint": local_amplitude.endpoint("http_v2"),
            "rejects_path": str(tmp_path / "rejects.singer"),
            "event_streams": ["*"],
        },
    )
    yield runner
    if runner.target is not None and not hasattr(runner.target, "report"):
        runner.target.run.close("failed")


class TestStandard(StandardTests):  # type: ignore[misc]
    """The suite; where it expects an exception, what happens here instead."""

    @pytest.fixture
    def runner(
        self, runner: Runner, local_amplitude: LocalAmplitude
    ) -> Iterator[Runner]:
        yield runner
        assert list(local_amplitude.requests()) == []
        if runner.input_filepath is not None:
            report = runner.ran.report
            assert report.read == sum(m["type"] == "RECORD" for m in runner.given)
            assert report.read == report.rejected
            assert set(report.counts.read) <= {"(other)"}

    def run(self, name: str, runner: Runner) -> None:
        """Give the target the messages of one of the SDK's tests."""
        runner.input_filepath = singer.standard_stream(name)
        runner.sync_all()

    def test_target_invalid_schema(self, runner: Runner) -> None:
        # A schema without properties says nothing against any record: no need to end
        # the run before the first has come.
        self.run("invalid_schema", runner)
        assert runner.ran.report.read == 0

    def test_target_record_before_schema(self, runner: Runner) -> None:
        # The record is kept for later; what comes after it is not to blame.
        self.run("record_before_schema", runner)
        first, second = runner.rejects
        assert first["rejected"]["reason"] == "record_before_schema"
        assert first["record"] == {"id": 1, "metric": 6719}
        assert second["rejected"]["reason"] == "event_type_missing"

    def test_target_record_missing_key_property(self, runner: Runner) -> None:
        # One record without its key is one reject, not the end of the run.
        self.run("record_missing_key_property", runner)
        [reject] = runner.rejects
        assert reject["rejected"]["reason"] == "key_property_missing"
        assert reject["rejected"]["field"] == "id"
        assert reject["record"] == {"metric": 8214}


def test_each_state_comes_out_once_nothing_before_it_is_open(runner: Runner) -> None:
    # A reject is settled at once, so that here it is every one.
    runner.input_filepath = singer.standard_stream("multiple_state_messages")
    runner.sync_all()
    states = [m["value"] for m in runner.given if m["type"] == "STATE"]
    assert len(states) > 3
    assert [json.loads(line) for line in (runner.stdout or "").splitlines()] == states


def test_a_nami_stream_among_others_is_sent_exactly(
    runner: Runner, local_amplitude: LocalAmplitude, caplog: pytest.LogCaptureFixture
) -> None:
    event = nami.impression(1, name="Holiday", price=9.99)
    lines = [
        *singer.records("animals", [{"id": 1}, {"id": 2}]),
        *singer.records("e", [event]),
        *singer.records("plants", [{"id": 1}, {"id": 2}]),
    ]
    runner.config.pop("event_streams")
    runner.input_io = io.StringIO(b"".join(lines).decode())
    runner.sync_all()
    warnings = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    for stream in ("animals", "plants"):
        assert sum(f"'{stream}'" in warning for warning in warnings) == 1
    [request] = local_amplitude.requests()
    assert json.loads(request.body or b"") == {
        "api_key": API_KEY,
        "events": [
            {
                "event_type": "device.impression",
                "insert_id": nami.event_id(1),
                "device_id": nami.device_id(1),
                "time": 1780300800250,
                "event_properties": {"name": "Holiday", "price": 9.99},
            }
        ],
    }
    assert runner.ran.report.delivered == 1
    assert runner.ran.report.filtered == 4
