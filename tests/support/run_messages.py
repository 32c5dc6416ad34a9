"""Finds in the source every message that a run can end with, or warn of."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import target_amplitude_nami
from target_amplitude_nami import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

_PACKAGE: Final = Path(target_amplitude_nami.__file__).parent
_ENTRANCE: Final = "target_amplitude_nami.singer.target"
_OF_ONE_RECORD: Final = {"UnreadableRecord"}
_BESIDE_ERRORS: Final = {"Fatal", "Unknown", "ConfigValidationError"}
"""Answers that end a run, at once or when it has lasted too long; the SDK's error."""
_ERRORS: Final = {
    name
    for name, value in vars(errors).items()
    if isinstance(value, type) and issubclass(value, errors.AmplitudeNamiError)
} - _OF_ONE_RECORD
_ALL_OF_IT: Final = {
    "amplitude.failures",
    "settings.checks",
    "settings.environment",
    "settings.events",
    "settings.path_trials",
    "settings.paths",
    "settings.unused_variables",
    "settings.validation",
    "singer.command",
    "singer.recognition",
}
"""Packages that put messages together: every text of a few words is part of one."""
_LOGS: Final = {"warning", "_log"}
_ITS_FUNCTIONS: Final = {"nami.catalogue", "store.run_day"}
"""Likewise, but for what stands outside of functions."""
_FEWEST_WORDS: Final = 3


def run_messages() -> set[str]:
    """Return each message as a template: what is filled in stands as `…`."""
    found: set[str] = set()
    for name, tree in _modules_of_a_run():
        inner = name.removeprefix("target_amplitude_nami.")
        if inner.startswith("local."):
            continue  # its errors are another process's, or become one of ours
        if inner in _ALL_OF_IT:
            found.update(_texts(tree, _docstrings(tree)))
        elif inner in _ITS_FUNCTIONS:
            for node in tree.body:
                if isinstance(node, ast.FunctionDef):
                    found.update(_texts(node, _docstrings(tree)))
        else:
            found.update(_texts_of_errors(tree))
    return {
        text for text in found if " " in text and len(_words(text)) >= _FEWEST_WORDS
    }


def _words(text: str) -> list[str]:
    return re.findall(r"[A-Za-z]{2,}", text)


def _modules_of_a_run() -> Iterator[tuple[str, ast.Module]]:
    """Yield what a run imports at any time; what only commands use is left out."""
    modules = {_name_of(path): path for path in _PACKAGE.rglob("*.py")}
    seen: set[str] = set()
    left = [_ENTRANCE]
    while left:
        name = left.pop()
        if name in seen or name not in modules:
            continue
        seen.add(name)
        tree = ast.parse(modules[name].read_text("utf-8"))
        left += _imports(tree)
        yield name, tree


def _name_of(path: Path) -> str:
    parts = path.relative_to(_PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(tree: ast.Module) -> Iterator[str]:
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.unparse(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _texts_of_errors(tree: ast.Module) -> Iterator[str]:
    assigned = _assigned(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        function = node.func
        called = getattr(function, "id", getattr(function, "attr", ""))
        # Errors of the store are made by a method, which adds what to do.
        if called in _ERRORS | _BESIDE_ERRORS | _LOGS | {"_unusable"}:
            for argument in node.args:
                yield from _texts(argument, set())
                for name in ast.walk(argument):
                    if isinstance(name, ast.Name):
                        for value in assigned.get(name.id, ()):
                            yield from _texts(value, set())


def _assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """Return what is assigned to each name, wherever."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            found.setdefault(node.targets[0].id, []).append(node.value)
    return found


def _texts(node: ast.AST, without: set[int]) -> Iterator[str]:
    """Yield the outermost texts in a piece of source."""
    if id(node) in without:
        return
    match node:
        case ast.Constant(value=str(text)):
            yield re.sub(r"%[sr]", "…", text)
        case ast.JoinedStr(values=parts):
            yield "".join(
                str(part.value) if isinstance(part, ast.Constant) else "…"
                for part in parts
            )
            for part in parts:  # a choice of words within it is a message of its own
                if isinstance(part, ast.FormattedValue):
                    yield from _texts(part.value, without)
        case ast.AnnAssign(annotation=ast.Attribute(attr="TypeAlias")):
            pass
        case _:
            for child in ast.iter_child_nodes(node):
                yield from _texts(child, without)


def _docstrings(tree: ast.Module) -> set[int]:
    """Return which constants stand alone as statements."""
    return {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
