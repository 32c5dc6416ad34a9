"""Describes the target to Meltano and its Hub, as it declares itself.

The settings and capabilities come from what `target-amplitude-nami --about
--format=json` prints, the commands from the help of `amplitude-nami`. Where the Hub has
a rule of its own for what it makes of `--about` each week (meltano/hub,
`hub-utils`), the definition follows it, so that the Hub finds nothing to change.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from target_amplitude_nami.commands.main import main as amplitude_nami

if TYPE_CHECKING:
    from collections.abc import Iterator

REPOSITORY = "https://github.com/OWNER/target-amplitude-nami"
"""Where the project will be published: to be set once that is known. The Hub calls a
plugin's variant after the owner of its repository."""

LOADER = "target-amplitude-nami"
COMMANDS = "amplitude-nami"
PIP_URL = f"{LOADER}[local]"
OWNER_URL, _, _ = REPOSITORY.rpartition("/")
VARIANT = OWNER_URL.rpartition("/")[2].lower()
LOGO = "/assets/logos/loaders/amplitude-nami.svg"

_LONGEST_HELP = 100
_HIDDEN = (
    "add_record_metadata",
    "batch_config.",
    "faker_config.",
    "flattening_",
)
"""Settings that the SDK builds into every target, and of little use in this one."""
_KINDS = {"start_date": "date_iso8601", "faker_config.locale": "array"}
"""What the Hub makes of settings by their names."""

_DESCRIPTION = (
    "Nami ML manages in-app subscriptions and their paywalls; Amplitude is a product"
    " analytics platform. This loader sends Nami's subscription events to Amplitude."
)
_KEYWORDS = [
    "amplitude",
    "in-app purchases",
    "meltano_sdk",
    "nami",
    "paywalls",
    "product analytics",
    "subscriptions",
]
_PREAMBLE = f"""\
Set `api_key`, or `endpoint` to `local` for a first try on your own machine: the local
Amplitude stands in for Amplitude, and nothing leaves the machine. All settings by
group, with examples: [docs/settings.md]({REPOSITORY}/blob/main/docs/settings.md).
"""
_NEXT_STEPS = f"""\
Check the settings, send to the local Amplitude, and look at what arrived:

```bash
meltano config set {LOADER} endpoint local
meltano invoke {LOADER}:check
meltano run <your tap> {LOADER}
meltano invoke {LOADER}:local
```

Then send to Amplitude itself:

```bash
meltano config unset {LOADER} endpoint
meltano config set {LOADER} api_key <your key>
meltano run <your tap> {LOADER}
```
"""
_USAGE = f"""\
## Which taps

Any stream will do whose records are Nami events or Nami users, in any shape: webhooks
as they came, rows of a warehouse, CSV text. See
[what input is understood]({REPOSITORY}/blob/main/docs/input.md).

## Remember from run to run

Amplitude forgets repeated events after seven days. With `memory_path` the loader
remembers what it delivered, and whose External ID it has seen:

```bash
meltano config set {LOADER} memory_path output/nami-memory.db
```

## Records that cannot be delivered

They go to `rejects_path`, each with its reason, and harm no other record. See
[what happens to bad records]({REPOSITORY}#what-happens-to-bad-records).
"""


class Setting(msgspec.Struct, frozen=True):
    """One property of the target's JSON schema."""

    title: str = ""
    description: str = ""
    type: str | list[str] = "string"
    default: Any = None
    enum: list[str | None] = []
    labels: dict[str, str] = msgspec.field(name="meta:enum", default_factory=dict)
    examples: list[Any] = []
    secret: bool = False
    minimum: int | None = None
    maximum: int | None = None
    properties: dict[str, Setting] = {}

    @property
    def kind(self) -> str:
        """The first JSON type that is not null."""
        types = [self.type] if isinstance(self.type, str) else self.type
        return next(name for name in types if name != "null")

    @property
    def options(self) -> list[str]:
        """The allowed values of a setting that has few."""
        return [value for value in self.enum if value is not None]


class Settings(msgspec.Struct, frozen=True):
    """The target's JSON schema."""

    properties: dict[str, Setting]


