"""Reads the settings `events` and `event_names`: what is sent, and under which name."""

from __future__ import annotations

import json
import typing as t
from collections.abc import Mapping
from dataclasses import dataclass

from target_amplitude_nami.nami import catalogue
from target_amplitude_nami.settings.validation import is_text
from target_amplitude_nami.settings.wording import show
from target_amplitude_nami.text import did_you_mean

if t.TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_FORM: t.Final = 'a list of objects with "event" and "name"'
_SWALLOWED: t.Final = (
    "event_names is an empty object. Meltano empties an object whose keys have dots "
    f"when it comes from an environment variable: give {_FORM} instead."
)


@dataclass(frozen=True, slots=True)
class EventNames:
    """The event types to send, with their new names.

    Attributes:
        chosen: The event types that pass the filter.
        renames: The new name of each renamed event type; empty: do not send.
        problems: A line for each mistake.
        warnings: A line for what looks wrong but is taken.
    """

    chosen: tuple[str, ...]
    renames: Mapping[str, str]
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    def with_prefix(self, prefix: str) -> dict[str, str]:
        """Return the name under which each event type is sent."""
        names = {kind: self.renames.get(kind, kind) for kind in self.chosen}
        return {kind: prefix + name for kind, name in names.items() if name}


def read_event_names(events: Iterable[str], event_names: object) -> EventNames:
    """Expand the event filter and read the renames in whatever form they come.

    Args:
        events: The setting `events`.
        event_names: The setting `event_names`: a list of `{event, name}`; a flat or
            nested object from event type to name; a JSON text of any of these; or
            None for no renames.
    """
    choice = catalogue.choose(events)
    renames, wrong = read_renames(event_names)
    problems = [*(f"events: {problem}" for problem in choice.problems), *wrong]
    warnings = [f"events: {warning}" for warning in choice.warnings]
    if event_names == {}:
        warnings.append(_SWALLOWED)
    if not problems:
        warnings += [
            f"event_names: {_not_chosen(event, choice.chosen)}"
            for event in renames
            if event not in choice.chosen
        ]
        if not any(renames.get(event, event) for event in choice.chosen):
            problems.append("event_names leaves no event to send.")
    return EventNames(choice.chosen, renames, tuple(problems), tuple(warnings))


def _not_chosen(event: str, chosen: Iterable[str]) -> str:
    hint = "" if event in catalogue.NAMES else did_you_mean(event, chosen)
    return f'"{event}" is not among the events to send.{hint}'


def read_renames(given: object) -> tuple[dict[str, str], list[str]]:
    """Return the new name of each event, and a line for each mistake."""
    if given is None:
        return {}, []
    form = _undo_json_text(given)
    if isinstance(form, Mapping):
        entries: Iterable[object] = [
            {"event": event, "name": name} for event, name in leaves(form)
        ]
    elif isinstance(form, list):
        entries = form
    else:
        return {}, [f"event_names is {show(given)}, but must be {_FORM}."]
    renames: dict[str, str] = {}
    problems: list[str] = []
    for number, entry in enumerate(entries, start=1):
        match entry:
            case {"event": str(event), "name": name, **rest} if not rest:
                if problem := _problem_with_rename(event, name, renames):
                    problems.append(f"event_names: {problem}")
                else:
                    renames[event] = name
            case _:
                problems.append(
                    f"event_names, entry {number}, is {show(entry)}, but must be an "
                    'object with "event" and "name".'
                )
    return renames, problems


def _undo_json_text(given: object) -> object:
    """Decode a JSON text; return anything else as it is."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except ValueError:
        return None


def leaves(tree: Mapping[str, object], path: str = "") -> Iterator[tuple[str, object]]:
    """Put keys together again that were taken apart at their dots."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _problem_with_rename(
    event: str, name: object, renames: Mapping[str, str]
) -> str | None:
    if problem := catalogue.problem_with(event):
        return problem
    if event in renames:
        return f'"{event}" is named twice.'
    if not isinstance(name, str):
        return (
            f'the name of "{event}" is {show(name)}, but must be text '
            '("" means: do not send).'
        )
    if not is_text(name):  # from JSON within a text, which is not looked into before
        return f'the name of "{event}" is {show(name)}, which is not valid Unicode.'
    return None
