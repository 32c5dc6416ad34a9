"""Finds a person's ids in text and JSON whose meaning is not known."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass

from target_amplitude_nami import jsontext
from target_amplitude_nami.erasing.person import Ids, is_uuid

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.erasing.person import Person

_RUN: t.Final = re.compile(r"[A-Za-z0-9]+", re.ASCII)
_ESCAPED: t.Final = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(.))", re.DOTALL)
_CONTROLS: t.Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_ESCAPED_ASCII: t.Final = b"\\u00"
_LONGEST_EXACT_NUMBER: t.Final = 15
"""Digits; longer numbers may be written with an exponent."""
_JSON_OPENINGS: t.Final = ("{", "[", '"')
_MOST_LAYERS: t.Final = 5
"""How deep JSON text is looked for within JSON text."""


@dataclass(slots=True)
class _Seen:
    """What JSON data names."""

    names_user: bool = False
    names_device: bool = False
    names_other_user: bool = False


class Mentions:
    """Looks for a person's ids as whole words."""

    def __init__(self, person: Person, user_ids: Ids) -> None:
        """Take the person whose ids are looked for.

        Args:
            person: The person.
            user_ids: Those of the ids that a member `user_id` can hold: one of the
                others would be somebody else's.
        """
        self._person = person
        self._users = person.nami_user_ids | person.external_ids
        self._by_name: dict[str, Ids] = {
            "userid": user_ids,
            "namimluserid": person.nami_user_ids,
            "externalid": person.external_ids,
            "deviceid": person.device_ids,
        }
        """The ids that a member of such a name can hold, of all spellings."""
        self._word_of_user = _word_of(self._users)
        self._word_of_device = _word_of(person.device_ids)
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
        return seen.names_user or (seen.names_device and not seen.names_other_user)

    def in_text(self, text: str) -> bool:
        """Return whether text has an id of the person as a whole word."""
        words = [w for w in (self._word_of_user, self._word_of_device) if w is not None]
        for _ in range(_MOST_LAYERS):
            if any(word.search(text) is not None for word in words):
                return True
            if "\\" not in text:
                break
            text = _unescaped(text)
        return False

    def without_ids(self, text: str, instead: str) -> str:
        """Return text with something else in the place of each id."""
        for word in (self._word_of_user, self._word_of_device):
            if word is not None:
                text = word.sub(lambda _: instead, text)
        return text

    def _look(self, value: object, name: str, seen: _Seen, layers: int) -> None:
        if isinstance(value, dict):
            for member, inner in value.items():
                self._look_at_text(member, "", seen)
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
        kind = re.sub(r"[^a-z]", "", re.split(r"__|\.", name)[-1].lower())
        ids = self._by_name.get(kind)
        if kind == "deviceid":
            seen.names_device |= text in self._person.device_ids
        elif ids is not None:
            is_theirs = text in ids
            seen.names_user |= is_theirs
            seen.names_other_user |= bool(text) and not is_theirs
        else:
            for word, names in (
                (self._word_of_user, "names_user"),
                (self._word_of_device, "names_device"),
            ):
                if word is not None and word.search(text) is not None:
                    setattr(seen, names, True)


def _word_of(ids: Iterable[str]) -> re.Pattern[str] | None:
    forms = [
        f"(?i:{re.escape(each)})" if is_uuid(each) else re.escape(each) for each in ids
    ]
    if not forms:
        return None
    return re.compile(rf"(?<![\w-])(?:{'|'.join(forms)})(?![\w-])")


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
