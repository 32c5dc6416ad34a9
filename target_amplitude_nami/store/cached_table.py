"""Small facts by name: what was put there last in RAM, all of it in the file."""

from __future__ import annotations

import contextlib
import itertools
import threading
import typing as t

import msgspec

from target_amplitude_nami import jsontext
from target_amplitude_nami.store.file import chunks, json_array
from target_amplitude_nami.store.keys import Keys
from target_amplitude_nami.store.profiles import Fact

if t.TYPE_CHECKING:
    from collections.abc import Iterable

    from target_amplitude_nami.store.file import StoreFile

_BYTES_AROUND_A_FACT: t.Final = 120
"""What the objects and the dict take beside the name and the fact: measured."""
_DROPPED_AT_ONCE: t.Final = 2_500
_PUT: t.Final = """
INSERT INTO facts (id, fact)
SELECT key, substr(?1, value >> 31, value & 2147483647) FROM json_each(?2) WHERE true
ON CONFLICT (id) DO UPDATE SET fact = excluded.fact
"""
"""All facts in one piece, and by id where each starts in it and its size, in 31 bits:
JSON cannot hold bytes."""

_Fact = t.TypeVar("_Fact", bound=Fact)


class CachedTable(t.Generic[_Fact]):
    """One thread looks up and puts; any thread may write, one at a time.

    Facts are kept as MessagePack, a quarter of their size as objects. Until the file
    has for good what it shall have, that stays in RAM, so that the thread that looks up
    never waits for one that writes.
    """

    def __init__(
        self,
        nothing: _Fact,
        *,
        most_bytes: int,
        is_lasting: bool = False,
    ) -> None:
        """Begin empty.

        Args:
            nothing: What is known of a name that was never put.
            most_bytes: How much RAM the facts may take.
            is_lasting: Whether the file shall have all that is put; else it has what
                finds no place in RAM.
        """
        self._is_lasting = is_lasting
        self._nothing = nothing
        self._encode_into = msgspec.msgpack.Encoder().encode_into
        self._packing = bytearray()
        """Facts are copied out of it: what `encode` returns takes too much memory."""
        self._decode = msgspec.msgpack.Decoder(type(nothing)).decode
        self._in_ram: dict[str, bytes] = {}
        """For the thread that looks up; what came first stands first."""
        self._most_bytes = most_bytes
        self._bytes_in_ram = 0
        self._strangers: set[str] = set()
        """The names of the last `prepare` of which nothing is known."""
        self._lock = threading.Lock()
        self._unwritten: dict[str, bytes] = {}
        self._bytes_unwritten = 0
        self._being_written: dict[str, bytes] = {}
        self._has_file = False
        self._has_all_in_ram = True

    def open(self, file: StoreFile, salt: bytes = b"") -> None:
        """Take the file to look up in.

        Args:
            file: The file.
            salt: What tells these names from those of other shelves in it.
        """
        self._file = file
        self._keys = Keys(salt)
        [[has_any]] = file.rows("SELECT EXISTS (SELECT 1 FROM facts)")
        self._has_file = bool(has_any)
        self._has_all_in_ram = not self._has_file

    @property
    def bytes_unwritten(self) -> int:
        """How much RAM the facts take, at most, that wait to be written."""
        return self._bytes_unwritten

    @property
    def is_all_in_ram(self) -> bool:
        """Whether nothing has to be looked up in the file."""
        return self._has_all_in_ram

    def prepare(self, names: Iterable[str]) -> None:
        """Look up in one go, where need be, what will be asked for next.

        Each question to the file lets other threads have the interpreter's lock.
        """
        if self._has_all_in_ram:
            return
        with self._lock:
            unwritten, being_written = self._unwritten, self._being_written
            has_file = self._has_file
        missing = set(names).difference(self._in_ram)
        missing = missing.difference(unwritten).difference(being_written)
        self._strangers = missing
        if not missing or not has_file:
            return
        by_key = dict(zip(self._keys.of_all(missing), missing, strict=True))
        rows = self._file.rows(
            "SELECT f.id, fact FROM json_each(?) CROSS JOIN facts AS f ON f.id = value",
            json_array(by_key),
        )
        for key, fact in rows:
            missing.discard(by_key[key])
            self._keep(by_key[key], self._checked(fact))

    def get(self, name: str) -> _Fact:
        """Return what was put last under a name.

        Raises:
            StoreUnusable: When the file has something else there.
        """
        packed = self._in_ram.get(name)
        if packed is None:
            if self._has_all_in_ram or name in self._strangers:
                return self._nothing
            packed = self._find(name)
            if packed is None:
                return self._nothing
            self._keep(name, packed)
        return self._unpacked(packed)

    def put(self, name: str, fact: _Fact) -> None:
        """Keep a fact under a name, in the place of the one before."""
        try:
            self._encode_into(fact, self._packing)
            packed = bytes(self._packing)
        except UnicodeEncodeError:  # half of a cut emoji in an id: as JSON text
            packed = jsontext.encode(msgspec.to_builtins(fact))
        self._strangers.discard(name)
        self._keep(name, packed)
        if self._is_lasting:
            with self._lock:
                self._unwritten[name] = packed
                self._bytes_unwritten += _size_of(name, packed)

    def write(self, file: StoreFile) -> bool:
        """Write what the file shall have; return whether there was anything.

        It stays in RAM until `note_written`: another connection sees it only then.
        """
        with self._lock:
            facts, self._unwritten = self._unwritten, {}
            self._bytes_unwritten = 0
            self._being_written |= facts
            self._has_file |= bool(facts)
        for names in chunks(sorted(facts)):
            places: dict[str, int] = {}
            start = 1
            some = [facts[name] for name in names]
            for key, fact in zip(self._keys.of_all(names), some, strict=True):
                places[key] = start << 31 | len(fact)
                start += len(fact)
            file.run(_PUT, b"".join(some), msgspec.json.encode(places).decode())
        return bool(facts)

    def note_written(self) -> None:
        """Take note that all can be found in the file that was written."""
        with self._lock:
            self._being_written = {}

    def _unpacked(self, packed: bytes) -> _Fact:
        try:
            return self._decode(packed)
        except (msgspec.DecodeError, ValueError):  # as JSON text, by `put`
            return msgspec.convert(jsontext.decode(packed), type(self._nothing))

    def _find(self, name: str) -> bytes | None:
        with self._lock:
            packed = self._unwritten.get(name) or self._being_written.get(name)
            has_file = self._has_file
        if packed is not None or not has_file:
            return packed
        rows = self._file.rows(
            "SELECT fact FROM facts WHERE id = ?", self._keys.of(name)
        )
        return self._checked(rows[0][0]) if rows else None

    def _checked(self, fact: object) -> bytes:
        if isinstance(fact, bytes):  # SQLite keeps anything in any column
            with contextlib.suppress(msgspec.DecodeError, ValueError, RecursionError):
                self._unpacked(fact).check()
                return fact
        raise self._file.damaged()

    def _keep(self, name: str, packed: bytes) -> None:
        before = self._in_ram.get(name)
        self._in_ram[name] = packed
        if before is None:
            self._bytes_in_ram += _size_of(name, packed)
        else:
            self._bytes_in_ram += len(packed) - len(before)
        if self._bytes_in_ram > self._most_bytes:
            self._make_room()

    def _make_room(self) -> None:
        self._has_all_in_ram = False
        oldest = dict(itertools.islice(self._in_ram.items(), _DROPPED_AT_ONCE))
        for name in oldest:
            del self._in_ram[name]
        size = sum(map(_size_of, oldest, oldest.values()))
        self._bytes_in_ram -= size
        if not self._is_lasting:
            with self._lock:
                self._unwritten |= oldest
                self._bytes_unwritten += size


def _size_of(name: str, packed: bytes) -> int:
    return len(name) + len(packed) + _BYTES_AROUND_A_FACT
