"""Which files the command `load` finds, and what it says of those it cannot read."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from upath import UPath

from target_amplitude_nami.commands.load.files import find_files, has_changed
from target_amplitude_nami.errors import ConfigurationError, InputUnreadable
from tests.support.parquet import write_parquet

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = [{"x": n} for n in range(25)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(*arguments: str) -> list[str]:
    return [Path(file.address).name for file in find_files(arguments)]


def test_a_file_is_known_by_its_whole_path_and_the_rows_of_its_groups(
    folder: Path,
) -> None:
    write_parquet(folder / "a.parquet", ROWS, rows_per_group=10)

    [file] = find_files(["a.parquet"])

    assert file.address == str((folder / "a.parquet").resolve())
    assert file.row_groups == (10, 10, 5)
    assert file.folder_columns == ()


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["b.parquet", "a.parquet"], ["b.parquet", "a.parquet"]),
        (["?.parquet"], ["a.parquet", "b.parquet"]),
        (["b.parquet", "?.parquet"], ["b.parquet", "a.parquet"]),
        (["in"], ["c.parquet", "d.PQ"]),
        (["**/*.parquet"], ["a.parquet", "b.parquet", "c.parquet"]),
        (["in*"], ["c.parquet", "d.PQ"]),
    ],
)
def test_files_folders_and_patterns_are_found_in_order_and_once(
    folder: Path, arguments: list[str], found: list[str]
) -> None:
    for name in ("b.parquet", "a.parquet", "in/c.parquet", "in/deep/d.PQ"):
        write_parquet(folder / name, ROWS)
    for name in ("in/_temporary/x.parquet", "in/.x.parquet", "in/_SUCCESS"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()

    assert names(*arguments) == found


def test_a_name_with_the_signs_of_a_pattern_is_a_file_where_there_is_one(
    folder: Path,
) -> None:
    write_parquet(folder / "[a].parquet", ROWS)

    assert names("[a].parquet") == ["[a].parquet"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["history"],
        ["history/**/*.parquet"],
        ["history/day=*"],
        ["history/day=2026-06-01", "history/day=__HIVE_DEFAULT_PARTITION__/y.parquet"],
        ["history/day=2026-06-01/app=a%20b/x.parquet", "history/day=_*/y.parquet"],
    ],
)
def test_names_of_folders_give_the_same_columns_however_a_file_is_named(
    folder: Path, arguments: list[str]
) -> None:
    write_parquet(folder / "history/day=2026-06-01/app=a%20b/x.parquet", ROWS)
    write_parquet(folder / "history/day=__HIVE_DEFAULT_PARTITION__/y.parquet", ROWS)

    found = {Path(f.address).name: f.folder_columns for f in find_files(arguments)}

    assert found == {
        "x.parquet": (("day", "2026-06-01"), ("app", "a b")),
        "y.parquet": (("day", None),),
    }


def test_addresses_of_other_file_systems_are_read_as_well(folder: Path) -> None:
    file = write_parquet(folder / "a.parquet", ROWS, rows_per_group=20)
    UPath("memory://lake/day=1/a.parquet").write_bytes(file.read_bytes())

    [found] = find_files(["memory://lake"])

    assert found.address.startswith("memory://")
    assert found.row_groups == (20, 5)
    assert found.folder_columns == (("day", "1"),)


def test_a_file_that_was_written_again_has_another_stamp(folder: Path) -> None:
    file = write_parquet(folder / "a.parquet", ROWS)
    [before] = find_files(["a.parquet"])
    [same] = find_files(["a.parquet"])
    write_parquet(file, [{"x": n + 1} for n in range(25)])
    [after] = find_files(["a.parquet"])

    assert before.stamp == same.stamp != after.stamp


def test_a_file_that_is_replaced_or_emptied_has_changed(folder: Path) -> None:
    file = write_parquet(folder / "a.parquet", ROWS)
    [found] = find_files(["a.parquet"])
    assert not has_changed(found)

    write_parquet(file, ROWS[:20])
    assert has_changed(found)

    file.write_bytes(b"")
    assert has_changed(found)


def no_file(_: Path) -> None:
    """Make nothing."""


def an_empty_file(folder: Path) -> None:
    (folder / "a").touch()


def a_text_file(folder: Path) -> None:
    (folder / "a").write_text('{"type": "RECORD"}\n')


def half_a_file(folder: Path) -> None:
    whole = write_parquet(folder / "a", ROWS).read_bytes()
    (folder / "a").write_bytes(whole[: len(whole) // 2])


def an_empty_folder(folder: Path) -> None:
    (folder / "a").mkdir()


def a_delta_table(folder: Path) -> None:
    write_parquet(folder / "a" / "part.parquet", ROWS)
    (folder / "a" / "_delta_log").mkdir()


def a_delta_table_in_a_folder_like_a_pattern(folder: Path) -> None:
    write_parquet(folder / "[a]" / "part.parquet", ROWS)
    (folder / "[a]" / "_delta_log").mkdir()


def an_iceberg_table(folder: Path) -> None:
    write_parquet(folder / "a" / "data" / "part.parquet", ROWS)
    (folder / "a" / "metadata").mkdir()
    (folder / "a" / "metadata" / "v1.metadata.json").touch()


@pytest.mark.parametrize(
    ("make", "argument", "says"),
    [
        (no_file, "a", "a cannot be read (No such file or directory): correct"),
        (no_file, "a*", "no file fits a*"),
        (an_empty_file, "a", "is not a Parquet file (it is empty)"),
        (a_text_file, "a", "is not a Parquet file ("),
        (half_a_file, "a", "is not a Parquet file ("),
        (an_empty_folder, "a", "a has no Parquet files"),
        (a_delta_table, "a", "a is a table of Delta"),
        (a_delta_table, ".", "a is a table of Delta"),
        (a_delta_table, "*/*.parquet", "a is a table of Delta"),
        (a_delta_table, "a/part.parquet", "a is a table of Delta"),
        (a_delta_table_in_a_folder_like_a_pattern, ".", "[a] is a table of Delta"),
        (an_iceberg_table, "a", "a is a table of Iceberg"),
        (an_iceberg_table, "a/data", "a is a table of Iceberg"),
    ],
)
def test_what_cannot_be_loaded_is_named_in_one_line(
    folder: Path, make: Callable[[Path], None], argument: str, says: str
) -> None:
    make(folder)

    with pytest.raises(InputUnreadable) as caught:
        find_files([argument])

    assert says in str(caught.value)


def test_a_file_that_may_not_be_read_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The superuser, who may run the tests, may read everything.
    write_parquet(folder / "a.parquet", ROWS)

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(UPath, "open", refuse)
    monkeypatch.setattr(type(UPath("a.parquet")), "open", refuse)

    with pytest.raises(InputUnreadable, match=r"a.parquet cannot be read \(Permission"):
        find_files(["a.parquet"])


def test_without_pyarrow_it_says_what_to_install(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_parquet(folder / "a.parquet", ROWS)
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(
        ConfigurationError, match=r"pip install 'target-amplitude-nami\[arrow\]'"
    ):
        find_files(["a.parquet"])


def test_an_address_whose_package_is_missing_says_so() -> None:
    with pytest.raises((ConfigurationError, InputUnreadable)) as caught:
        find_files(["s3://bucket/history"])

    assert "s3://bucket/history" in str(caught.value)
    assert "s3fs" in str(caught.value)
