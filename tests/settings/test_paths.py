"""Every file that a run will write is tried before anything is read."""

from __future__ import annotations

import os
import socket
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from target_amplitude_nami.settings import Settings
from target_amplitude_nami.settings.paths import look_at_paths, problems_with_paths

if TYPE_CHECKING:
    from collections.abc import Iterator

NOBODY = 65_534

IN_USE: dict[str, dict[str, Any]] = {
    "rejects_path": {"endpoint": "local"},
    "report_path": {"endpoint": "local"},
    "metrics_path": {"endpoint": "local"},
    "memory_path": {"endpoint": "local"},
    "local_path": {"endpoint": "local"},
    "dry_run_path": {"dry_run": True},
}
"""Each path with the settings that put it in use."""

every_path = pytest.mark.parametrize("name", IN_USE)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def problems(given_input: Any = None, **config: Any) -> list[str]:
    return problems_with_paths(Settings.load(config), given_input)


def problem(name: str, path: str) -> str:
    """Return the one line about a path, without its beginning, which is checked."""
    (line,) = problems(**IN_USE[name], **{name: path})
    beginning = f'{name} is "{path}", '
    assert line.startswith(beginning)
    assert line.isprintable()
    return line.removeprefix(beginning)


@every_path
def test_a_missing_folder_will_do_and_is_left_to_who_writes_the_file(
    name: str, folder: Path
) -> None:
    (folder / "old").mkdir()
    assert problems(**IN_USE[name], **{name: "old/new/place/file"}) == []
    assert [path.name for path in folder.rglob("*")] == ["old"]


@every_path
def test_a_file_that_is_there_stays_as_it_is(name: str, folder: Path) -> None:
    file = folder / "file"
    file.write_text("what was there")
    before = file.stat()
    assert problems(**IN_USE[name], **{name: "file"}) == []
    assert file.read_text() == "what was there"
    assert file.stat().st_mtime_ns == before.st_mtime_ns
    assert file.stat().st_ino == before.st_ino


@every_path
def test_a_link_to_a_file_that_is_not_there_yet_will_do(
    name: str, folder: Path
) -> None:
    (folder / "link").symlink_to("new/place/file")
    assert problems(**IN_USE[name], **{name: "link"}) == []
    (folder / "link").write_text("can be written")
    assert (folder / "new" / "place" / "file").read_text() == "can be written"


@every_path
@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("folder", "which is a folder: add the name of a file."),
        (".", "which is a folder"),
        ("pipe", "which is a pipe (FIFO): choose the path of a file."),
        ("link-to-pipe", "which is a pipe (FIFO)"),
        ("socket", "which is a socket: choose the path of a file."),
        ("file/in/it", 'but "file" is a file, not a folder'),
        ("loop", "which cannot be used (Too many levels of symbolic links)."),
        ("a" * 256, "which is too long for the file system: choose another path."),
        ("/".join(["folder"] * 1_000), "which is too long"),
        ("link-into-file", "is a file, not a folder"),
        ("/proc/nami/file", 'but no file can be made in folder "/proc/nami"'),
        ("/dev/stdout", "which is standard output, where STATE or the result"),
        ("/dev/fd/1", "which is standard output"),
        ("/proc/self/fd/1", "which is standard output"),
    ],
)
def test_a_path_that_will_not_do_gets_one_line(
    name: str, path: str, expected: str, folder: Path
) -> None:
    (folder / "folder").mkdir()
    (folder / "file").touch()
    os.mkfifo(folder / "pipe")
    (folder / "link-to-pipe").symlink_to("pipe")
    (folder / "loop").symlink_to("loop")
    (folder / "link-into-file").symlink_to("file/in/it")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        if len(path) > 400:
            (line,) = problems(**IN_USE[name], **{name: path})
            assert len(line) < 600
        else:
            line = problem(name, path)
    assert expected in line


def test_the_files_beside_the_memory_must_find_room_for_their_names() -> None:
    assert "which is too long" in problem("memory_path", "a" * 250)


@pytest.mark.parametrize("name", ["report_path", "metrics_path", "rejects_path"])
def test_other_files_need_none_of_their_name_beside_them(name: str) -> None:
    assert problems(**IN_USE[name], **{name: "a" * 250}) == []


@pytest.mark.parametrize("name", ["report_path", "metrics_path", "dry_run_path"])
@pytest.mark.parametrize("device", ["/dev/null", "/dev/full"])
def test_a_device_will_do_for_what_is_only_written(name: str, device: str) -> None:
    mode = Path(device).stat().st_mode
    assert problems(**IN_USE[name], **{name: device}) == []
    assert Path(device).stat().st_mode == mode


@pytest.mark.parametrize("name", ["memory_path", "local_path"])
def test_a_device_will_not_do_for_a_database(name: str) -> None:
    assert "which keeps nothing" in problem(name, "/dev/null")