class About(msgspec.Struct, frozen=True):
    """The answer of `--about`, as far as the documents have it."""

    capabilities: list[str]
    settings: Settings
    supported_python_versions: list[str]


def declared() -> About:
    """Return what the installed target declares."""
    command = Path(sys.executable).with_name(LOADER)
    answer = subprocess.run(  # noqa: S603 - the project's own command
        [command, "--about", "--format=json"], check=True, stdout=subprocess.PIPE
    )
    return msgspec.json.decode(answer.stdout, type=About)


def definition(about: About) -> dict[str, Any]:
    """Return the plugin definition, for the Hub and for `meltano add --from-ref`.

    Args:
        about: What the target declares.
    """
    return {
        "capabilities": sorted(about.capabilities),
        "commands": meltano_commands(),
        "description": _DESCRIPTION,
        "docs": f"{REPOSITORY}#readme",
        "domain_url": "https://amplitude.com",
        "executable": LOADER,
        "keywords": _KEYWORDS,
        "label": "Amplitude, from Nami",
        "log_parser": "singer-sdk",
        "logo_url": LOGO,
        "maintenance_status": "active",
        "name": LOADER,
        "namespace": LOADER.replace("-", "_"),
        "next_steps": _NEXT_STEPS,
        "pip_url": PIP_URL,
        "quality": "silver",
        "repo": REPOSITORY,
        "settings": sorted(
            (
                meltano_setting(name, setting, hidden=name.startswith(_HIDDEN))
                for name, setting in _flat(about.settings.properties)
            ),
            key=lambda setting: str(setting["name"]),
        ),
        "settings_group_validation": [["api_key"], ["endpoint"]],
        "settings_preamble": _PREAMBLE,
        "supported_python_versions": about.supported_python_versions,
        "usage": _USAGE,
        "variant": VARIANT,
    }


def meltano_setting(
    name: str, setting: Setting, *, hidden: bool = False
) -> dict[str, Any]:
    """Return one setting in Meltano's terms (Meltano, Plugin Definition Syntax).

    Args:
        name: Its name, with a dot between those of an object and its member.
        setting: Its declaration.
        hidden: Whether `meltano config list` leaves it out.
    """
    label = setting.title or name.rpartition(".")[2].replace("_", " ").capitalize()
    found: dict[str, Any] = {"name": name, "label": label, "kind": _kind(name, setting)}
    if setting.options:
        found["options"] = [
            {"label": setting.labels.get(option, option), "value": option}
            for option in setting.options
        ]
    if setting.secret:
        found["sensitive"] = True
    if hidden:
        found["hidden"] = True
    if setting.default is not None:
        found["value"] = setting.default
    elif setting.examples and isinstance(setting.examples[0], str):
        found["placeholder"] = f"Ex. {setting.examples[0]}"
    found["description"] = setting.description
    return found


def meltano_commands(folder: str = "") -> dict[str, dict[str, str]]:
    """Return the subcommands of `amplitude-nami` in Meltano's terms.

    Args:
        folder: Where the command is, such as `.venv/bin/`; nothing for the environment
            that Meltano makes for the loader.
    """
    context = click.Context(amplitude_nami)
    return {
        name: {
            "args": f"{name} --config ENV",
            "description": command.get_short_help_str(_LONGEST_HELP).rstrip("."),
            "executable": f"{folder}{COMMANDS}",
        }
        for name in amplitude_nami.list_commands(context)
        if (command := amplitude_nami.get_command(context, name))
    }


def _kind(name: str, setting: Setting) -> str:
    if setting.secret:
        return "password"
    return _KINDS.get(name) or ("options" if setting.options else setting.kind)


def _flat(properties: dict[str, Setting]) -> Iterator[tuple[str, Setting]]:
    """Yield the settings as the Hub has them: members of objects by dotted names.

    Stream maps are an object all the same: their members have names of the user's.
    """
    for name, setting in properties.items():
        if setting.properties and name != "stream_maps":
            for member, part in _flat(setting.properties):
                yield f"{name}.{member}", part
        else:
            yield name, setting
