"""The CronJob of the examples: valid, safe, in step with the image and the target."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import kubernetes_validate
import pytest
from ruamel.yaml import YAML

from target_amplitude_nami.settings import Settings
from tests.support.environment import clean_environment

ROOT: Final = Path(__file__).parents[2]
DOCUMENTS: Final = list(
    YAML(typ="safe").load_all(ROOT / "examples" / "kubernetes" / "cronjob.yaml")
)
CONFIG_MAP, CLAIM, CRON_JOB = DOCUMENTS
JOB: Final = CRON_JOB["spec"]["jobTemplate"]["spec"]
POD: Final = JOB["template"]["spec"]
(CONTAINER,) = POD["containers"]

# The oldest that Kubernetes itself still maintained in 2026, and the newest known.
VERSIONS: Final = ("1.33", kubernetes_validate.latest_version())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document["kind"])
def test_kubernetes_takes_it(document: dict[str, Any], version: str) -> None:
    kubernetes_validate.validate(document, version, strict=True)


def test_one_run_at_a_time_has_the_volume() -> None:
    assert CRON_JOB["spec"]["concurrencyPolicy"] == "Forbid"
    names = {document["metadata"]["name"] for document in DOCUMENTS}
    assert names == {"nami-to-amplitude"}
    volumes = {volume["name"]: volume for volume in POD["volumes"]}
    assert {mount["name"] for mount in CONTAINER["volumeMounts"]} == set(volumes)
    claim = volumes["data"]["persistentVolumeClaim"]["claimName"]
    assert claim == CLAIM["metadata"]["name"]
    assert volumes["config"]["configMap"]["name"] == CONFIG_MAP["metadata"]["name"]


def test_the_grace_is_longer_than_all_that_happens_after_sigterm() -> None:
    grace = Settings.__dataclass_fields__["shutdown_grace"].default
    assert isinstance(grace, int)
    # The target's two seconds, and the five that run_once.py gives the tap.
    assert POD["terminationGracePeriodSeconds"] > grace + 2 + 5


def test_too_many_rejects_are_not_retried() -> None:
    first, _ = JOB["podFailurePolicy"]["rules"]
    assert first["action"] == "FailJob"
    assert first["onExitCodes"]["values"] == [3]
    assert first["onExitCodes"]["containerName"] == CONTAINER["name"]
    assert POD["restartPolicy"] == "Never"  # Else the rules are refused.


def test_it_runs_as_the_user_of_the_image_with_no_rights() -> None:
    image = (ROOT / "Dockerfile").read_text("utf-8")
    user = POD["securityContext"]["runAsUser"]
    group = POD["securityContext"]["runAsGroup"]
    assert f"USER {user}:{group}" in image.splitlines()
    assert f"--uid {user} " in image
    assert POD["securityContext"]["runAsNonRoot"] is True
    assert POD["securityContext"]["fsGroup"] == group
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_every_key_comes_from_the_secret() -> None:
    assert not any("value" in variable for variable in CONTAINER["env"])
    target = json.loads(CONFIG_MAP["data"]["target.json"])
    assert not any(name.endswith("_key") for name in target)
    assert "password" not in json.loads(CONFIG_MAP["data"]["tap.json"])


def test_its_arguments_run_in_the_image_s_place(tmp_path: Path) -> None:
    """The sample's tap stands for the one that reads a database."""
    for folder in ("config", "data"):
        (tmp_path / folder).mkdir()
    for name, text in CONFIG_MAP["data"].items():
        values = json.loads(text.replace('"/data/', f'"{tmp_path}/data/'))
        (tmp_path / "config" / name).write_text(json.dumps(values))
    *options, _, target = (
        argument.replace("/data/", f"{tmp_path}/data/").replace(
            "/config/", f"{tmp_path}/config/"
        )
        for argument in CONTAINER["args"]
    )
    tap_config = tmp_path / "tap.json"
    tap_config.write_text(json.dumps({"path": str(ROOT / "examples" / "data")}))
    tap = shlex.join(
        [str(ROOT / "examples" / "tap_nami.py"), "--config", str(tap_config)]
    )
    script = ROOT / "examples" / "run_once.py"
    keys = {
        variable["name"]: "0123456789abcdef0123456789abcdef"
        for variable in CONTAINER["env"]
    }
    path = os.pathsep.join([str(Path(sys.executable).parent), os.defpath])
    done = subprocess.run(
        [sys.executable, script, *options, tap, target],
        capture_output=True,
        check=False,
        cwd=tmp_path / "data",
        env=clean_environment(
            keys | {"PATH": path, "TARGET_AMPLITUDE_NAMI_ENDPOINT": "local"}
        ),
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data" / "state.json").exists()
    made = {file.name for file in (tmp_path / "data").iterdir()}
    assert {"memory.db", "rejects.singer", "report.json"} <= made
