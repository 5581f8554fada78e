"""Rigs opened by hand, without the plug-in's fixtures, and stacks that run beside the tests."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from harness.rig import Rig, RigOpener
from harness.rig.model import RigFile

MVH = (sys.executable, "-m", "harness.cli")


@pytest.fixture(scope="module")
def opener(request: pytest.FixtureRequest) -> Iterator[RigOpener]:
    """Opens virtual rigs of the module's ``RIG``, or with one modem and one board."""
    opener = RigOpener(getattr(request.module, "RIG", RigFile()))
    yield opener
    opener.close()


@pytest.fixture
def rig(opener: RigOpener) -> Iterator[Rig]:
    """A rig in which nothing has happened yet."""
    rig = opener.open()
    yield rig
    rig.close()


@dataclass(frozen=True)
class Stack:
    """A stack that ``mvh up`` runs in a process of its own, and the commands beside it.

    Attributes:
        doors: what it printed.
        environment: in which other commands find it, and no other one.
        command: what every command line here begins with.
    """

    doors: dict[str, Any]
    environment: dict[str, str]
    command: tuple[str, ...] = ()

    def of(self, *command: str) -> Stack:
        """Return the same stack for one command."""
        return replace(self, command=command)

    def mvh(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*MVH, *self.command, *arguments], env=self.environment, capture_output=True, text=True,
                              timeout=90, check=False)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen([*MVH, *self.command, *arguments], env=self.environment, stdout=subprocess.PIPE,
                                text=True)

    def said(self, *arguments: str, code: int = 0) -> str:
        """Return what a command printed that ended so: its errors if it is one."""
        result = self.mvh(*arguments)
        assert result.returncode == code, result.stderr
        return result.stdout if not code else result.stderr

    def json(self, *arguments: str) -> Any:
        return json.loads(self.said(*arguments, "--json"))


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of one modem and one board in real time."""
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("run"))}
    process = subprocess.Popen([*MVH, "up", "--json"], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    yield Stack(json.loads(process.stdout.readline()), environment)
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(15) == 0
