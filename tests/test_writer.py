"""What `AmplitudeWriter` does with records, and with what goes wrong."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import pickle
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.errors import (
    ConfigurationError,
    DeliveryError,
    NothingRecognised,
    OutputUnwritable,
)
from target_amplitude_nami.settings import Settings
from target_amplitude_nami.writer import AmplitudeWriter
from tests.support import nami
from tests.support.run_target import API_KEY
from tests.support.server import ScriptedServer, reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from target_amplitude_nami.writer_rejects import Reject


@pytest.fixture
def amplitude() -> Iterator[ScriptedServer]:
    with ScriptedServer() as server:
        yield server


def settings_for(server: ScriptedServer, **more: Any) -> Settings:
    return Settings.load({"api_key": API_KEY, "endpoint": server.url} | more)


def events_of(server: ScriptedServer) -> list[Any]:
    return [event for request in server.received for event in request.events]


def invalid(*indices: int) -> Any:
    """Return what Amplitude answers when events of a request are invalid."""
    body = {
        "code": 400,
        "error": "Invalid field values on some events",
        "events_with_invalid_fields": {"time": list(indices)},
    }
    return reply(400, body, Content_Type="application/json")


# Records


def test_records_are_delivered_in_order_and_all_accounted_for(
    amplitude: ScriptedServer,
) -> None:
    records = [nami.impression(number) for number in range(450)]
    others = [nami.impression(500, event_type="device.session.start"), {"x": 1}]
    rejects: list[Reject] = []
    settings = settings_for(amplitude, parallel_requests=1)
    with AmplitudeWriter(settings, on_reject=rejects.append) as writer:
        for record in [*records, *others, nami.impression(501, created_date="soon")]:
            writer.write(record)

    assert [e["insert_id"] for e in events_of(amplitude)] == [r["id"] for r in records]
    report = writer.report
    assert (report.read, report.delivered, report.filtered) == (453, 450, 2)
    assert report.outcome == "complete"
    assert [reject.reason for reject in rejects] == ["time_unreadable"]
    assert rejects[0].record == nami.impression(501, created_date="soon")
    assert (rejects[0].stream, rejects[0].field) == ("records", "created_date")


def test_the_bytes_of_a_row_depend_on_the_row_alone(amplitude: ScriptedServer) -> None:
    named = nami.subscription(1)
    anonymous = nami.impression(2, user_id=named["user_id"])
    with AmplitudeWriter(settings_for(amplitude)) as writer:
        writer.write(named)
        writer.write(anonymous)
    with AmplitudeWriter(settings_for(amplitude)) as writer:
        writer.write(anonymous)
        writer.write(named)

    first, second, third, fourth = events_of(amplitude)
    assert (first, second) == (fourth, third)
    assert "user_id" not in second


def test_flush_delivers_what_was_written_and_writing_goes_on(
    amplitude: ScriptedServer,
) -> None:
    with AmplitudeWriter(settings_for(amplitude)) as writer:
        for number in range(3):
            writer.write(nami.impression(number))
            writer.flush()
            assert len(events_of(amplitude)) == number + 1


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (Decimal("1.50"), 1.5),
        (0.1, 0.1),
        (dt.date(2026, 6, 1), "2026-06-01"),
        (dt.datetime(2026, 6, 1, 8, tzinfo=dt.UTC), "2026-06-01T08:00:00+00:00"),
        (b"text", "text"),
        (("a", None), ["a", None]),
        ("cut \ud83d", "cut \ufffd"),
    ],
    ids=repr,
)
def test_values_that_json_has_not_have_one_form_each(
    amplitude: ScriptedServer, value: object, sent: object
) -> None:
    with AmplitudeWriter(settings_for(amplitude)) as writer:
        writer.write(nami.impression(1, detail=value))

    [event] = events_of(amplitude)
    assert event["event_properties"]["detail"] == sent


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (float("nan"), "number_not_finite"),
        (float("inf"), "number_not_finite"),
        pytest.param(object(), "value_not_json", id="an object"),
        (b"\xff", "value_not_json"),
    ],
    ids=["NaN", "infinity", "an object", "bytes"],
)
def test_no_value_becomes_null_in_silence(
    amplitude: ScriptedServer, value: object, reason: str
) -> None:
    record = nami.impression(1, detail=value)
    rejects: list[Reject] = []
    settings = settings_for(amplitude)
    with AmplitudeWriter(settings, on_reject=rejects.append) as writer:
        writer.write(nami.impression(2))
        writer.write(record)

    [reject] = rejects
    assert reject.reason == reason
    assert reject.record["id"] == record["id"]
    assert len(events_of(amplitude)) == 1


def test_a_record_within_itself_is_rejected(amplitude: ScriptedServer) -> None:
    record = nami.impression(1)
    record["again"] = record
    rejects: list[Reject] = []
    settings = settings_for(amplitude)
    with AmplitudeWriter(settings, on_reject=rejects.append) as writer:
        writer.write(nami.impression(2))
        writer.write(record)

    assert [reject.reason for reject in rejects] == ["too_deep"]


def test_events_of_the_sandbox_go_to_a_project_of_their_own(
    amplitude: ScriptedServer,
) -> None:
    other_key = "f" * 32
    settings = settings_for(amplitude, sandbox_api_key=other_key)
    with AmplitudeWriter(settings) as writer:
        writer.write(nami.impression(1))
        writer.write(nami.impression(2, purchase_env="sandbox"))

    keys = {
        event["insert_id"]: other_key.encode() in request.body
        for request in amplitude.received
        for event in request.events
    }
    assert keys == {nami.event_id(1): False, nami.event_id(2): True}


# Rejects


def test_what_amplitude_refuses_reaches_the_callback_with_its_record() -> None:
    rejects: list[Reject] = []
    with ScriptedServer(invalid(0)) as server:
        settings = settings_for(server)
        with AmplitudeWriter(settings, on_reject=rejects.append) as writer:
            for number in range(3):
                writer.write(nami.impression(number, price=1.5))

    [reject] = rejects
    assert reject.record == nami.impression(0, price=Decimal("1.5"))
    assert reject.status == 400
    assert (writer.report.delivered, writer.report.rejected) == (2, 1)


def test_without_a_callback_the_first_reject_of_each_kind_is_logged(
    amplitude: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    with AmplitudeWriter(settings_for(amplitude)) as writer:
        for number in range(3):
            writer.write(nami.impression(number, created_date="soon"))

    assert writer.report.rejected == 3
    assert caplog.text.count("time_unreadable") == 1


def test_an_exception_of_the_callback_is_the_callers_and_hides_no_other_reject(
    amplitude: ScriptedServer,
) -> None:
    seen: list[Reject] = []

    def fail_first(reject: Reject) -> None:
        seen.append(reject)
        if len(seen) == 1:
            raise LookupError("no more room")

    writer = AmplitudeWriter(settings_for(amplitude), on_reject=fail_first)
    with pytest.raises(LookupError, match="no more room"):
        writer.write(nami.impression(1, created_date="soon"))
    writer.write(nami.impression(2, created_date="soon"))
    writer.close()

    assert len(seen) == writer.report.rejected == 2


# Streams


def test_a_stream_that_is_not_namis_is_left_out_and_warned_of_once(
    amplitude: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    with AmplitudeWriter(settings_for(amplitude)) as writer:
        for number in range(3):
            writer.write({"id": number, "amount": 5}, "orders")
        writer.write(nami.impression(1))

    assert writer.report.counts.filtered == {("(other)", "not_nami"): 3}
    assert caplog.text.count("'orders'") == 1


def test_where_nothing_was_namis_closing_fails(amplitude: ScriptedServer) -> None:
    writer = AmplitudeWriter(settings_for(amplitude))
    writer.write({"id": 1, "amount": 5})

    with pytest.raises(NothingRecognised, match="None of 1 record was recognised"):
        writer.close()
    assert writer.report.filtered == 1


def test_streams_can_be_named(amplitude: ScriptedServer) -> None:
    settings = settings_for(amplitude, event_streams=["nami_*"])
    with AmplitudeWriter(settings) as writer:
        writer.write(nami.impression(1), "nami_events")
        writer.write(nami.impression(2), "others")

    assert [event["insert_id"] for event in events_of(amplitude)] == [nami.event_id(1)]


def test_deleted_rows_are_left_out(amplitude: ScriptedServer) -> None:
    with AmplitudeWriter(settings_for(amplitude)) as writer:
        writer.write(nami.impression(1) | {"_fivetran_deleted": True})

    filtered = writer.report.counts.filtered
    assert filtered == {("device.impression", "deleted_at_source"): 1}


# The end


def write_and_fail(writer: AmplitudeWriter) -> None:
    with writer:
        writer.write(nami.impression(1))
        raise LookupError("of the caller")


def test_an_exception_within_the_block_delivers_what_was_written_before(
    amplitude: ScriptedServer,
) -> None:
    writer = AmplitudeWriter(settings_for(amplitude))
    with pytest.raises(LookupError, match="of the caller"):
        write_and_fail(writer)

    assert len(events_of(amplitude)) == 1
    assert writer.report.outcome == "interrupted"
    assert writer.report.counts.open == 0


def test_after_an_exception_delivery_gets_a_bounded_time() -> None:
    with ScriptedServer(reply(503)) as server:
        writer = AmplitudeWriter(settings_for(server, shutdown_grace=0))
        with pytest.raises(LookupError, match="of the caller"):
            write_and_fail(writer)

    assert writer.report.counts.open == 1


def test_a_fatal_answer_ends_delivery_with_an_error_that_says_why() -> None:
    with ScriptedServer(reply(401, {"error": "Invalid API key"})) as server:
        writer = AmplitudeWriter(settings_for(server))
        writer.write(nami.impression(1))
        with pytest.raises(DeliveryError):
            writer.close()

    assert writer.report.outcome == "failed"
    assert writer.report.counts.open == 1


def test_a_closed_writer_takes_nothing(amplitude: ScriptedServer) -> None:
    writer = AmplitudeWriter(settings_for(amplitude))
    with pytest.raises(ValueError, match="before the writer is closed"):
        _ = writer.report
    writer.close()
    writer.close()

    for use in (writer.flush, lambda: writer.write({}), writer.__enter__):
        with pytest.raises(ValueError, match="closed"):
            use()


# Settings


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ({"memory_path": "memory.db"}, "memory_path"),
        ({"memory_path": "m.db", "anonymous_users": "hold"}, "anonymous_users"),
        ({"max_rejected": 5}, "max_rejected"),
    ],
)
def test_settings_that_need_a_memory_or_an_exit_code_are_refused(
    config: dict[str, Any], name: str
) -> None:
    settings = Settings.load({"api_key": API_KEY} | config)
    with pytest.raises(ConfigurationError) as caught:
        AmplitudeWriter(settings)

    assert any(problem.startswith(name) for problem in caught.value.problems)


def test_a_dry_run_writes_the_requests_to_its_file(tmp_path: Path) -> None:
    path = tmp_path / "dry-run.jsonl"
    settings = Settings.load({"dry_run": True, "dry_run_path": str(path)})
    with AmplitudeWriter(settings) as writer:
        writer.write(nami.impression(1))

    assert nami.event_id(1) in path.read_text()
    assert writer.report.delivered == 1


def test_the_local_amplitude_can_take_what_is_written(tmp_path: Path) -> None:
    path = tmp_path / "local.db"
    settings = Settings.load({"endpoint": "local", "local_path": str(path)})
    with AmplitudeWriter(settings) as writer:
        writer.write(nami.impression(1))

    assert writer.report.delivered == 1
    assert path.exists()


def test_a_writer_that_is_not_enabled_sends_nothing(amplitude: ScriptedServer) -> None:
    with AmplitudeWriter(settings_for(amplitude, enabled=False)) as writer:
        writer.write(nami.impression(1))

    assert writer.report.outcome == "disabled"
    assert amplitude.received == []


def test_a_writer_is_not_pickled(amplitude: ScriptedServer) -> None:
    with (
        AmplitudeWriter(settings_for(amplitude)) as writer,
        pytest.raises(TypeError, match="pickle its Settings"),
    ):
        pickle.dumps(writer)


def test_the_report_goes_to_the_logger_that_is_given(
    amplitude: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "of the caller")
    logger = logging.getLogger("of the caller")
    with AmplitudeWriter(settings_for(amplitude), logger=logger) as writer:
        writer.write(nami.impression(1))

    assert "1 record read: 1 delivered" in caplog.text


def test_a_writer_that_could_not_be_opened_takes_no_record(tmp_path: Path) -> None:
    settings = Settings.load({"dry_run": True, "dry_run_path": str(tmp_path)})
    writer = AmplitudeWriter(settings)
    with pytest.raises(OutputUnwritable):
        writer.write(nami.impression(1))
    with pytest.raises(ValueError, match="failed"):
        writer.write(nami.impression(2))
    writer.close()
    assert writer.report.read == 0


def test_the_exception_in_the_block_goes_on_though_the_callback_fails(
    amplitude: ScriptedServer,
) -> None:
    def fail(_reject: Reject) -> None:
        raise RuntimeError("callback")

    writer = AmplitudeWriter(settings_for(amplitude), on_reject=fail)

    def write_and_fail() -> None:
        with writer:
            with contextlib.suppress(RuntimeError):
                writer.write(nami.impression(1, created_date="never"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_and_fail()
    assert writer.report.rejected == 1
