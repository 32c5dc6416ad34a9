#!/usr/bin/env python3
"""Writes the sample archives: 90 days of the users of a made-up radio app.

The same records come out on every machine (fixed seed, fixed dates). With `--check`
nothing is written: exit code 1 says that a file is not what it should be.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))  # A script finds only what lies beside it.

from examples.radio_app import Record, archives  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterable

BEFORE_TABLE, AFTER_TABLE = "<!-- figures -->\n", "<!-- end of figures -->\n"


def archive_text(records: Iterable[Record]) -> str:
    """Write records as the lines of an archive."""
    return "".join(
        json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n"
        for record in records
    )


def figures(records: Iterable[Record]) -> str:
    """Count records per event type, as a Markdown table."""
    counts = Counter(record.get("event_type", "user record") for record in records)
    rows = [*sorted(counts.items()), ("all", counts.total())]
    return "| record | number |\n|---|---:|\n" + "".join(
        f"| {name} | {number:,} |\n" for name, number in rows
    )


def expected_files(folder: Path) -> dict[Path, str]:
    """Return the text of each file that this script answers for.

    The records that must be rejected are written by hand; the README's figures count
    them too.
    """
    made = archives()
    by_hand = (folder / "bad-records.jsonl").read_text("utf-8").splitlines()
    readme = (folder / "README.md").read_text("utf-8")
    before, _, rest = readme.partition(BEFORE_TABLE)
    after = rest.partition(AFTER_TABLE)[2]
    table = figures(chain(map(json.loads, by_hand), *made.values()))
    return {
        folder / "README.md": before + BEFORE_TABLE + table + AFTER_TABLE + after,
        **{folder / name: archive_text(made[name]) for name in made},
    }


def read(path: Path) -> str | None:
    """Return a file's text, unpacked: what packs it differs between machines."""
    if not path.exists():
        return None
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def write(path: Path, text: str) -> None:
    """Write a file so that the same text gives the same bytes."""
    data = text.encode()
    packed = gzip.compress(data, mtime=0) if path.suffix == ".gz" else data
    path.write_bytes(packed)


def main() -> int:
    """Write or check the files and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", nargs="?", type=Path, default=HERE / "data")
    parser.add_argument("--check", action="store_true", help="write nothing")
    options = parser.parse_args()
    stale = {
        path: text
        for path, text in expected_files(options.folder).items()
        if read(path) != text
    }
    for path, text in stale.items():
        if options.check:
            print(f"{path} is not what {Path(__file__).name} makes")
        else:
            write(path, text)
            print(f"{path} written")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
