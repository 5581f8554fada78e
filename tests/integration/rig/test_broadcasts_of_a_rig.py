"""Cell broadcasts in a test, over the admin side, and by the command line of a running stack."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import serial

from harness.rig import RigOpener
from harness.rig.load import load_rig

MVH = (sys.executable, "-m", "harness.cli")


def test_what_a_cell_says_is_heard_at_the_port() -> None:
    opener = RigOpener(load_rig(None), devices="virtual")
    rig = opener.open()
    try:
        modem = rig.modem()
        modem.registered(within="60s")
        modem.command('AT+CMGF=1;+CSCB=0,"50,4370-4399";+CNMI=2,1,2,0,0')
        rig.network.broadcast("Flood warning", message_id=4371, language="en", repeat=3)
        assert modem.expect_urc("+CBM", within="30s").text == "+CBM: 16400,4371,1,1,1"
        rig.network.broadcast("not for us", message_id=7)
        rig.clock.sleep("5min")
        modem.command('AT+CNMI=2,1,0,0,0;+CPMS="BM"')
        rig.network.broadcast("kept", message_id=50)
        rig.clock.sleep("1s")
        assert modem.command('AT+CMGL="ALL"').lines == ('+CMGL: 0,"REC UNREAD",16432,50,1,1', "kept")
    finally:
        rig.close()
        opener.close()


@dataclass
class Stack:
    doors: dict[str, Any]
    environment: dict[str, str]

    def mvh(self, *arguments: str, code: int = 0) -> str:
        result = subprocess.run([*MVH, "broadcast", *arguments], env=self.environment, capture_output=True, text=True,
                                timeout=60, check=False)
        assert result.returncode == code, result.stderr
        return result.stdout if not code else result.stderr

    def ask(self, method: str, body: object = None, **query: str) -> requests.Response:
        door = self.doors["admin"]
        return requests.request(method, f"{door['url']}/broadcasts", json=body, params=query, timeout=20,
                                headers={"Authorization": f"Bearer {door['token']}"})


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    environment = {**os.environ, "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("run"))}
    process = subprocess.Popen([*MVH, "up", "--json"], stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    yield Stack(json.loads(process.stdout.readline()), environment)
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(15) == 0


def test_live(stack: Stack) -> None:
    with serial.Serial(stack.doors["modems"][0]["port"], 115200, timeout=20) as port:
        port.write(b'ATE0;+CMGF=1;+CSCB=0,"50";+CNMI=2,1,2,0,0;+CEREG=1\r')
        assert port.read_until(b"\r\nOK\r\n").endswith(b"OK\r\n")
        for _ in range(100):  # the module may be starting, or still look for its network
            port.write(b"AT+CEREG?\r")
            if b"1,5" in port.read_until(b"\r\nOK\r\n"):
                break
            port.timeout = 0.2
            port.read_until(b"+CEREG: 5\r\n")
            port.timeout = 20
        assert "nothing is on the air" in stack.mvh()
        shown = stack.mvh("Storm at noon", "--repeat", "50", "--every", "1h")
        assert "id 50: 1 page on 1 cells, 49 times more" in shown
        said = port.read_until(b"Storm at noon\r\n")
        assert b",50,15,1,1\r\nStorm at noon\r\n" in said
    on_air = json.loads(stack.mvh("--json"))
    assert [item["message_id"] for item in on_air] == [50]
    assert stack.mvh("--stop", str(on_air[0]["serial"])) == "stopped 1\n"
    assert "no broadcast with serial number 9" in stack.mvh("--stop", "9", code=2)
    assert "not 0x99" in stack.mvh("x", "--cell", "0x99", code=2)


@pytest.mark.parametrize(("body", "rule"), [
    ([], "the body"), ({"text": "x"}, "message_id: Field required"), ({"message_id": 50}, "either text, or data"),
    ({"message_id": 50, "text": "x", "data": "00"}, "either text, or data"),
    ({"message_id": 50, "data": "0"}, "data: "), ({"message_id": "50", "text": "x"}, "message_id: "),
    ({"message_id": 50, "text": "x", "colour": 1}, "colour: "), ({"message_id": 50, "text": "x", "repeat": 0}, "10000"),
    ({"message_id": 50, "text": "x", "every": "soon"}, "duration"), ({"message_id": 70_000, "text": "x"}, "16 bits"),
    ({"message_id": 50, "text": "x", "cells": ["here"]}, "a cell's identity"),
])
def test_what_is_refused_over_the_admin_side(stack: Stack, body: object, rule: str) -> None:
    answer = stack.ask("POST", body)
    assert answer.status_code == 400
    assert rule in answer.json()["error"]


def test_octets_over_the_admin_side(stack: Stack) -> None:
    said = stack.ask("POST", {"message_id": 9, "data": "01FE", "coding": 0x44, "repeat": 2, "serial": 0x1231}).json()
    assert (said["serial"], said["pages"], said["rounds_left"]) == (0x1231, 1, 1)
    assert stack.ask("GET").json()["broadcasts"] == [said]
    assert stack.ask("DELETE").json() == {"stopped": 1}
    assert stack.ask("GET").json()["broadcasts"] == []
