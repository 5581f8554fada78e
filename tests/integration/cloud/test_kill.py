"""kill -9 in the middle of everything: what was acknowledged is there, and the store opens, every time."""

from __future__ import annotations

import base64
import http.client
import itertools
import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from harness.clock import pause, random_stream

KILLS = 50
WRITERS = 4


class Server:
    """One server of a folder, in a process of its own."""

    def __init__(self, forker: subprocess.Popen[str]) -> None:
        assert forker.stdin is not None
        assert forker.stdout is not None
        forker.stdin.write("start\n")
        forker.stdin.flush()
        self.doors: dict[str, Any] = json.loads(forker.stdout.readline())
        assert "error" not in self.doors, self.doors

    def connect(self, api: str) -> http.client.HTTPConnection:
        where = urlsplit(self.doors["urls"][api])
        return http.client.HTTPConnection(str(where.hostname), where.port, timeout=20)

    def call(self, connection: http.client.HTTPConnection, method: str, path: str,
             form: dict[str, str] | None = None) -> tuple[int, Any]:
        basic = base64.b64encode(f"{self.doors['user']}:{self.doors['password']}".encode()).decode()
        connection.request(method, path, urlencode(form) if form else None, {
            "Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"})
        response = connection.getresponse()
        body = response.read()
        return response.status, json.loads(body) if body else None

    def kill(self) -> None:
        process = os.pidfd_open(self.doors["pid"])
        os.kill(self.doors["pid"], signal.SIGKILL)
        assert select.select([process], [], [], 20)[0], "it is still there"
        os.close(process)


class Writer(threading.Thread):
    """Writes until the server dies, and remembers what was acknowledged: path, attribute, value (None: deleted)."""

    def __init__(self, server: Server, numbers: Iterator[int]) -> None:
        super().__init__(daemon=True)
        self.server, self.numbers = server, numbers
        self.kept: dict[tuple[str, str], str | None] = {}
        self.failure = ""

    def run(self) -> None:
        texts, stores = self.server.connect("supersim"), self.server.connect("microvisor")
        try:
            for number in self.numbers:
                self.write(texts, stores, number)
        except (OSError, http.client.HTTPException):
            pass  # it was killed
        finally:
            texts.close()
            stores.close()

    def write(self, texts: http.client.HTTPConnection, stores: http.client.HTTPConnection, number: int) -> None:
        call, value = self.server.call, f"value {number}"
        key = ("microvisor", f"/v1/Configs/key-{number}")
        match number % 4:
            case 0 | 1:
                self.note(*call(texts, "POST", "/v1/SmsCommands", {"Sim": self.server.doors["sim"], "Payload": value}),
                          "supersim", "/v1/SmsCommands/", value)
            case 2:
                self.note(*call(texts, "POST", "/v1/Fleets", {"UniqueName": value, "NetworkAccessProfile": "default"}),
                          "supersim", "/v1/Fleets/", value)
            case 3:
                status, body = call(stores, "POST", "/v1/Configs", {"Key": f"key-{number}", "Value": value})
                self.expect(status, 201, body)
                self.kept[key] = value
                if number % 8 == 7:
                    self.kept.pop(key)  # whether it is there is not known until that is acknowledged too
                    status, body = call(stores, "DELETE", key[1])
                    self.expect(status, 204, body)
                    self.kept[key] = None

    def note(self, status: int, body: Any, api: str, path: str, value: str) -> None:
        self.expect(status, 201, body)
        self.kept[api, path + body["sid"]] = value

    def expect(self, status: int, wanted: int, body: Any) -> None:
        if status != wanted:
            self.failure = f"{status}: {body}"
            raise http.client.HTTPException(self.failure)


@pytest.fixture
def forker(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen([sys.executable, "-P", Path(__file__).with_name("kept_server.py"), tmp_path / "state"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()  # it ends, with all that it started


def missing(server: Server, kept: dict[tuple[str, str], str | None]) -> list[str]:
    """Return what was acknowledged and is not there."""
    connections = {api: server.connect(api) for api in ("supersim", "microvisor")}
    lost = []
    for (api, path), value in kept.items():
        status, body = server.call(connections[api], "GET", path)
        found = None if status == 404 else body.get("payload") or body.get("unique_name") or body.get("value")
        if found != value:
            lost.append(f"{path}: {value!r} was acknowledged, there is {found!r} ({status})")
    for connection in connections.values():
        connection.close()
    return lost


def test_nothing_acknowledged_is_lost_in_fifty_kills(forker: subprocess.Popen[str]) -> None:
    numbers, chance = itertools.count(1), random_stream(1, "kills")
    everything: dict[tuple[str, str], str | None] = {}
    last: dict[tuple[str, str], str | None] = {}
    server = Server(forker)
    for _ in range(KILLS):
        assert missing(server, last) == []  # of the life before
        writers = [Writer(server, numbers) for _ in range(WRITERS)]
        for writer in writers:
            writer.start()
        pause(chance.uniform(0.0, 0.08))
        server.kill()
        last = {}
        for writer in writers:
            writer.join(30)
            assert writer.failure == ""
            last |= writer.kept
        everything |= last
        server = Server(forker)
    assert len(everything) > KILLS
    assert missing(server, everything) == []
    server.kill()
