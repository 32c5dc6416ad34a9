"""A checklist is plain to read and has no keys in it."""

from __future__ import annotations

import pytest

from target_amplitude_nami.commands.check.checklist import Checklist, without_keys


def test_a_section_has_a_heading_and_each_line_its_mark_and_remedy() -> None:
    checklist = Checklist()
    checklist.ok("Files", "rejects.singer can be made")
    checklist.wrong("Files", "report.json is a folder.", "choose another path")
    checklist.warn("Keys", "not proved", "`--online` asks Amplitude")
    assert list(checklist.for_people()) == [
        "Files",
        "  ✓ rejects.singer can be made",
        "  ✗ report.json is a folder. Choose another path",
        "",
        "Keys",
        "  ! not proved. `--online` asks Amplitude",
        "",
        "1 ✓, 1 !, 1 ✗: a run would fail",
    ]
    assert checklist.is_wrong


def test_warnings_alone_are_nothing_wrong() -> None:
    checklist = Checklist()
    checklist.warn("Keys", "not proved")
    assert not checklist.is_wrong
    assert list(checklist.for_people())[-1] == "0 ✓, 1 !, 0 ✗: a run can begin"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://ann:pass@example.com/a", "at https://***@example.com/a"),
        ('"https://example.com/a?token=x&b=1" is', '"https://example.com/a?***" is'),
        ("s3://key:secret@bucket and no@mail?", "s3://***@bucket and no@mail?"),
        ("two\nlines", "two\\nlines"),
    ],
)
def test_what_may_be_a_key_in_a_url_is_hidden(text: str, shown: str) -> None:
    assert without_keys(text) == shown
