"""``mvh logs`` beside a running ``mvh up``."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests

from harness.clock import Stopwatch

MVH = (sys.executable, "-m", "harness.cli")
FIXTURES = Path(__file__).parents[3] / "firmware_fixtures"


@dataclass
class Stack:
    doors: dict[str, Any]
    environment: dict[str, str]

    def mvh(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*MVH, *arguments], env=self.environment, capture_output=True, text=True, timeout=60,
                              check=False)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("run"))}
    process = subprocess.Popen([*MVH, "up", "--json"], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    doors = json.loads(process.stdout.readline())
    auth = (doors["account_sid"], doors["auth_token"])
    bundle = (FIXTURES / "heartbeat" / "heartbeat.zip").read_bytes()
    app = requests.post(f"{doors['urls']['upload']}/v1/Apps", auth=auth, files={"File": bundle}, timeout=20).json()
    requests.post(f"{doors['urls']['microvisor']}/v1/Devices/{doors['boards'][0]['device_sid']}", auth=auth,
                  data={"TargetApp": app["sid"]}, timeout=20).raise_for_status()
    yield Stack(doors, environment)
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(15) == 0


def test_it_follows_until_it_is_stopped(stack: Stack) -> None:
    process = subprocess.Popen([*MVH, "logs", stack.doors["boards"][0]["name"], "--json"], stdout=subprocess.PIPE,
                               text=True, env=stack.environment)
    assert process.stdout is not None
    watch = Stopwatch()
    seen: list[dict[str, Any]] = []
    while watch.seconds < 60 and not any("beat 3" in entry["text"] for entry in seen):
        seen.append(json.loads(process.stdout.readline()))
    process.send_signal(signal.SIGINT)
    assert process.wait(15) == 0
    process.stdout.close()
    assert {"sequence", "timestamp", "origin", "text", "microseconds"} <= set(seen[-1])
    assert [entry["sequence"] for entry in seen] == sorted(entry["sequence"] for entry in seen)
    told = stack.mvh("logs", stack.doors["boards"][0]["device_sid"], "--no-follow")
    assert told.returncode == 0
    assert "beat 3" in told.stdout


def test_a_device_that_is_not_there(stack: Stack) -> None:
    told = stack.mvh("logs", "nobody")
    assert told.returncode == 2
    assert "was not found" in told.stderr


def test_no_stack_is_a_clear_error(tmp_path: Path) -> None:
    told = subprocess.run([*MVH, "logs", "board-1"], env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
                          capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "start one with 'mvh up'" in told.stderr
