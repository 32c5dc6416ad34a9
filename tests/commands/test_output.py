"""No key is printed, and what is printed stays what it is."""

from __future__ import annotations

import io
import json
import sys

import pytest

from target_amplitude_nami.commands.output import Output

KEY = "0123456789abcdef0123456789abcdef"


def test_keys_are_hidden_in_names_and_values_and_in_json_within_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output = Output(as_json=True, secrets=(KEY, 'quo"te'))
    output.result({f"x{KEY}": [f"a {KEY} b", {"in": json.dumps('quo"te')}, 1]}, ())
    assert json.loads(capsys.readouterr().out) == {
        "x***": ["a *** b", {"in": '"***"'}, 1]
    }


@pytest.mark.parametrize("key", ["0", "1", "a", "true", "k"])
def test_a_short_key_is_hidden_as_a_word_and_leaves_numbers_and_words_alone(
    capsys: pytest.CaptureFixture[str], key: str
) -> None:
    result = {"count": 10, "is_true": True, "text": f"a0k1 {key}.", "one": 1}
    Output(as_json=True, secrets=(key,)).result(result, ())
    Output(as_json=False, secrets=(key,)).result(None, [f"a0k1true ({key})"])
    printed, _, line = capsys.readouterr().out.rstrip("\n").rpartition("\n")
    assert json.loads(printed) == {**result, "text": "a0k1 ***."}
    assert line == "a0k1true (***)"


def test_without_keys_everything_is_printed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Output(as_json=False).result(None, ["a", ""])
    assert capsys.readouterr().out == "a\n\n"


@pytest.mark.parametrize(
    ("encoding", "text", "shown"),
    [
        ("latin-1", "✓ naïve", b"\\u2713 na\\xefve\n"),
        ("utf-8", "the file k\udce9", b"the file k\\udce9\n"),
        ("utf-8", "✓ naïve", "✓ naïve\n".encode()),
    ],
)
def test_what_the_locale_cannot_show_is_escaped(
    monkeypatch: pytest.MonkeyPatch, encoding: str, text: str, shown: bytes
) -> None:
    printed = io.BytesIO()
    stdout = io.TextIOWrapper(printed, encoding)
    monkeypatch.setattr(sys, "stdout", stdout)
    Output(as_json=False).result(None, [text])
    stdout.flush()
    assert printed.getvalue() == shown
