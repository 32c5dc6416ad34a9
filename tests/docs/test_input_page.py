"""Every example of docs/input.md is what the page says of it."""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from target_amplitude_nami import jsontext
from target_amplitude_nami.errors import UnreadableRecord
from target_amplitude_nami.nami.deleted import DeletedRows
from target_amplitude_nami.nami.records import RecordReader
from target_amplitude_nami.outcomes import Refusal
from tests.support.pipeline_harness import PipelineHarness

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.records import Record

PAGE: Final = Path(__file__).parents[2] / "docs" / "input.md"
DELETED: Final = "deleted_at_source"
AN_EVENT: Final = "an-event"

_BLOCK: Final = re.compile(
    r"(?:<!-- example: (?P<says>[^>]*) -->\n)?"
    r"```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Example:
    """A block of rows, and what the comment before it says of them.

    `record`: the row is a plain record, which has this name on the page.
    `gives`: what the rows give: the event of a plain record, or a reason; one for all
    rows, or one for each. `an-event` is any event.
    `from`: the rows are columns of this plain record; `without`: which lacks these.
    `field`: the field that the reason names. `misfit`: the column that is counted.
    """

    line: int
    says: dict[str, str]
    rows: list[Record]
    message: str | None
    """What the page says that the reject of the last row reads."""

    def outcomes(self) -> Iterator[tuple[Record, str]]:
        """Yield each whole record with what it gives."""
        given = self.says["gives"].split(",")
        if len(given) == 1:
            given *= len(self.rows)
        without = self.says.get("without", "").split(",")
        base = self.says.get("from", given[0] if "without" in self.says else None)
        for row, gives in zip(self.rows, given, strict=True):
            kept = {
                name: value
                for name, value in (RECORDS[base] if base else {}).items()
                if name not in without
            }
            yield kept | row, gives


def rows_of(text: str) -> list[Record]:
    """Return the JSON objects of a block as the target reads them from lines."""
    rows, decoder, rest = [], json.JSONDecoder(), text.strip()
    while rest:
        _, end = decoder.raw_decode(rest)
        rows.append(jsontext.decode(rest[:end]))
        rest = rest[end:].strip()
    return rows


def examples() -> Iterator[Example]:
    """Yield the examples of the page; a block that is not marked fails here."""
    text = PAGE.read_text("utf-8")
    blocks = list(_BLOCK.finditer(text))
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        if block["language"] == "text":
            continue
        assert block["language"] == "json", block[0]
        assert block["says"], f"not marked as an example: {block[0]}"
        is_message = following is not None and following["language"] == "text"
        yield Example(
            text.count("\n", 0, block.start("text")),
            dict(part.split("=") for part in block["says"].split()),
            rows_of(block["text"]),
            following["text"].strip() if following and is_message else None,
        )


EXAMPLES: Final = list(examples())
RECORDS: Final = {
    each.says["record"]: each.rows[0] for each in EXAMPLES if "record" in each.says
}


def harness() -> PipelineHarness:
    """Return a pipeline that shows all user properties."""
    return PipelineHarness(extra_user_properties=["*"])


def is_deleted(record: Record) -> bool:
    """Return whether a record is left out as a row that its source has deleted."""
    return DeletedRows().is_deleted(record)


def test_the_page_has_examples_of_everything() -> None:
    given = {
        gives for each in EXAMPLES for gives in each.says.get("gives", "").split(",")
    }

    assert set(RECORDS) == {"renewal", "user", "impression", "visitor", "purchase"}
    assert given >= {
        *RECORDS,
        DELETED,
        "event_type_missing",
        "not_a_boolean",
        "not_an_array",
        "not_an_id",
        "not_an_object",
        "not_json",
        "not_nami",
        "not_understood",
        "payload_missing",
        "time_missing",
        "time_unreadable",
    }


@pytest.mark.parametrize("name", RECORDS)
def test_a_plain_record_is_an_event(name: str) -> None:
    event = harness().event(RECORDS[name])

    assert event.get("user_id") == (None if name == "visitor" else "listener-1042")


@pytest.mark.parametrize(
    "example",
    [each for each in EXAMPLES if "gives" in each.says],
    ids=lambda example: f"line {example.line}",
)
def test_an_example_gives_what_the_page_says(example: Example) -> None:
    misfits: list[str] = []
    pipeline = harness()
    reader = RecordReader("events", note_misfit=misfits.append)

    for record, gives in example.outcomes():
        if gives == DELETED:
            assert is_deleted(record), record
            continue
        with contextlib.suppress(UnreadableRecord):
            reader.read(record)
        found = pipeline.result(record)
        if gives == AN_EVENT:
            assert isinstance(found, bytes), record
        elif gives in RECORDS:
            assert found == harness().result(RECORDS[gives]), record
        else:
            assert found == gives, record

    assert misfits == [each for each in [example.says.get("misfit")] if each]


@pytest.mark.parametrize(
    "example",
    [each for each in EXAMPLES if "field" in each.says],
    ids=lambda example: f"line {example.line}",
)
def test_a_reject_names_the_field(example: Example) -> None:
    refusals = [harness().encode(record) for record, _ in example.outcomes()]

    for refusal in refusals:
        assert isinstance(refusal, Refusal)
        assert refusal.field == example.says["field"]
        last = refusal.detail
    assert example.message in {None, last}


def test_the_report_page_lists_the_reasons_that_the_input_page_shows() -> None:
    report = PAGE.with_name("report.md").read_text("utf-8")
    reasons = {each.says["gives"] for each in EXAMPLES if "field" in each.says}

    assert {reason for reason in reasons if f"`{reason}`" not in report} == set()


def test_links_lead_somewhere() -> None:
    text = PAGE.read_text("utf-8")

    for link in re.findall(r"\]\(([^)]+)\)", text):
        path, _, anchor = link.partition("#")
        target = PAGE.parent / path if path else PAGE
        headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
        assert anchor in {"", *map(anchor_of, headings)}, link


def anchor_of(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
