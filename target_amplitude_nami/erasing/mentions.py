"""Finds a person's ids in text and JSON whose meaning is not known."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from target_amplitude_nami import jsontext
from target_amplitude_nami.erasing.person import Ids, is_uuid

if t.TYPE_CHECKING:
    from target_amplitude_nami.erasing.person import Person

_RUN: t.Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_ESCAPED: t.Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROLS: t.Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPED_ASCII: t.Final = b"\\u00"
_LONGEST_EXACT_NUMBER: t.Final = 15
"""Digits; longer numbers may be written with an exponent."""
_JSON_OPENINGS: t.Final = ("{", "[", '"')
_PARTS: t.Final = re.compile(r"__|\.")
_NO_LETTERS: t.Final = re.compile(r"[^a-z]")
_NAMES_OF_IDS: t.Final = frozenset(
    {"value", "externalids", "devices", "namimldeviceids", "customerid", "uid"}
)
"""Beside those whose ids are known, the members that an id may be expected in."""
_FEWEST_CHARACTERS: t.Final = 6
_FEWEST_DIGITS: t.Final = 9
_IN_QUOTES: t.Final = r"""(?<=["'])(?:{})(?=["'](?!\s*:))"""
_NO_PART_OF_A_WORD: t.Final = r"(?<![\w-])(?:{})(?![\w-]|[@+]\w)"
"""Nor the name in somebody's e-mail address."""
_NO_PART_OF_AN_ADDRESS: t.Final = r"(?<![\w.+-])(?:{})(?![\w-]|\.\w)"
_MOST_LAYERS: t.Final = 5
"""How deep JSON text is looked for within JSON text."""


@dataclass(slots=True)
class _Seen:
    """What JSON data names."""

    user: bool = False
    device: bool = False
    other_user: bool = False


class _Words:
    """Ids as words of text.

    One that is short or has no digit may be any word or number: in text it has to stand
    in quotes, and in JSON where an id is expected.
    """

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        forms: dict[str, list[str]] = {}
        for each in ids:
            forms.setdefault(_surroundings_of(each), []).append(_pattern_of(each))
        self._parts = [
            re.compile(surroundings.replace("{}", "|".join(some)))
            for surroundings, some in forms.items()
        ]

    def are_in(self, text: str) -> bool:
        """Return whether one of them is in text."""
        return any(part.search(text) is not None for part in self._parts)

    def are_value(self, text: str, kind: str) -> bool:
        """Return whether a value of a JSON member is or has one of them.

        Args:
            text: The value.
            kind: The member's name, in lower case and letters alone.
        """
        if text in self._ids and (_is_distinct(text) or kind in _NAMES_OF_IDS):
            return True
        return self.are_in(text)

    def replaced(self, text: str, instead: str) -> str:
        """Return text with something else in their places."""
        if text in self._ids:
            return instead
        for part in self._parts:
            text = part.sub(lambda _: instead, text)
        return text


class Mentions:
    """Looks for a person's ids as values and words."""

    def __init__(self, person: Person, user_ids: Ids) -> None:
        """Take the person whose ids are looked for.

        Args:
            person: The person.
            user_ids: Those of the ids that a member `user_id` can hold: one of the
                others would be somebody else's.
        """
        self._of_name: dict[str, Ids] = {
            "userid": user_ids,
            "namimluserid": person.nami_user_ids,
            "externalid": person.external_ids,
        }
        """The ids that a member of such a name can hold, of all spellings."""
        self._device_ids = person.device_ids
        self._users = _Words(person.nami_user_ids | person.external_ids)
        self._devices = _Words(person.device_ids)
        needles = [_needle_of(each) for each in person.ids]
        self._needles = None if None in needles else [n for n in needles if n]

    def may_be_in(self, text: bytes) -> bool:
        """Return False where JSON text has none of the ids, which is quick to see."""
        if self._needles is None or _ESCAPED_ASCII in text:
            return True
        lower = text.lower()
        return any(needle in lower for needle in self._needles)

    def in_line(self, line: bytes) -> bool:
        """Return whether a line names the person: JSON text, or anything else."""
        try:
            value = jsontext.decode(line)
        except ValueError:
            return self.in_text(line.decode("utf-8", "replace"))
        return self.in_json(value)

    def in_json(self, value: object) -> bool:
        """Return whether JSON data names the person.

        As in records that can be read, a device counts where no other user is named.
        """
        seen = _Seen()
        self._look(value, "", seen, _MOST_LAYERS)
        return seen.user or (seen.device and not seen.other_user)

    def in_text(self, text: str) -> bool:
        """Return whether text has an id of the person as a word."""
        for _ in range(_MOST_LAYERS):
            if self._users.are_in(text) or self._devices.are_in(text):
                return True
            if "\\" not in text:
                break
            text = _unescaped(text)
        return False

    def without_ids(self, text: str, instead: str) -> str:
        """Return text with something else in the place of each id."""
        return self._devices.replaced(self._users.replaced(text, instead), instead)

    def _look(self, value: object, name: str, seen: _Seen, layers: int) -> None:
        if isinstance(value, dict):
            for member, inner in value.items():
                seen.user |= self._users.are_in(member)
                self._look(inner, member, seen, layers)
        elif isinstance(value, list):
            for inner in value:
                self._look(inner, name, seen, layers)
        elif isinstance(value, str):
            inner = _opened(value) if layers else None
            if inner is not None:
                self._look(inner, name, seen, layers - 1)
            else:
                self._look_at_text(value.strip(), name, seen)
        elif value is not None and not isinstance(value, bool):
            self._look_at_text(_digits_of(value), name, seen)

    def _look_at_text(self, text: str, name: str, seen: _Seen) -> None:
        kind = _NO_LETTERS.sub("", _PARTS.split(name)[-1].lower())
        ids = self._of_name.get(kind)
        if kind == "deviceid":
            seen.device |= text in self._device_ids
        elif ids is not None:
            is_theirs = text in ids
            seen.user |= is_theirs
            seen.other_user |= bool(text) and not is_theirs
        else:
            seen.user |= self._users.are_value(text, kind)
            seen.device |= self._devices.are_value(text, kind)


def _is_distinct(text: str) -> bool:
    """Return whether an id is hardly any other word or number."""
    shortest = _FEWEST_DIGITS if text.isdigit() else _FEWEST_CHARACTERS
    return len(text) >= shortest and ("@" in text or any(map(str.isdigit, text)))


def _surroundings_of(text: str) -> str:
    """Return the pattern of where an id is no part of another word."""
    if not _is_distinct(text):
        return _IN_QUOTES
    return _NO_PART_OF_AN_ADDRESS if "@" in text else _NO_PART_OF_A_WORD


def _pattern_of(text: str) -> str:
    return f"(?i:{re.escape(text)})" if is_uuid(text) else re.escape(text)


def _needle_of(text: str) -> bytes | None:
    """Return bytes that JSON text with an id surely has; None if there are none."""
    if text.isdigit() and len(text) > _LONGEST_EXACT_NUMBER:
        return None
    longest = max(_RUN.findall(text), key=len, default="")
    return longest.lower().encode() or None


def _digits_of(number: object) -> str:
    try:
        whole = int(number)  # type: ignore[call-overload]
    except (OverflowError, TypeError, ValueError):
        return ""
    return str(whole) if whole == number else ""


def _opened(text: str) -> t.Any:
    if not text.lstrip().startswith(_JSON_OPENINGS):
        return None
    try:
        return jsontext.decode(text.strip())
    except ValueError:
        return None


def _unescaped(text: str) -> str:
    """Return text with the characters for which JSON's escapes stand."""
    return jsontext.whole(_ESCAPED.sub(_character, text))


def _character(escape: re.Match[str]) -> str:
    if escape[1]:
        return chr(int(escape[1], 16))
    return _CONTROLS.get(escape[2], escape[2])
