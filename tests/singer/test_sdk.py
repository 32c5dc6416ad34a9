"""All that this target changes or knows of the inside of the Singer SDK.

When a new version of the SDK fails here, the part of the target that relies on the
member has to be looked at, and then the table corrected.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any, Final

import pytest
from singer_sdk.mapper import PluginMapper
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.sinks import Sink
from singer_sdk.target_base import Target

from target_amplitude_nami.singer.command import CommandTarget
from target_amplitude_nami.singer.message_reader import MessageReader
from target_amplitude_nami.singer.sink import NamiSink
from target_amplitude_nami.singer.stream_mapper import StreamMapper
from target_amplitude_nami.singer.target import TargetAmplitudeNami

OURS: Final[dict[type, tuple[type, ...]]] = {
    Target: (CommandTarget, TargetAmplitudeNami),
    Sink: (NamiSink,),
    GenericSingerReader: (MessageReader,),
    PluginMapper: (StreamMapper,),
}

OVERRIDDEN: Final[dict[tuple[type, str], str]] = {
    (Target, "__init__"): (
        "(self, *, config, parse_env_config, validate_config, setup_mapper, "
        "message_reader)"
    ),
    (Target, "_env_var_config"): "classproperty",
    (Target, "_setup_signal_handlers"): "(self)",
    (Target, "_validate_config"): "(self, *, raise_errors)",
    (Target, "cb_config"): "(cls, ctx, param, value)",
    (Target, "get_singer_command"): "(cls)",
    (Target, "get_sink_class"): "(self, stream_name)",
    (Target, "invoke"): "(cls, *, about, about_format, config, file_input)",
    (Target, "print_about"): "(cls, output_format)",
    (Target, "process_endofpipe"): "(self)",
    (Target, "setup_mapper"): "(self)",
    (Sink, "__init__"): "(self, target, stream_name, schema, key_properties)",
    (Sink, "clean_up"): "(self)",
    (Sink, "get_validator"): "(self)",
    (Sink, "process_batch"): "(self, context)",
    (Sink, "process_record"): "(self, record, context)",
    (GenericSingerReader, "__init__"): "(self)",
    (GenericSingerReader, "default_input"): "property",
    (GenericSingerReader, "deserialize_json"): "(self, line)",
    (GenericSingerReader, "process_lines"): "(self, file_input, callbacks)",
    (PluginMapper, "__init__"): "(self, plugin_config, logger)",
    (PluginMapper, "register_raw_stream_schema"): (
        "(self, stream_name, schema, key_properties)"
    ),
}

PRIVATE: Final[dict[type, set[str]]] = {
    Target: {
        "_config",  # gets the settings in the form that the SDK expects
        "_get_about_info",  # what --about prints, in the forms of this target
        "_process_schema_message",  # makes the stream maps and sinks
        "_sinks_to_clear",  # those of a schema that was replaced
    },
    Sink: set(),
    GenericSingerReader: set(),
    PluginMapper: set(),
}

CONSTANTS: Final = {"capabilities", "config_jsonschema", "message_reader", "name"}
"""Class attributes that every target sets."""


def _shape(base: type, name: str) -> str:
    """Return what a member is: its parameters, or the kind of its descriptor."""
    member: Any = inspect.getattr_static(base, name)
    if isinstance(member, classmethod):
        member = member.__func__
    if not inspect.isfunction(member):
        return type(member).__name__
    signature = inspect.signature(member)
    plain = [
        each.replace(annotation=each.empty, default=each.empty)
        for each in signature.parameters.values()
    ]
    return str(inspect.Signature(plain))


@pytest.mark.parametrize(("base", "name"), OVERRIDDEN)
def test_an_overridden_member_of_the_sdk_is_as_it_was(base: type, name: str) -> None:
    assert _shape(base, name) == OVERRIDDEN[base, name]


@pytest.mark.parametrize("base", OURS)
def test_no_other_member_of_the_sdk_is_overridden(base: type) -> None:
    theirs = {name for each in base.__mro__[:-1] for name in vars(each)}
    ours = {
        name
        for each in OURS[base]
        for name in vars(each)
        if name in theirs and (name == "__init__" or not name.startswith("__"))
    }
    ours -= CONSTANTS | {"_abc_impl"}
    assert ours == {name for owner, name in OVERRIDDEN if owner is base}


@pytest.mark.parametrize("base", OURS)
def test_no_other_private_attribute_of_the_sdk_is_known(base: type) -> None:
    theirs = {
        name
        for each in base.__mro__[:-1]
        if each.__module__.startswith("singer_sdk")
        for name in _private_names_in(each)
    }
    ours = {name for each in OURS[base] for name in _private_names_in(each)}
    overridden = {name for owner, name in OVERRIDDEN if owner is base}
    assert (ours & theirs) - overridden == PRIVATE[base]


def _private_names_in(kind: type) -> set[str]:
    """Return the private names that a class uses of itself, or defines."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    used = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id in {"self", "cls"}
    }
    defined = {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    return {
        name
        for name in used | defined
        if name.startswith("_") and not name.startswith("__")
    }
