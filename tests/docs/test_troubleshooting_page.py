"""docs/troubleshooting.md explains every line a run can end with, and no other."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from target_amplitude_nami.singer import recognition
from tests.support.run_messages import run_messages

PAGE: Final = (Path(__file__).parents[2] / "docs" / "troubleshooting.md").read_text(
    "utf-8"
)
SECTIONS: Final = re.split(r"(?m)^## ", PAGE)[1:]
LISTED: Final = re.findall(r"(?m)^\| `` (.+?) `` \|", PAGE)
MESSAGES: Final = sorted(run_messages())
PARTS_OF_OTHERS: Final = {
    recognition._LOOKED_FOR,
    'a list of objects with "event" and "name"',
    ": this run would deliver",
    "pip install 'target-amplitude-nami[local]'",
    "Config validation failed",  # the SDK's name of the error, which nobody sees
    'Did you mean "……"?',
    "free disk space",
    "not a JSON object",
    "record that waited for an External ID is",
    "records that waited for an External ID are",
    "the proxy in …",
    "the sandbox's project: ",
    "the system's settings",
    "Tunnel connection failed: 407",  # what urllib3 says
}
"""What stands only within a message that is listed."""


def fragments(message: str) -> list[str]:
    return [part for each in message.split("…") if (part := each.strip(" .:;()"))]


def is_within(parts: list[str], text: str) -> bool:
    """Return whether all parts are in a text, in this order."""
    return bool(re.search(".*?".join(rf"(?<!\w){re.escape(p)}" for p in parts), text))


def explains(listed: str, message: str) -> bool:
    """Return whether an entry is this message, or its beginning, or has it in it."""
    ours, theirs = fragments(listed), fragments(message)
    is_beginning = is_within(ours, message) and theirs[0].startswith(ours[0])
    return is_beginning or is_within(theirs, listed)


def test_every_line_that_a_run_can_end_with_or_warn_of_is_explained() -> None:
    missing = [
        message
        for message in MESSAGES
        if message not in PARTS_OF_OTHERS
        and not any(explains(listed, message) for listed in LISTED)
    ]
    assert missing == []


def test_every_line_that_is_explained_is_in_the_source() -> None:
    unknown = [
        listed
        for listed in LISTED
        if not any(explains(listed, message) for message in MESSAGES)
    ]
    assert unknown == []


def test_no_exception_is_left_that_the_source_no_longer_has() -> None:
    assert set(MESSAGES) >= PARTS_OF_OTHERS


@pytest.mark.parametrize("section", SECTIONS, ids=lambda text: text.partition("\n")[0])
def test_lines_are_in_the_order_of_the_alphabet(section: str) -> None:
    listed = re.findall(r"(?m)^\| `` (.+?) `` \|", section)
    plain = [re.sub(r"[^a-z0-9 ]", "", line.lower()).strip() for line in listed]
    assert plain == sorted(plain)
