"""The plugin definition: what is declared, under the rules of Meltano Hub.

The rules are those of meltano/hub in August 2026: `schemas/`, `utility_scripts/`,
`.yamllint.yaml`, and what `hub-utils` makes of `--about` each week.
"""

from __future__ import annotations

import re
from importlib.metadata import version
from itertools import pairwise
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from ruamel.yaml import YAML

from scripts.plugin_definition import LOADER, LOGO, REPOSITORY, VARIANT, declared
from scripts.write_settings import ROOT, documents

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.plugin_definition import About

PLUGIN = ROOT / "plugins" / "loaders" / f"{LOADER}.yml"
HUB = ROOT / "hub"
HUB_PLUGIN = HUB / "_data" / "meltano" / "loaders" / LOADER / f"{VARIANT}.yml"

PROPERTIES = {
    "capabilities", "commands", "definition", "description", "dialect", "docs",
    "domain_url", "executable", "hidden", "keywords", "label", "log_parser", "logo_url",
    "maintenance_status", "name", "namespace", "next_steps", "pip_url", "prereq",
    "python", "quality", "repo", "requires", "settings", "settings_group_validation",
    "settings_preamble", "supported_python_versions", "target_schema", "usage",
    "variant",
}  # fmt: skip
CAPABILITIES = {
    "about", "activate-version", "batch", "datatype-failsafe", "hard-delete",
    "schema-flattening", "soft-delete", "stream-maps", "structured-logging",
    "target-schema", "validate-records",
}  # fmt: skip
OF_SETTINGS = {
    "aliases", "description", "docs", "documentation", "env", "hidden", "kind", "label",
    "name", "oauth", "options", "placeholder", "sensitive", "tooltip", "value",
    "value_post_processor", "value_processor",
}  # fmt: skip
KINDS = {
    "array", "boolean", "date_iso8601", "decimal", "email", "file", "hidden", "integer",
    "oauth", "object", "options", "password", "string",
}  # fmt: skip
MASKED = ("id", "key", "password", "secret", "token")
LONGEST_DESCRIPTION = 149


def load(path: Any) -> Any:
    return YAML(typ="safe").load(path)


DEFINITION: dict[str, Any] = load(PLUGIN)
SETTINGS: list[dict[str, Any]] = DEFINITION["settings"]
NAMES = [setting["name"] for setting in SETTINGS]


@pytest.fixture(scope="module")
def about() -> About:
    return declared()


LOCKED_SDK = re.search(
    r"^singer-sdk==(\S+)",
    (ROOT / "requirements" / "dev.txt").read_text("utf-8"),
    re.MULTILINE,
)


@pytest.mark.skipif(
    LOCKED_SDK is None or version("singer-sdk") != LOCKED_SDK[1],
    reason="another SDK describes its own settings in other words",
)
def test_all_documents_say_what_is_declared(about: About) -> None:
    outdated = [
        name
        for name, text in documents(about)
        if (ROOT / name).read_text("utf-8") != text
    ]
    assert outdated == [], "run `make settings`"


def test_the_pull_request_holds_the_same_definition() -> None:
    assert HUB_PLUGIN.read_text("utf-8") == PLUGIN.read_text("utf-8")


def test_it_has_what_the_hub_requires_and_nothing_unknown() -> None:
    assert DEFINITION.keys() >= {"name", "namespace", "variant", "quality"}
    assert DEFINITION.keys() <= PROPERTIES
    assert CAPABILITIES.issuperset(DEFINITION["capabilities"])
    assert DEFINITION["quality"] in {"gold", "silver", "bronze", "unknown"}
    assert DEFINITION["maintenance_status"] in {"active", "beta"}
    assert DEFINITION["pip_url"] == f"{LOADER}[local]"


def test_it_is_named_as_the_hub_wants_it() -> None:
    assert DEFINITION["name"] == HUB_PLUGIN.parent.name == LOADER
    owner = REPOSITORY.split("/")[-2]
    assert DEFINITION["variant"] == HUB_PLUGIN.stem == owner.lower()
    assert load(HUB / "_data" / "maintainers.yml")[VARIANT]["url"] in REPOSITORY
    variants = load(HUB / "_data" / "default_variants.yml")
    assert variants == {"loaders": {LOADER: VARIANT}}


def test_a_key_or_another_address_is_what_it_takes() -> None:
    assert DEFINITION["settings_group_validation"] == [["api_key"], ["endpoint"]]


def test_the_versions_of_python_are_written_as_the_hub_does(about: About) -> None:
    versions = DEFINITION["supported_python_versions"]
    assert versions == about.supported_python_versions
    assert all(re.fullmatch(r"3\.\d+", version) for version in versions)


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_a_setting_is_one_of_the_hubs(setting: dict[str, Any]) -> None:
    assert setting.keys() <= OF_SETTINGS
    assert setting["kind"] in KINDS
    assert setting["label"][0].isupper()
    for option in setting.get("options", []):
        assert option.keys() == {"label", "value"}
        assert isinstance(option["value"], str)


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_only_secrets_are_masked(setting: dict[str, Any]) -> None:
    text = setting["kind"] in {"password", "string", "options"}
    masked = text and any(word in setting["name"] for word in MASKED)
    assert setting.get("sensitive", False) == (setting["kind"] == "password") == masked


@pytest.mark.parametrize("setting", SETTINGS, ids=NAMES)
def test_a_description_is_short_and_left_alone_by_the_hub(
    setting: dict[str, Any],
) -> None:
    """The Hub capitalises sentences, and puts a blank after dots within words."""
    text = setting["description"]
    assert len(text) <= LONGEST_DESCRIPTION
    assert text == " ".join(text.split())
    for sentence in text.split(". "):
        first = sentence.split()[0]
        assert first[0].isupper() or first[0] == "'" or first == first.capitalize()
    for word in text.split():
        if "." in word.rstrip("."):
            assert "`" in word or "http" in word


def test_what_the_sdk_builds_in_is_hidden_but_for_stream_maps() -> None:
    hidden = {setting["name"] for setting in SETTINGS if setting.get("hidden")}
    assert {name.partition(".")[0] for name in hidden} == {
        "add_record_metadata",
        "batch_config",
        "faker_config",
        "flattening_enabled",
        "flattening_max_depth",
        "flattening_max_key_length",
        "flattening_separator",
    }


FILES = [PLUGIN, *sorted((HUB / "_data").rglob("*.yml"))]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_hubs_yamllint_has_nothing_to_say(path: Any) -> None:
    text = path.read_text("utf-8")
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert "{" not in re.sub(r"'[^']*'|`[^`]*`", "", text)
    for keys in mappings(load(path)):
        assert keys == sorted(keys)
    lines = text.splitlines()
    for key, dash in pairwise(lines):
        if key.endswith(":") and dash.lstrip().startswith("- "):
            start = len(key) - len(re.sub(r"^[- ]*", "", key))
            assert len(dash) - len(dash.lstrip()) == start


def mappings(value: Any) -> Iterator[list[str]]:
    match value:
        case dict():
            yield list(value)
            for part in value.values():
                yield from mappings(part)
        case list():
            for part in value:
                yield from mappings(part)


def test_the_logo_is_a_drawing_without_text() -> None:
    assert DEFINITION["logo_url"] == LOGO
    logo = (HUB / "static" / LOGO.removeprefix("/")).read_bytes()
    tags = {node.tag.rpartition("}")[2] for node in ET.fromstring(logo).iter()}  # noqa: S314
    assert tags == {"svg", "g", "path", "circle"}
