"""Takes a person out of the report of the last run."""

from __future__ import annotations

import json
import typing as t

from target_amplitude_nami.accounting.files import write_atomically
from target_amplitude_nami.erasing.mentions import Mentions
from target_amplitude_nami.errors import OutputUnwritable

if t.TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from target_amplitude_nami.erasing.person import Person

_MOST_BYTES: t.Final = 10_000_000
"""A report has some kilobytes."""


def erase_from_report(
    path: Path,
    person: Person,
    delivered: Callable[[Iterable[str]], set[str]],
    *,
    is_rehearsal: bool = False,
) -> int:
    """Take a person out of the ids that a report names; its figures stay.

    Args:
        path: The report, which must exist.
        person: The person.
        delivered: Returns those of some insert ids that an event of theirs has.
        is_rehearsal: Whether the report stays as it is.

    Returns:
        How many ids, or pairs of ids, were named.

    Raises:
        OutputUnwritable: When it cannot be read or written, or is no report.
    """
    try:
        with path.open("rb") as file:
            text = file.read(_MOST_BYTES)
    except OSError as error:
        raise OutputUnwritable(f"{path} cannot be read ({error.strerror})") from error
    try:
        report: dict[str, t.Any] = json.loads(text)
        conflicts: list[dict[str, str]] = report["named_odd_ids"]
        insert_ids: list[str] = report["named_id_conflicts"]
        kept_conflicts = [each for each in conflicts if not _names(each, person)]
        theirs = delivered(insert_ids) if insert_ids else set()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        mentions = Mentions(person, person.ids)
        if not mentions.in_text(text.decode("utf-8", "replace")):
            return 0
        raise OutputUnwritable(
            f"{path} names the person and is not a report of this target: take them "
            f"out of it, or remove it"
        ) from error
    kept_ids = [each for each in insert_ids if each not in theirs]
    count = len(conflicts) - len(kept_conflicts) + len(insert_ids) - len(kept_ids)
    if count and not is_rehearsal:
        report["named_odd_ids"], report["named_id_conflicts"] = kept_conflicts, kept_ids
        write_atomically(path, json.dumps(report, indent=2) + "\n", 0o600)
    return count


def _names(conflict: dict[str, str], person: Person) -> bool:
    """Return whether a pair of ids that do not fit together names a person."""
    kind, value, other = conflict["kind"], conflict["value"], conflict["other"]
    ids = person.device_ids if kind.startswith("device") else person.external_ids
    if person.is_device_alone:  # its users stay
        return False
    others = (
        person.external_ids if kind.startswith("user_with") else person.nami_user_ids
    )
    return (
        conflict["nami_user_id"] in person.nami_user_ids
        or value in ids
        or other in others
    )
