"""What encloses the events in the body of a request."""

from __future__ import annotations

import json

import pytest

from target_amplitude_nami.amplitude.destination import Destination


@pytest.mark.parametrize(
    ("min_id_length", "more"), [(None, {}), (1, {"options": {"min_id_length": 1}})]
)
def test_the_envelope_holds_key_and_options(
    min_id_length: int | None, more: dict[str, object]
) -> None:
    key = 'a "key" of \u00e9'
    before, after = Destination(
        url="https://a/", api_key=key, min_id_length=min_id_length
    ).envelope()
    body = before + b'{"event_type":"a"},{"event_type":"b"}' + after
    events = [{"event_type": "a"}, {"event_type": "b"}]
    assert json.loads(body) == {"api_key": key, "events": events, **more}


def test_the_key_is_not_in_the_repr() -> None:
    assert "5550123" not in repr(Destination(url="https://a/", api_key="5550123"))
