"""The whole stack as a process, held by programs of other people; it leaves nothing behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.parse
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import serial

from harness.clock import Stopwatch, pause

Up = Callable[..., tuple["subprocess.Popen[str]", dict[str, Any]]]


@pytest.fixture
def runtime(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


@pytest.fixture
def up(runtime: Path) -> Iterator[Up]:
    """Starts ``mvh up --json`` and returns the process and its first line."""
    started: list[subprocess.Popen[str]] = []
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime)}
    environment.pop("PYTHONUNBUFFERED", None)  # with which what can't be written is forgotten at once

    def start(*arguments: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "harness.cli", "up", "--json", *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, env=environment)
        started.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        return process, json.loads(line) if line else {}

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)


def _stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)
    assert (process.returncode, errors) == (0, "")


def _read_until(port: serial.Serial, wanted: bytes, seconds: float = 20) -> bytes:
    watch, seen = Stopwatch(), b""
    while wanted not in seen and watch.seconds < seconds:
        seen += port.read(port.in_waiting or 1)
    assert wanted in seen, seen
    return seen


def test_a_text_posted_to_the_api_appears_at_the_modems_port(up: Up, runtime: Path) -> None:
    process, doors = up()
    assert set(doors) >= {"account_sid", "auth_token", "urls", "modems", "boards"}
    assert set(doors["urls"]) == {"supersim", "wireless", "microvisor", "upload"}
    modem, board = doors["modems"][0], doors["boards"][0]
    assert set(modem) >= {"name", "port", "sim_sid", "iccid"}
    assert set(board) >= {"name", "device_sid"}
    with serial.Serial(modem["port"], timeout=0.2) as port:
        port.write(b"ATE0+CMGF=1;+CNMI=2,2,0,0,0\r")
        _read_until(port, b"OK")
        answer = requests.post(doors["urls"]["supersim"] + "/v1/SmsCommands", timeout=5,
                               auth=(doors["account_sid"], doors["auth_token"]),
                               data={"Sim": modem["sim_sid"], "Payload": "hello"})
        assert answer.status_code == 201
        _read_until(port, b"hello")
    ports = [urllib.parse.urlsplit(url).port for url in doors["urls"].values()]
    _stop(process)
    assert not list((runtime / "mvh").iterdir())
    for number in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", number or 0)) != 0


def test_a_taken_port_is_told_and_nothing_is_left(up: Up, tmp_path: Path, runtime: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = taken.getsockname()[1]
        rig = tmp_path / "rig.toml"
        rig.write_text(f"[cloud]\nports = [{number}, 0, 0, 0]\n")
        process, _ = up("--rig", str(rig))
        _, errors = process.communicate(timeout=15)
    assert process.returncode == 2
    assert errors.startswith(f"mvh: can't listen on 127.0.0.1:{number}")
    assert len(errors.splitlines()) == 1
    assert not list((runtime / "mvh").iterdir())


def test_every_port_of_a_modem_is_shown(tmp_path: Path, runtime: Path) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text(f'board = []\n[[modem]]\nname = "m"\nport = "{tmp_path}/tty"\nports = ["abstract:{runtime}"]\n')
    with subprocess.Popen([sys.executable, "-m", "harness.cli", "up", "--rig", str(rig)], stdout=subprocess.PIPE,
                          text=True, env={**os.environ, "XDG_RUNTIME_DIR": str(runtime), "COLUMNS": "40"}) as process:
        assert process.stdout is not None
        line = next(line for line in process.stdout if line.startswith("m "))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=15)
    assert f" {tmp_path}/tty  abstract:{runtime}  Sim HS" in line


def test_faults_that_never_struck_are_told_at_the_end(tmp_path: Path, runtime: Path) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text('board = []\n[[faults]]\nkind = "sms-drop"\n[[faults]]\nkind = "sim-busy"\nspan = "1s"\n')
    with subprocess.Popen([sys.executable, "-m", "harness.cli", "up", "--json", "--rig", str(rig)], text=True,
                          stdout=subprocess.PIPE, env={**os.environ, "XDG_RUNTIME_DIR": str(runtime)}) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=15)
    told = [entry for entry in map(json.loads, said.splitlines()) if entry["event"] == "fault_never_struck"]
    assert [(entry["data"]["fault"], entry["data"]["kind"]) for entry in told] == [(1, "sms-drop")]


def test_it_ends_well_where_nobody_reads_what_it_has_to_tell(up: Up, tmp_path: Path) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text('board = []\n[[modem]]\nname = "modem-1"\n[[faults]]\nkind = "sms-drop"\n')
    process, _ = up("--rig", str(rig))
    assert process.stdout is not None
    process.stdout.close()
    _stop(process)


def test_two_stacks_live_side_by_side(up: Up) -> None:
    first, one = up()
    second, other = up()
    assert one["modems"][0]["port"] != other["modems"][0]["port"]
    _stop(second)
    assert Path(one["modems"][0]["port"]).exists()
    _stop(first)


def test_what_a_killed_stack_left_does_not_disturb_the_next(up: Up, runtime: Path) -> None:
    process, doors = up()
    process.kill()
    process.wait(timeout=5)
    process, again = up()
    assert again["modems"][0]["port"] == doors["modems"][0]["port"]
    with serial.Serial(again["modems"][0]["port"], timeout=0.2) as port:
        port.write(b"AT\r")
        _read_until(port, b"OK")
    _stop(process)


def test_ctrl_c_while_clients_hold_the_near_ends(up: Up) -> None:
    process, doors = up()
    with (serial.Serial(doors["modems"][0]["port"], timeout=0.2) as port,
          requests.get(f"{doors['urls']['microvisor']}/v1/Devices/{doors['boards'][0]['device_sid']}/Logs",
                       auth=(doors["account_sid"], doors["auth_token"]), stream=True, timeout=5) as stream):
        assert stream.status_code == 200
        port.write(b"AT+CMGF=1\r")
        pause(0.1)
        _stop(process)


def test_a_stack_with_a_state_folder_goes_on_after_kill_9(up: Up, tmp_path: Path) -> None:
    state = str(tmp_path / "state")
    process, before = up("--state", state)
    auth = (before["account_sid"], before["auth_token"])
    fleet = requests.post(f"{before['urls']['supersim']}/v1/Fleets", {
        "UniqueName": "kept", "NetworkAccessProfile": "default"}, auth=auth, timeout=20)
    assert fleet.status_code == 201
    second, _ = up("--state", state)
    assert second.wait(30) == 2
    assert second.stderr is not None
    assert "holds the state of a cloud that is running" in " ".join(second.stderr.read().split())

    process.kill()
    process.wait(20)
    process, after = up("--state", state)
    for kind, key in (("modems", "sim_sid"), ("boards", "device_sid")):
        assert [device[key] for device in after[kind]] == [device[key] for device in before[kind]]
    assert (after["account_sid"], after["auth_token"]) == auth
    found = requests.get(f"{after['urls']['supersim']}/v1/Fleets/kept", auth=auth, timeout=20).json()
    assert found["sid"] == fleet.json()["sid"]
    assert found["date_created"] == fleet.json()["date_created"]
    modem = serial.Serial(after["modems"][0]["port"], timeout=1)
    requests.post(f"{after['urls']['supersim']}/v1/SmsCommands", {"Sim": after["modems"][0]["sim_sid"],
                                                                  "Payload": "still here"}, auth=auth, timeout=20)
    modem.write(b"AT+CNMI=2,2\r")
    _read_until(modem, b"OK\r\n")
    modem.close()
    _stop(process)
