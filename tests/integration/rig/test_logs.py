"""``mvh logs`` beside a running ``mvh up``."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from harness.clock import Stopwatch
from tests.integration.rig.conftest import MVH, Stack

FIXTURES = Path(__file__).parents[3] / "firmware_fixtures"


@pytest.fixture(scope="module")
def stack(stack: Stack) -> Stack:
    """A running stack whose board is told to run the heartbeat."""
    doors = stack.doors
    auth = (doors["account_sid"], doors["auth_token"])
    bundle = (FIXTURES / "heartbeat" / "heartbeat.zip").read_bytes()
    app = requests.post(f"{doors['urls']['upload']}/v1/Apps", auth=auth, files={"File": bundle}, timeout=20).json()
    requests.post(f"{doors['urls']['microvisor']}/v1/Devices/{doors['boards'][0]['device_sid']}", auth=auth,
                  data={"TargetApp": app["sid"]}, timeout=20).raise_for_status()
    return stack


def test_it_follows_until_it_is_stopped(stack: Stack) -> None:
    process = stack.start("logs", stack.doors["boards"][0]["name"], "--json")
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


class Relay:
    """Passes connections on to a port, until it is told to cut them all."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self.accepted = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._run(self._serve)

    def _run(self, target: Callable[..., None], *arguments: socket.socket) -> None:
        self._threads.append(threading.Thread(target=target, args=arguments, daemon=True))
        self._threads[-1].start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                far = socket.create_connection(("127.0.0.1", self._port))
                self._sockets += [near, far]
                self._run(self._pass_on, near, far)
                self._run(self._pass_on, far, near)
                self.accepted += 1

    @staticmethod
    def _pass_on(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)

    def cut(self) -> None:
        for item in self._sockets:
            with contextlib.suppress(OSError):
                item.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._threads[0].join(5)
        self.cut()
        for thread in self._threads:
            thread.join(5)
        for item in (self._listening, *self._sockets):
            item.close()


def test_it_comes_back_where_the_connection_broke(stack: Stack) -> None:
    [file] = Path(stack.environment["XDG_RUNTIME_DIR"]).rglob("doors.json")
    doors = file.read_text()
    relay = Relay(urlsplit(stack.doors["urls"]["microvisor"]).port or 0)
    file.write_text(doors.replace(stack.doors["urls"]["microvisor"], relay.url))
    process = stack.start("logs", stack.doors["boards"][0]["name"], "--json")
    try:
        assert process.stdout is not None
        seen = [json.loads(process.stdout.readline())["sequence"]]
        watch = Stopwatch()
        for breaks in range(1, 3):
            relay.cut()
            while relay.accepted <= breaks or len(seen) < 5 * breaks:
                assert watch.seconds < 60
                seen.append(json.loads(process.stdout.readline())["sequence"])
        assert seen == list(range(seen[0], seen[0] + len(seen)))
    finally:
        file.write_text(doors)
        process.send_signal(signal.SIGINT)
        assert process.wait(15) == 0
        process.stdout.close()  # type: ignore[union-attr]
        relay.close()


def test_a_device_that_is_not_there(stack: Stack) -> None:
    told = stack.mvh("logs", "nobody")
    assert told.returncode == 2
    assert "was not found" in told.stderr


def test_no_stack_is_a_clear_error(tmp_path: Path) -> None:
    told = subprocess.run([*MVH, "logs", "board-1"], env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
                          capture_output=True, text=True, timeout=60, check=False)
    assert told.returncode == 2
    assert "start one with 'mvh up'" in told.stderr
