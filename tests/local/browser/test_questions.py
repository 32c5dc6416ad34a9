"""An analyst's questions about the sample, each answered on the page in two clicks.

The page is that of a run which also wrote its rejects and its report. The answers are
compared with those counted from the sample's own files.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from target_amplitude_nami.local.server import LocalAmplitude
from tests.examples import expected
from tests.examples.expected import SAMPLE, Expected, read_records
from tests.local.browser.answers import Sample
from tests.local.browser.conftest import TAP
from tests.support.run_target import run_target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.local.browser.visitor import Visitor

MOST_CLICKS = 2

# What the target calls the reasons for which the sample's records are refused.
REASONS = {
    "anonymous_user": "no id",
    "user_id_too_short": "short id",
    "time_unreadable": "no time",
    "user_id_forbidden": "forbidden id",
    "device_id_forbidden": "forbidden id",
}


class Counted(NamedTuple):
    """The sample, counted by other code."""

    sample: Sample
    records: Expected


@pytest.fixture(scope="module")
def counted() -> Counted:
    return Counted(Sample(), expected.expect(read_records()))


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAmplitude]:
    """The page of a run that delivered the sample to the local Amplitude."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "tap.json").write_text(json.dumps({"path": str(SAMPLE)}))
    sent = subprocess.run(
        [sys.executable, TAP, "--config", folder / "tap.json"],
        capture_output=True,
        check=True,
    )
    names = {
        "local_path": "amplitude.db",
        "rejects_path": "rejects.jsonl",
        "report_path": "report.json",
    }
    paths = {setting: str(folder / name) for setting, name in names.items()}
    run = run_target(folder, {"endpoint": "local", **paths}, sent.stdout)
    assert run.exit_code == 0, run.log
    with LocalAmplitude(folder / names["local_path"]) as local:
        yield local


class Question(NamedTuple):
    """A question, where on the page its answer is, and what it has to be."""

    text: str
    clicks: tuple[str, ...]
    """The names of what is clicked, from the first view on."""
    read: Callable[[Visitor], Any]
    answer: Callable[[Counted], Any]


def figure(name: str) -> Callable[[Visitor], str]:
    return lambda visitor: visitor.figure(name).inner_text()


def columns(caption: str, *places: int) -> Callable[[Visitor], list[tuple[str, ...]]]:
    """Return a reader of some columns of a table."""
    return lambda visitor: [
        tuple(row[place] for place in places) for row in visitor.rows(caption)
    ]


def best(conversions: dict[str, tuple[int, int]]) -> tuple[str, str]:
    """Return the value that converts best, and its rate as the page shows it."""
    rates = {value: paid / met for value, (met, paid) in conversions.items()}
    value = max(rates, key=rates.__getitem__)
    return value, f"{100 * rates[value]:.1f} %"


def first_row(caption: str, *places: int) -> Callable[[Visitor], tuple[str, ...]]:
    return lambda visitor: columns(caption, *places)(visitor)[0]


def rejects_by_reason(visitor: Visitor) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for reason, count, _ in visitor.rows("Rejected records by reason"):
        reasons[REASONS[reason]] += int(count)
    return reasons


def refusals(counted: Counted) -> Counter[str]:
    reasons: Counter[str] = Counter()
    for (_, reason), count in counted.records.rejected.items():
        reasons[reason] += count
    return reasons


def without_trial(counted: Counted) -> str:
    payers, direct = counted.sample.payers(), counted.sample.payers_without_trial()
    return f"{len(direct)} {100 * len(direct) / len(payers):.1f} %"


def active(counted: Counted) -> str:
    inactive = {"Former subscriber", "Not subscribed", "Paused"}
    statuses = counted.sample.statuses()
    return str(sum(n for status, n in statuses.items() if status not in inactive))


def refunded_in_euros(visitor: Visitor) -> list[str]:
    return [row[4] for row in visitor.rows("By currency") if row[0] == "EUR"]


def late(visitor: Visitor) -> list[tuple[str, ...]]:
    return columns(
        "Events with user properties that came after a newer one of their user", 0
    )(visitor)


QUESTIONS = [
    Question(
        "How many users are anonymous?",
        ("Who the events name",),
        figure("Devices on which nobody logged in"),
        lambda counted: str(len(counted.records.anonymous_device_ids)),
    ),
    Question(
        "Which paywall converts best?",
        ("Subscriptions",),
        first_row("Conversion by paywall, the best first", 0, 5),
        lambda counted: best(counted.sample.conversions("developer_paywall_id")),
    ),
    Question(
        "Which product converts best?",
        ("Subscriptions", "SKU"),
        first_row("Conversion by SKU, the best first", 0, 5),
        lambda counted: best(counted.sample.conversions("sku", "device.transaction")),
    ),
    Question(
        "What was refunded in EUR?",
        ("Subscriptions",),
        refunded_in_euros,
        lambda counted: [f"{counted.sample.revenue(sandbox=False)['EUR'][2]:,.2f}"],
    ),
    Question(
        "What is the revenue per currency?",
        ("Subscriptions",),
        columns("By currency", 0, 2),
        lambda counted: [
            (currency, f"{paid:,.2f}")
            for currency, (_, paid, _) in sorted(
                counted.sample.revenue(sandbox=False).items()
            )
        ],
    ),
    Question(
        "Why were 14 records rejected?",
        ("Rejected records",),
        rejects_by_reason,
        refusals,
    ),
    Question(
        "Is any user property never filled?",
        ("How complete user properties are",),
        lambda visitor: sorted(columns("Nami's eight user properties", 0, 1)(visitor)),
        lambda counted: [
            (name, f"{count:,}") for name, count in counted.sample.filled().items()
        ],
    ),
    Question(
        "How many active subscribers are there at the end?",
        ("Subscriptions",),
        figure("Active subscribers on 29 Aug"),
        active,
    ),
    Question(
        "What share of paying users had no trial?",
        ("Subscriptions",),
        figure("of them without any trial"),
        without_trial,
    ),
    Question(
        "Which events came late?",
        ("Late, out of order, and odd times",),
        late,
        lambda counted: [(event_type,) for event_type in counted.sample.late()],
    ),
    Question(
        "Is anything duplicated?",
        ("What the run reports",),
        lambda visitor: [
            row[1]
            for row in visitor.rows("What became of 3,040 records read")
            if row[0] == "Duplicate"
        ],
        lambda counted: [str(counted.records.duplicate.total())],
    ),
]


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question.text)
def test_the_page_answers(
    visitor: Visitor, whole_run: LocalAmplitude, counted: Counted, question: Question
) -> None:
    assert len(question.clicks) <= MOST_CLICKS
    visitor.open(whole_run)
    for name in question.clicks:
        click(visitor, name)

    assert question.read(visitor) == question.answer(counted)


def click(visitor: Visitor, name: str) -> None:
    """Click on the link, the button or the summary of this name."""
    page = visitor.page
    page.get_by_role("link", name=name, exact=True).or_(
        page.get_by_role("button", name=name, exact=True)
    ).or_(page.locator("summary").filter(has_text=name)).first.click()
    visitor.wait()