class _As:
    """This process as a user who owns nothing, as far as files are concerned."""

    def __enter__(self) -> None:
        if os.geteuid() == 0:
            os.seteuid(NOBODY)

    def __exit__(self, *_: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody can write."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o777)
        monkeypatch.chdir(name)
        yield Path(name)


@every_path
def test_a_folder_that_cannot_be_written_is_named(name: str, open_folder: Path) -> None:
    (open_folder / "closed").mkdir(0o555)
    with _As():
        line = problem(name, "closed/file")
        user = os.geteuid()
    assert line == (
        f'but no file can be made in folder "{open_folder}/closed" (Permission '
        f"denied): make it writable for user id {user}, or choose another path."
    )


@every_path
def test_a_folder_that_cannot_be_entered_is_one_line(
    name: str, open_folder: Path
) -> None:
    (open_folder / "closed").mkdir(0o000)
    with _As():
        line = problem(name, "closed/file")
    assert "(Permission denied)" in line


@pytest.mark.parametrize(
    "name", ["rejects_path", "memory_path", "local_path", "dry_run_path"]
)
def test_a_file_that_cannot_be_written_is_named(name: str, open_folder: Path) -> None:
    (open_folder / "file").touch(0o444)
    with _As():
        line = problem(name, "file")
    assert line.startswith("which cannot be written (Permission denied)")


@pytest.mark.parametrize("name", ["report_path", "metrics_path"])
def test_a_file_that_is_replaced_need_not_let_itself_be_written(
    name: str, open_folder: Path
) -> None:
    (open_folder / "file").touch(0o444)
    with _As():
        assert problems(**IN_USE[name], **{name: "file", "rejects_path": "r"}) == []


@pytest.mark.skipif(os.getuid() != 0, reason="takes files of two users")
def test_a_file_of_another_user_is_not_replaced_in_a_shared_folder(
    open_folder: Path,
) -> None:
    open_folder.chmod(0o777 | stat.S_ISVTX)
    (open_folder / "file").touch(0o644)
    with _As():
        (line,) = problems(dry_run=True, dry_run_path="/dev/null", report_path="file")
    assert line.startswith('report_path is "file", a file of another user, in a folder')


@every_path
def test_the_input_is_never_written(name: str, folder: Path) -> None:
    file = folder / "input"
    file.touch()
    (folder / "link").symlink_to("input")
    with file.open("rb") as given:
        for path in ("input", "link"):
            (line,) = problems(given.fileno(), **IN_USE[name], **{name: path})
            assert line.startswith(f'{name} is "{path}", the very file that is the in')
        assert problems(given.fileno(), **IN_USE[name], **{name: "another"}) == []


def test_an_input_that_is_no_file_may_be_anything() -> None:
    with Path("/dev/null").open("rb") as given:
        config = {"endpoint": "local", "report_path": "/dev/null"}
        assert problems(given.fileno(), **config) == []


@pytest.mark.parametrize(
    ("config", "unused"),
    [
        ({"endpoint": "local"}, ["dry_run_path"]),
        ({"dry_run": True}, ["local_path"]),
        ({"api_key": "0123456789"}, ["dry_run_path", "local_path"]),
        (
            {"endpoint": "local", "enabled": False},
            ["dry_run_path", "local_path", "memory_path", "rejects_path"],
        ),
        (
            {"dry_run": True, "enabled": False},
            ["dry_run_path", "local_path", "memory_path", "rejects_path"],
        ),
    ],
)
def test_only_files_that_the_run_writes_are_tried(
    config: dict[str, Any], unused: list[str]
) -> None:
    assert problems(**config, **dict.fromkeys(unused, ".")) == []
    used = sorted(IN_USE.keys() - set(unused))
    lines = problems(**config, **dict.fromkeys(IN_USE, "."))
    assert sorted(line.split()[0] for line in lines) == used


def test_each_path_that_will_not_do_has_its_line(folder: Path) -> None:
    (folder / "folder").mkdir()
    os.mkfifo(folder / "pipe")
    lines = problems(
        endpoint="local",
        report_path="folder",
        metrics_path="pipe",
        memory_path="/dev/null",
        rejects_path="fine",
    )
    assert [line.split()[0] for line in lines] == [
        "report_path",
        "metrics_path",
        "memory_path",
    ]


# Looking alone, for who must not make anything


def looked_at(**config: Any) -> dict[str, str | None]:
    settings = Settings.load({"endpoint": "local"} | config)
    return {name: problem for name, _, problem in look_at_paths(settings)}


def test_looking_finds_what_trying_finds_and_makes_nothing(folder: Path) -> None:
    (folder / "file").touch()
    config = {
        "rejects_path": "file/rejects",
        "report_path": "new/place/report.json",
        "memory_path": f"{'x' * 250}.db",
        "metrics_path": ".",
        "local_path": "file",
    }
    when = folder.stat().st_mtime_ns
    found = looked_at(**config)
    assert found["report_path"] is found["local_path"] is None
    told = [problem for problem in found.values() if problem is not None]
    assert len(told) == 3
    assert [path.name for path in folder.rglob("*")] == ["file"]
    assert folder.stat().st_mtime_ns == when
    assert sorted(told) == sorted(problems(endpoint="local", **config))


def test_looking_makes_no_folder_that_a_link_leads_to(folder: Path) -> None:
    (folder / "link").symlink_to("elsewhere/rejects")
    assert looked_at(rejects_path="link")["rejects_path"] is None
    assert [path.name for path in folder.iterdir()] == ["link"]


@pytest.mark.parametrize("has_nameless_files", [True, False])
def test_a_folder_that_cannot_be_written_is_found_by_looking(
    open_folder: Path, monkeypatch: pytest.MonkeyPatch, *, has_nameless_files: bool
) -> None:
    if not has_nameless_files:  # as on some file systems
        monkeypatch.delattr(os, "O_TMPFILE")
    (open_folder / "closed").mkdir(0o555)
    with _As():
        found = looked_at(rejects_path="closed/new/rejects", report_path="open/report")
    assert found["report_path"] is None
    assert "but no file can be made in folder" in str(found["rejects_path"])
