"""twilio-python and curl against ``mvh up``, as a new user would try them; the device's end is a plain serial port."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import serial

from harness.clock import Stopwatch, pause

twilio_rest = pytest.importorskip("twilio.rest", reason="the PyPI package twilio is not installed")
FIXTURES = Path(__file__).parents[2] / "firmware_fixtures"


@dataclass
class Stack:
    """A running stack and a terminal at its modem's port."""

    doors: dict[str, Any]
    terminal: serial.Serial

    def read_until(self, wanted: bytes) -> None:
        watch, seen = Stopwatch(), b""
        while wanted not in seen and watch.seconds < 20:
            seen += self.terminal.read(self.terminal.in_waiting or 1)
        assert wanted in seen, seen


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    runtime = tmp_path_factory.mktemp("run")
    process = subprocess.Popen([sys.executable, "-m", "harness.cli", "up", "--json"], stdout=subprocess.PIPE, text=True,
                               env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)})
    assert process.stdout is not None
    doors = json.loads(process.stdout.readline())
    with serial.Serial(doors["modems"][0]["port"], timeout=0.1) as terminal:
        terminal.write(b"ATE0+CMGF=1;+CNMI=2,2,0,0,0\r")
        running = Stack(doors, terminal)
        running.read_until(b"OK")
        yield running
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(15) == 0


@pytest.fixture
def client(stack: Stack) -> Any:
    client = twilio_rest.Client(stack.doors["account_sid"], stack.doors["auth_token"])
    client.supersim.base_url = stack.doors["urls"]["supersim"]
    client.microvisor.base_url = stack.doors["urls"]["microvisor"]
    return client


def _eventually(done: Callable[[], bool], seconds: float = 20) -> None:
    watch = Stopwatch()
    while not done():
        assert watch.seconds < seconds
        pause(0.05)


def test_twilio_python_sends_an_sms_command(client: Any, stack: Stack) -> None:
    command = client.supersim.v1.sms_commands.create(sim=stack.doors["modems"][0]["sim_sid"], payload="hello there")
    assert (command.status, command.direction) == ("queued", "to_sim")
    stack.read_until(b"hello there")
    _eventually(lambda: client.supersim.v1.sms_commands(command.sid).fetch().status == "delivered")


def test_twilio_python_pages_and_filters(client: Any, stack: Stack) -> None:
    sim = stack.doors["modems"][0]["sim_sid"]
    sent = {client.supersim.v1.ip_commands.create(sim=sim, payload=str(number), device_port=6969).sid
            for number in range(7)}
    found = [one.sid for one in client.supersim.v1.ip_commands.list(sim=sim, page_size=3)]
    assert len(found) == len(set(found)) == 7
    assert set(found) == sent
    _eventually(lambda: {one.status for one in client.supersim.v1.ip_commands.list(sim=sim)} <= {"sent", "failed"})


def test_twilio_python_changes_a_sim(client: Any, stack: Stack) -> None:
    sid = stack.doors["modems"][0]["sim_sid"]
    sim = client.supersim.v1.sims(sid).update(unique_name="renamed")
    assert client.supersim.v1.sims("renamed").fetch().sid == sim.sid == sid
    assert client.supersim.v1.sims(sid).update(status="inactive").status == "scheduled"
    _eventually(lambda: client.supersim.v1.sims(sid).fetch().status == "inactive")
    assert client.supersim.v1.sims(sid).update(status="active").status == "scheduled"
    _eventually(lambda: client.supersim.v1.sims(sid).fetch().status == "active")


def test_twilio_python_tells_errors_by_their_codes(client: Any, stack: Stack) -> None:
    failure = pytest.importorskip("twilio.base.exceptions").TwilioRestException
    with pytest.raises(failure) as unknown:
        client.supersim.v1.sims("HS" + "0" * 32).fetch()
    assert (unknown.value.status, unknown.value.code) == (404, 20404)
    stranger = twilio_rest.Client(stack.doors["account_sid"], "wrong")
    stranger.supersim.base_url = stack.doors["urls"]["supersim"]
    with pytest.raises(failure) as refused:
        stranger.supersim.v1.sims(stack.doors["modems"][0]["sim_sid"]).fetch()
    assert (refused.value.status, refused.value.code) == (401, 20003)


def test_curl_uploads_a_bundle_and_twilio_python_deploys_it(client: Any, stack: Stack) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    bundle = FIXTURES / "heartbeat" / "heartbeat.zip"
    done = subprocess.run(
        ["curl", "-s", "-X", "POST", stack.doors["urls"]["upload"] + "/v1/Apps", "-H",
         "Content-Type: multipart/form-data", "-u", f"{stack.doors['account_sid']}:{stack.doors['auth_token']}", "-F",
         f"File=@{bundle}"], capture_output=True, check=True, timeout=30)
    app = json.loads(done.stdout)["sid"]
    sid = stack.doors["boards"][0]["device_sid"]
    device = client.microvisor.v1.devices(sid).update(target_app=app)
    assert device.app["update_status"] == "pending"
    _eventually(lambda: client.microvisor.v1.devices(sid).fetch().app["update_status"] == "up-to-date")
    assert client.microvisor.v1.devices(sid).fetch().app["reported_sid"] == app
