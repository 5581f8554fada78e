"""Contracts, as schemathesis sees them: no failure on any operation of our own documents, nor of the published ones.

``MVH_CONTRACT_DIR`` names the folder with the published contract files and their ``schemathesis.toml``.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.clock import RealClock
from harness.virtual.cloud import Cloud, CloudServer
from harness.virtual.cloud.http.contract import OPERATIONS, contract_document
from harness.virtual.cloud.resources import Api
from harness.virtual.network.seams import SmsWatcher
from harness.virtual.uplink import Uplink
from harness.virtual.world import World

FOLDER = os.environ.get("MVH_CONTRACT_DIR", "")
PROGRAMS = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
TOOL = shutil.which("schemathesis", path=PROGRAMS)

SETTINGS = """
workers = 2
[generation]
max-examples = 5
deterministic = true
[checks]
positive_data_acceptance.expected-statuses = ["2xx", 400, 403, 404, 409, 422, 429]
negative_data_rejection.expected-statuses = [400, 401, 404, 405, 406, 415, 422]
"""
"""What :data:`FOLDER` would say, with fewer examples: this runs everywhere, always."""

pytestmark = pytest.mark.skipif(TOOL is None, reason="schemathesis is not installed")


class Void:
    """A network that loses everything."""

    def subscription_changed(self, iccid: str) -> None: ...

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None: ...

    def withdraw_sms(self) -> None: ...

    def send_ip(self, iccid: str, port: int, payload: bytes, done: object) -> None: ...


@pytest.fixture
def server() -> Iterator[CloudServer]:
    world = World(seed=1, clock=RealClock())
    cloud = Cloud(world, messaging=Void(), uplink=Uplink(world))
    for number in range(3):
        cloud.add_sim(f"898830700000000000{number}", unique_name=f"sim-{number}")
        cloud.add_wireless_sim(f"898830600000000000{number}", unique_name=f"sim-{number}")
        cloud.add_device(unique_name=f"board-{number}")
    world.start()
    with CloudServer(cloud) as server:
        yield server
    world.close()


def _run(server: CloudServer, api: str, contract: dict[str, Any], settings: Path, folder: Path) -> None:
    (folder / "contract.json").write_text(json.dumps(contract))
    pair = base64.b64encode(f"{server.cloud.account_sid}:{server.cloud.auth_token}".encode()).decode()
    assert TOOL is not None
    ran = subprocess.run(
        [TOOL, "--config-file", str(settings), "run", str(folder / "contract.json"),
         "--url", getattr(server.urls, api), "--header", f"Authorization: Basic {pair}",
         "--phases", os.environ.get("MVH_CONTRACT_PHASES", "examples,coverage,fuzzing,stateful"),
         "--exclude-checks", "response_headers_conformance", "--no-color"],
        cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    failed = server.cloud.world.journal.select("api_failed")
    assert not failed, failed[0]
    assert ran.returncode == 0, ran.stdout[-8_000:] + ran.stderr[-2_000:]


@pytest.mark.parametrize("api", list(Api))
def test_our_own_documents_are_kept(api: Api, server: CloudServer, tmp_path: Path) -> None:
    contract = contract_document(api)
    contract["paths"].pop("/v1/Devices/{Sid}/Logs", None)  # its answer has no end
    settings = tmp_path / "schemathesis.toml"
    settings.write_text(SETTINGS)
    _run(server, api.value, contract, settings, tmp_path)


def _known(contract: dict[str, dict[str, dict[str, object]]], api: str) -> int:
    """Take out of a contract what this cloud does not have (yet), and return how many operations are left."""
    have = {(operation.path, operation.method.lower()) for operation in OPERATIONS if operation.api.value == api}
    count = 0
    for path, item in list(contract["paths"].items()):
        for method in [name for name in item if name in ("get", "post", "delete") and (path, name) not in have]:
            del item[method]
        left = [name for name in item if name in ("get", "post", "delete")]
        if not left:
            del contract["paths"][path]
        count += len(left)
    return count


@pytest.mark.skipif(not FOLDER, reason="MVH_CONTRACT_DIR does not name the folder with the contract files")
@pytest.mark.parametrize("api", ["supersim", "wireless", "microvisor"])
def test_contract_is_kept(api: str, server: CloudServer, tmp_path: Path) -> None:
    contract = json.loads((Path(FOLDER) / f"{api}_v1.json").read_text())
    assert _known(contract, api) == {"supersim": 31, "wireless": 16, "microvisor": 27}[api]
    _run(server, api, contract, Path(FOLDER) / "schemathesis.toml", tmp_path)
