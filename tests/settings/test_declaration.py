"""How the declaration of a setting becomes its JSON schema."""

# ruff: noqa: RUF009 - `setting` declares a field

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime  # noqa: TC003 - read at run time
from pathlib import Path
from typing import Any, Literal

import pytest

from target_amplitude_nami.settings.declaration import json_schema, setting


@dataclass(frozen=True, kw_only=True)
class Declared:
    text: str = setting("Text.", default="")
    name: str = setting("Not empty.", default="nami", least=1)
    number: int = setting("A number.", default=5, least=1, most=9)
    no_number: int | None = setting("No number.", default=None, least=0)
    switch: bool = setting("A switch.", default=False)
    choice: Literal["a", "b"] = setting("A choice.", default="a")
    no_default: Literal["a", "b"] = setting("It follows from others.")
    names: tuple[str, ...] = setting("Names.", default=("*",), least=1)
    flags: tuple[str, ...] = setting("Flags.", default=(), choices=("x", "y"))
    some_path: Path = setting("A file.", default=Path("out/file"))
    no_path: Path | None = setting("No file.", default=None)
    day: datetime | None = setting("A day.", default=None, examples=("2024-01-31",))
    api_key: str | None = setting("A key.", default=None, secret=True)
    pairs: tuple[tuple[str, str], ...] = setting(
        "Pairs.", schema={"type": ["array"], "items": {"type": "object"}}
    )
    derived: int = 0


PROPERTIES: dict[str, dict[str, Any]] = json_schema(Declared)["properties"]


@pytest.mark.parametrize(
    ("name", "facts"),
    [
        ("text", {"type": ["string", "null"], "default": ""}),
        ("name", {"type": ["string", "null"], "default": "nami", "minLength": 1}),
        (
            "number",
            {"type": ["integer", "null"], "default": 5, "minimum": 1, "maximum": 9},
        ),
        ("no_number", {"type": ["integer", "null"], "minimum": 0}),
        ("switch", {"type": ["boolean", "null"], "default": False}),
        ("choice", {"type": ["string", "null"], "enum": ["a", "b"], "default": "a"}),
        ("no_default", {"type": ["string", "null"], "enum": ["a", "b"]}),
        (
            "names",
            {
                "type": ["array", "null"],
                "items": {"type": ["string"], "minLength": 1},
                "minItems": 1,
                "default": ["*"],
            },
        ),
        (
            "flags",
            {
                "type": ["array", "null"],
                "items": {"type": ["string"], "enum": ["x", "y"]},
                "default": [],
            },
        ),
        (
            "some_path",
            {"type": ["string", "null"], "minLength": 1, "default": "out/file"},
        ),
        ("no_path", {"type": ["string", "null"], "minLength": 1}),
        (
            "day",
            {
                "type": ["string", "null"],
                "format": "date-time",
                "examples": ["2024-01-31"],
            },
        ),
        ("api_key", {"type": ["string", "null"], "secret": True, "writeOnly": True}),
        ("pairs", {"type": ["array", "null"], "items": {"type": "object"}}),
    ],
)
def test_the_schema_follows_from_the_type_and_the_declared_facts(
    name: str, facts: dict[str, Any]
) -> None:
    found = dict(PROPERTIES[name])
    assert found.pop("title")
    assert found.pop("description").endswith(".")
    assert found == facts


def test_a_title_is_the_name_in_words() -> None:
    assert PROPERTIES["some_path"]["title"] == "Some path"
    assert PROPERTIES["api_key"]["title"] == "API key"


def test_only_declared_fields_are_settings() -> None:
    names = [field.name for field in fields(Declared)]
    assert [*PROPERTIES, "derived"] == names


def test_a_secret_is_not_in_the_repr() -> None:
    declared = Declared(no_default="a", pairs=(), api_key="5550123")
    assert "5550123" not in repr(declared)
