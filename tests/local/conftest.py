"""Fixtures of the local Amplitude's tests."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import pytest
import requests

from target_amplitude_nami.local.server import LocalAmplitude
from tests.local.bench import Bench

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.local.asking import Ask, Send


class MakeBench(Protocol):
    """Makes benches that are closed at the end of the test."""

    def __call__(self, path: Path | None = None, **options: Any) -> Bench: ...


@pytest.fixture
def make_bench(tmp_path: Path) -> Iterator[MakeBench]:
    benches: list[Bench] = []
    numbers = count()

    def make(path: Path | None = None, **options: Any) -> Bench:
        path = path or tmp_path / f"bench-{next(numbers)}.db"
        benches.append(Bench(path, **options))
        return benches[-1]

    yield make
    for bench in benches:
        bench.store.close()


@pytest.fixture
def bench(make_bench: MakeBench) -> Bench:
    return make_bench()


class MakeLocal(Protocol):
    """Starts local Amplitudes that end with the test."""

    def __call__(self, **options: Any) -> LocalAmplitude: ...


@pytest.fixture
def make_local(tmp_path: Path) -> Iterator[MakeLocal]:
    with ExitStack() as stack:
        numbers = count()

        def make(**options: Any) -> LocalAmplitude:
            path = tmp_path / f"local-{next(numbers)}.db"
            return stack.enter_context(LocalAmplitude(path, **options))

        yield make


@pytest.fixture
def local(make_local: MakeLocal) -> LocalAmplitude:
    return make_local(keep_bodies=True)


@pytest.fixture
def page_local(make_local: MakeLocal) -> LocalAmplitude:
    """A local Amplitude as people start it: only bodies of refused requests stay."""
    return make_local()


@pytest.fixture
def ask(page_local: LocalAmplitude, session: requests.Session) -> Ask:
    def ask(path: str, **query: Any) -> Any:
        answer = session.get(
            page_local.url + path,
            params={name.rstrip("_"): value for name, value in query.items()},
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["Content-Type"] == "application/json"
        return answer.json()

    return ask


@pytest.fixture
def send(page_local: LocalAmplitude, session: requests.Session) -> Send:
    def send(*events: object, api: str = "http_v2") -> requests.Response:
        document = {"api_key": "key-1", "events": list(events)}
        return session.post(page_local.endpoint(api), json=document)

    return send


@pytest.fixture
def session() -> Iterator[requests.Session]:
    """A client that keeps its connection and asks no proxy."""
    with requests.Session() as client:
        client.trust_env = False
        yield client
