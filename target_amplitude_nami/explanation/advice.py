"""Advises what to change so that a record will be sent."""

from __future__ import annotations

import typing as t

_FIX_THE_TAP: t.Final = (
    "Fix what writes this line, or correct it in the rejects file, which "
    "`amplitude-nami retry` delivers."
)
_FIX_THE_FIELD: t.Final = (
    "Correct the field at its source, or in the rejects file, which `amplitude-nami "
    "retry` delivers; docs/input.md shows the forms that are understood."
)
_FIX_WHAT_AMPLITUDE_NAMES: t.Final = (
    "Correct the field that Amplitude names in the rejects file, which `amplitude-nami "
    "retry` delivers."
)
_AN_ID: t.Final = (
    "Give the user a real id at the source, or choose another with `user_source`."
)

OF_REJECTED: t.Final[t.Mapping[str, str]] = {
    "line_not_json": _FIX_THE_TAP,
    "not_a_singer_message": _FIX_THE_TAP,
    "bad_schema": _FIX_THE_TAP,
    "bad_record": _FIX_THE_TAP,
    "bad_state": _FIX_THE_TAP,
    "bad_batch": _FIX_THE_TAP,
    "message_in_batch": "Make the tap write records alone into BATCH files, or switch "
    "its `batch_config` off; `amplitude-nami retry` delivers what was rejected.",
    "record_before_schema": "Make the tap write a valid SCHEMA message of the stream "
    "before its records; in the rejects file there is one already.",
    "schema_violation": "Correct the record or the schema, or leave "
    "`validate_records` off.",
    "key_property_missing": "Give the key property a value, or take it out of the "
    "tap's `key_properties`.",
    "stream_map_failed": "Correct the expression in `stream_maps`, so that it works "
    "for such a record.",
    "too_deep": "Make the record less deep at its source, or drop the deep property "
    "with `exclude_properties`.",
    "number_not_finite": "Give the number a value that JSON has, or null; or drop the "
    "property with `exclude_properties`.",
    "value_not_json": "Give the value as text, a number, a boolean, an object, an "
    "array or null.",
    "event_type_missing": "Give the record an event_type; or name the streams that "
    "hold events, or users, with `event_streams` and `user_streams`.",
    "time_missing": "Give the event a created_date.",
    "time_unreadable": "Give the time as ISO 8601 or as seconds or milliseconds since "
    "1970.",
    "user_id_missing": "Give the user record a user_id.",
    "not_json": _FIX_THE_FIELD,
    "not_an_array": _FIX_THE_FIELD,
    "not_an_object": _FIX_THE_FIELD,
    "not_a_boolean": _FIX_THE_FIELD,
    "not_an_id": _FIX_THE_FIELD,
    "not_understood": _FIX_THE_FIELD,
    "payload_missing": "Fill the column that holds the webhook in the other rows, or "
    "leave such rows out of the stream.",
    "amount_unreadable": "Give the amount as a plain number, such as 9.99; or set "
    "`revenue` to none.",
    "currency_unreadable": "Give the currency as three letters, such as USD; or set "
    "`revenue` to none.",
    "not_nami": "Give the record an event_type, or a user_id with the user's state; or "
    "name its stream in `event_streams` or `user_streams`.",
    "anonymous_user": "Have the app log the user in, so that Nami knows an External "
    "ID; or set `anonymous_users` to device, nami_user_id or hold.",
    "no_ids": "Give the record a user_id or a device_id.",
    "user_id_forbidden": _AN_ID,
    "device_id_forbidden": "Give the device its real id, or leave the field out.",
    "user_id_too_short": "Set `min_id_length`, or use longer ids.",
    "device_id_too_short": "Set `min_id_length`, or leave the device out.",
    "user_id_too_long": _AN_ID,
    "device_id_too_long": "Give the device a shorter id, or leave it out.",
    "event_name_reserved": "Choose another name in `event_names` or `event_prefix`.",
    "event_name_unusable": "Choose another name in `event_names` or `event_prefix`.",
    "time_out_of_range": "Correct the created_date: Amplitude takes the years 2000 to "
    "2100.",
    "event_too_large": "Drop large properties with `exclude_properties`, or raise "
    "`max_request_bytes`.",
    "amplitude_missing_field": _FIX_WHAT_AMPLITUDE_NAMES,
    "amplitude_invalid_field": _FIX_WHAT_AMPLITUDE_NAMES,
    "amplitude_invalid_id_length": "Set `min_id_length`, or use longer ids.",
    "amplitude_silenced": "Ask Amplitude why the device is silenced; nothing in the "
    "record is wrong.",
    "amplitude_refused": "Amplitude gave no reason. Send the record again with "
    "`amplitude-nami retry`, or compare it with one that Amplitude took.",
    "amplitude_too_large": "Drop large properties with `exclude_properties`.",
    "amplitude_daily_quota": "Run `amplitude-nami retry` tomorrow; nothing in the "
    "record is wrong.",
}
"""By the reason of a reject; see docs/report.md for what each means."""

OF_FILTERED: t.Final[t.Mapping[str, str]] = {
    "event_not_chosen": "Name the type in `events`, and give it no empty name in "
    "`event_names`.",
    "before_start_date": "Set an earlier `start_date`, or none.",
    "sandbox": "Set `sandbox_purchases` to send, or give a `sandbox_api_key`.",
    "anonymous_user": "Set `anonymous_users` to device, nami_user_id or hold.",
    "deleted_at_source": "Nothing; the row was deleted at its source. If it was not, "
    "correct the column that marks it as deleted.",
    "not_nami": OF_REJECTED["not_nami"],
    "stream_map": "Change the `stream_maps` that leave the record out.",
    "nothing_to_set": "Give the user record a state: active_entitlements, devices or "
    "customer_journey_state.",
    "stale_user_record": "Nothing; newer state of the user was sent. "
    "`stale_user_properties: send` sends old state, too.",
    "unchanged": "Nothing; Amplitude has this state already.",
}
"""By the reason of a filtered record."""

OF_HELD: t.Final = (
    "Nothing; it is sent when a record of its Nami user brings an External ID. "
    "`anonymous_users` can send it now, by device or under the Nami user id."
)
OF_DUPLICATES: t.Final = (
    "Nothing; Amplitude has the event. It would drop another one with the same insert "
    "id and device."
)


def advice_for(outcome: str, reason: str) -> str:
    """Return what to change so that a record will be sent; empty where it is sent."""
    match outcome:
        case "rejected":
            return OF_REJECTED.get(reason, _FIX_THE_FIELD)
        case "filtered":
            return OF_FILTERED.get(reason, "")
        case "held":
            return OF_HELD
        case "duplicate":
            return OF_DUPLICATES
        case _:
            return ""
