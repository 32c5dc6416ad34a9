"""Whatever a client sends, it gets an answer that is one of Amplitude's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from target_amplitude_nami.local.ingest.validation import _TYPES
from tests.local.bench import Bench, event

if TYPE_CHECKING:
    from tests.local.conftest import MakeBench

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.sampled_from(["unknown", "$identify", "2024-01-01", "\ud83d"]),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4)
    ),
    max_leaves=8,
)
OPERATORS = [
    "$add",
    "$append",
    "$clearAll",
    "$postInsert",
    "$preInsert",
    "$prepend",
    "$remove",
    "$set",
    "$setOnce",
    "$unset",
    "plain",
]
USER_PROPERTIES = st.dictionaries(
    st.sampled_from(OPERATORS),
    st.dictionaries(st.sampled_from("abc"), JSON, max_size=3) | JSON,
    max_size=3,
)
EVENTS = st.builds(
    lambda fields, sent: event(**{**fields, **sent}),
    st.dictionaries(
        st.sampled_from([*_TYPES, "$skip_user_properties_sync", "ip", "anything"]),
        JSON,
        max_size=3,
    ),
    st.fixed_dictionaries({}, optional={"user_properties": USER_PROPERTIES}),
)

relaxed = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def check(bench: Bench, body: bytes) -> None:
    before = bench.read.summary()

    status, document = bench.post(body)

    assert status in (200, 400, 413)
    assert document["code"] == status
    after = bench.read.summary()
    taken = document.get("events_ingested", 0)
    assert (after.total + after.identifies + after.duplicates) == taken + (
        before.total + before.identifies + before.duplicates
    )
    assert after.requests == before.requests + 1


@relaxed
@given(body=st.binary())
def test_any_bytes_get_an_answer(bench: Bench, body: bytes) -> None:
    check(bench, body)


@relaxed
@given(
    document=st.dictionaries(st.sampled_from(["api_key", "events", "options"]), JSON)
)
def test_any_document_gets_an_answer(bench: Bench, document: dict[str, Any]) -> None:
    check(bench, json.dumps(document).encode())


@relaxed
@given(events=st.lists(EVENTS, min_size=1, max_size=3))
def test_any_events_get_an_answer(
    make_bench: MakeBench,
    events: list[dict[str, Any]],
) -> None:
    bench = make_bench(throttling=False)

    check(bench, json.dumps({"api_key": "key-1", "events": events}).encode())


@relaxed
@given(
    values=st.lists(USER_PROPERTIES, max_size=6),
    skipped=st.booleans(),
)
def test_any_user_properties_get_an_answer(
    make_bench: MakeBench,
    values: list[dict[str, Any]],
    *,
    skipped: bool,
) -> None:
    bench = make_bench(throttling=False)

    for sent in values:
        only = event(user_properties=sent, **{"$skip_user_properties_sync": skipped})
        check(bench, json.dumps({"api_key": "key-1", "events": [only]}).encode())
