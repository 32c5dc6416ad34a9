"""Values of Arrow that JSON has no form for can be printed and pickled all the same."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

from target_amplitude_nami import Refusal
from target_amplitude_nami.arrow import records_of
from tests.support.arrow import built_of

BEYOND = pa.array([2**31 - 1], pa.int32()).view(pa.date32())


@pytest.mark.parametrize(
    "values",
    [
        BEYOND,
        pa.array([253402300800]).view(pa.timestamp("s")),
        pa.array([86400], pa.int32()).view(pa.time32("s")),
        pa.array([1]).view(pa.duration("ns")),
        pa.array([2**62]).view(pa.duration("s")),
        pa.array([(1, 2, 3)], pa.month_day_nano_interval()),
        pa.StructArray.from_arrays([BEYOND], ["day"]),
        pa.MapArray.from_arrays([0, 1], BEYOND, pa.array([1])),
        pa.MapArray.from_arrays(
            [0, 1], pa.StructArray.from_arrays([BEYOND], ["day"]), pa.array([1])
        ),
    ],
    ids=lambda each: str(each.type),
)
def test_a_record_with_one_can_be_printed_and_pickled(values: pa.Array) -> None:
    [record] = records_of(pa.record_batch({"value": values}))

    assert pickle.loads(pickle.dumps(record)) == record  # noqa: S301 - its own
    assert "Formless(" in repr(record)


def test_the_reject_says_what_the_value_is() -> None:
    [refusal] = built_of(pa.array([253402300800]).view(pa.timestamp("s", "UTC")))

    assert isinstance(refusal, Refusal)
    assert refusal.detail.startswith(
        "value is a value of the type timestamp[s, tz=UTC] (10000-01-01 00:00:00), for "
        "which JSON has no form"
    )
