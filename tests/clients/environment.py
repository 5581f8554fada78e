"""A running stack as programs of other people find it: by what ``mvh env`` prints, and nothing else."""

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

MVH = (sys.executable, "-m", "harness.cli")
_CLEAN = ("PROXY", "_CA_", "CERT", "TWILIO")


@dataclass
class Stack:
    """A running stack, and the environment that its user's shell would have."""

    doors: dict[str, Any]
    runtime: Path
    environment: dict[str, str]

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment | variables, capture_output=True, text=True, timeout=110,
                              check=False)


def clean_environment(runtime: Path) -> dict[str, str]:
    """Return this process's environment without what points to a proxy, a certificate or an account."""
    kept = {name: value for name, value in os.environ.items() if not any(part in name.upper() for part in _CLEAN)}
    return kept | {"XDG_RUNTIME_DIR": str(runtime)}


def running_stack(runtime: Path) -> Iterator[Stack]:
    """Give a stack that runs until the generator is closed."""
    clean = clean_environment(runtime)
    process = subprocess.Popen([*MVH, "up", "--json"], stdout=subprocess.PIPE, text=True, env=clean)
    assert process.stdout is not None
    doors = json.loads(process.stdout.readline())
    printed = subprocess.run([*MVH, "env", "--json"], env=clean, capture_output=True, text=True, check=True).stdout
    yield Stack(doors, runtime, clean | json.loads(printed))
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(15) == 0


def install(what: str, *command: str) -> None:
    """Install a client from its registry, or skip the test with the reason."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=80, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"{what} could not be installed: the registry did not answer within 80 s")
    if done.returncode:
        pytest.skip(f"{what} could not be installed: {done.stderr.strip().splitlines()[-1:]}")
