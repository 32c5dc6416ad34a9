"""The checklist: a line for each thing that was looked at."""

from __future__ import annotations

import re
import typing as t

import msgspec

from target_amplitude_nami.text import printable

if t.TYPE_CHECKING:
    from collections.abc import Iterator

Mark: t.TypeAlias = t.Literal["ok", "warning", "wrong"]

_SHOWN: t.Final[dict[Mark, str]] = {"ok": "✓", "warning": "!", "wrong": "✗"}
_USER_INFO: t.Final = re.compile(r"(?<=://)[^/\s\"'@]*@")
_QUERY: t.Final = re.compile(r"(://[^\s\"'?]*\?)[^\s\"']+")
"""Relays take keys in it."""


class Line(msgspec.Struct, frozen=True):
    """What was found out about one thing, and what to do about it."""

    section: str
    mark: Mark
    text: str
    remedy: str = ""


class Checklist:
    """The lines so far, without what may be a password in a URL."""

    def __init__(self) -> None:
        """Start with no line."""
        self.lines: list[Line] = []

    def ok(self, section: str, text: str) -> None:
        """Add a line for what is as it should be."""
        self._add(section, "ok", text)

    def warn(self, section: str, text: str, remedy: str = "") -> None:
        """Add a line for what may be meant so, or cannot be proved."""
        self._add(section, "warning", text, remedy)

    def wrong(self, section: str, text: str, remedy: str = "") -> None:
        """Add a line for what would make a run fail, or lose sight of records."""
        self._add(section, "wrong", text, remedy)

    def has(self, text: str) -> bool:
        """Return whether a line says this already."""
        return without_keys(text) in {line.text for line in self.lines}

    @property
    def is_wrong(self) -> bool:
        """Whether anything is wrong."""
        return any(line.mark == "wrong" for line in self.lines)

    def for_people(self) -> Iterator[str]:
        """Yield the checklist, a heading before each section."""
        for section in dict.fromkeys(line.section for line in self.lines):
            yield section
            for line in self.lines:
                if line.section == section:
                    yield f"  {_SHOWN[line.mark]} {_sentences(line.text, line.remedy)}"
            yield ""
        counts = {
            mark: sum(line.mark == mark for line in self.lines) for mark in _SHOWN
        }
        yield (
            f"{counts['ok']} ✓, {counts['warning']} !, {counts['wrong']} ✗: "
            f"{'a run would fail' if counts['wrong'] else 'a run can begin'}"
        )

    def _add(self, section: str, mark: Mark, text: str, remedy: str = "") -> None:
        self.lines.append(Line(section, mark, without_keys(text), without_keys(remedy)))


def _sentences(text: str, remedy: str) -> str:
    if not remedy:
        return text
    return f"{text.rstrip('.')}. {remedy[0].upper()}{remedy[1:]}"


def without_keys(text: str) -> str:
    """Return a text on one line, its URLs without user names, passwords and queries."""
    return _QUERY.sub(r"\1***", _USER_INFO.sub("***@", printable(text)))
