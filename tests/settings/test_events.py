"""Which events are sent under which name, in whatever form the names arrive."""

from __future__ import annotations

import pytest

from target_amplitude_nami.errors import ConfigurationError
from target_amplitude_nami.nami.catalogue import OFFERED
from target_amplitude_nami.settings import Settings

RENEWED = "user.subscription.renewed"
SHOWN = "device.impression"


def settings(**config: object) -> Settings:
    return Settings.load({"api_key": "0123456789abcdef", **config})


def sent(ready: Settings) -> dict[str, str]:
    """Return the name under which each event type is sent."""
    return dict(ready.sent_names)


def problems(**config: object) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as raised:
        settings(**config)
    return raised.value.problems


def test_an_event_keeps_its_nami_name_unless_renamed() -> None:
    ready = settings(event_names=[{"event": RENEWED, "name": "Renewed"}])
    assert sent(ready)[RENEWED] == "Renewed"
    assert sent(ready)[SHOWN] == SHOWN


def test_the_prefix_stands_before_old_and_new_names() -> None:
    ready = settings(
        event_prefix="Nami ", event_names=[{"event": RENEWED, "name": "Renewed"}]
    )
    assert sent(ready)[RENEWED] == "Nami Renewed"
    assert sent(ready)[SHOWN] == f"Nami {SHOWN}"


def test_an_event_with_an_empty_name_is_not_sent_whatever_the_prefix() -> None:
    ready = settings(event_prefix="Nami ", event_names=[{"event": SHOWN, "name": ""}])
    assert SHOWN not in sent(ready)
    assert len(ready.sent_names) == len(OFFERED) - 1


def test_an_event_that_is_not_chosen_has_no_name() -> None:
    ready = settings(events=["device.*"])
    assert sent(ready).keys() == {"device.impression", "device.transaction"}


def test_two_events_may_share_a_name() -> None:
    ready = settings(event_names={SHOWN: "Paywall", "device.transaction": "Paywall"})
    assert sent(ready)[SHOWN] == sent(ready)["device.transaction"]


THROUGH_MELTANO = {
    "list in meltano.yml, config set or the environment": [
        {"event": RENEWED, "name": "Renewed"},
        {"event": SHOWN, "name": ""},
    ],
    "object in meltano.yml; config set or environment, kind object": {
        "user": {"subscription": {"renewed": "Renewed"}},
        "device": {"impression": ""},
    },
    "object in config set or the environment, kind string": (
        '{"user.subscription.renewed": "Renewed", "device.impression": ""}'
    ),
    "nested object in config set or the environment, kind string": (
        '{"user": {"subscription": {"renewed": "Renewed"}}, '
        '"device": {"impression": ""}}'
    ),
    "list in config set or the environment, kind string": (
        '[{"event": "user.subscription.renewed", "name": "Renewed"}, '
        '{"event": "device.impression", "name": ""}]'
    ),
    "object in a configuration file, without Meltano": {RENEWED: "Renewed", SHOWN: ""},
    "object half taken apart": {
        "user.subscription": {"renewed": "Renewed"},
        SHOWN: "",
    },
}
"""What Meltano 4.4 hands to a target as `event_names`, by how it was given.

Meltano itself refuses an object in an environment variable or `config set` for a
setting of kind array, and any text in `meltano.yml` that is no JSON array.
"""


@pytest.mark.parametrize("form", THROUGH_MELTANO.values(), ids=THROUGH_MELTANO)
def test_renames_survive_what_meltano_does_to_them(form: object) -> None:
    ready = settings(event_names=form)
    assert ready.event_names == ((SHOWN, ""), (RENEWED, "Renewed"))
    assert sent(ready)[RENEWED] == "Renewed"
    assert SHOWN not in sent(ready)
    assert ready.warnings == ()


def test_an_object_emptied_by_meltano_gets_a_warning() -> None:
    (warning,) = settings(event_names={}).warnings
    assert "Meltano empties an object" in warning
    assert "list of objects" in warning


@pytest.mark.parametrize("nothing", [[], "[]", "{}", None])
def test_no_renames_are_no_reason_for_a_warning(nothing: object) -> None:
    assert settings(event_names=nothing).warnings == ()


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (5, "event_names is 5, but must be a list of objects"),
        ("{nope", 'event_names is "{nope", but must be a list of objects'),
        ("", 'event_names is "", but must be a list of objects'),
        ("null", 'event_names is "null", but must be a list of objects'),
        ([SHOWN], 'entry 1, is "device.impression", but must be an object'),
        ([{SHOWN: "Shown"}], "entry 1, is"),
        ([{"event": SHOWN}], "entry 1, is"),
        ([{"event": 5, "name": "Shown"}], "entry 1, is"),
        ([{"event": SHOWN, "name": "Shown", "to": "x"}], "entry 1, is"),
        (
            [{"event": SHOWN, "name": None}],
            (
                'the name of "device.impression" is null, but must be text ("" means: '
                "do not send)."
            ),
        ),
        ({"device": {"impression": 5}}, 'the name of "device.impression" is 5'),
        (
            [{"event": "device.impresion", "name": 1}],
            'the name of "device.impresion" is 1',
        ),
        (
            [{"event": "Device.Impression", "name": "Shown"}],
            'is not a Nami event type. Did you mean "device.impression"?',
        ),
        ({"device.*": "Shown"}, '"device.*" is not a Nami event type.'),
        (
            [{"event": SHOWN, "name": "A"}, {"event": SHOWN, "name": "B"}],
            '"device.impression" is named twice.',
        ),
        (
            {SHOWN: "A", "device": {"impression": "A"}},
            '"device.impression" is named twice.',
        ),
        (
            {SHOWN: "$identify"},
            (
                '"device.impression" would be sent as "$identify", a name that '
                "Amplitude keeps for itself."
            ),
        ),
    ],
)
def test_a_wrong_rename_gets_one_line(form: object, line: str) -> None:
    (found,) = problems(event_names=form)
    assert found.startswith("event_names")
    assert line in found


def test_all_wrong_renames_are_reported_at_once() -> None:
    assert len(problems(event_names=[1, {"event": "x", "name": ""}, {}])) == 3


def test_a_prefix_may_make_a_name_that_amplitude_keeps_for_itself() -> None:
    (found,) = problems(event_prefix="[Amplitude] ", event_names={SHOWN: "Revenue"})
    assert '"[Amplitude] Revenue"' in found


def test_a_configuration_that_sends_no_event_at_all_is_a_mistake() -> None:
    assert problems(events=[SHOWN], event_names={SHOWN: ""}) == (
        "event_names leaves no event to send.",
    )


def test_a_rename_of_an_event_not_chosen_is_a_warning() -> None:
    ready = settings(events=["user.*"], event_names={SHOWN: "Shown"})
    assert ready.warnings == (
        'event_names: "device.impression" is not among the events to send.',
    )


def test_a_misspelt_rename_gets_a_suggestion() -> None:
    (warning,) = settings(event_names={"user.subscription.renwed": "R"}).warnings
    assert warning.endswith('Did you mean "user.subscription.renewed"?')


def test_an_event_type_of_the_future_is_sent_and_may_be_renamed() -> None:
    new = "user.account_hold.started"
    ready = settings(events=["*", new], event_names={new: "Hold"})
    assert sent(ready)[new] == "Hold"
    assert len(ready.warnings) == 1
