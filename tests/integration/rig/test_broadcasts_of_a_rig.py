"""Cell broadcasts in a test, over the admin side, and by the command line of a running stack."""

from __future__ import annotations

import pytest
import requests
import serial

from harness.rig import RigOpener
from harness.rig.load import load_rig
from tests.integration.rig.conftest import Stack


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


@pytest.fixture(scope="module")
def stack(stack: Stack) -> Stack:
    """A running stack and ``mvh broadcast``."""
    return stack.of("broadcast")


def ask(stack: Stack, method: str, body: object = None) -> requests.Response:
    """Ask the admin side."""
    door = stack.doors["admin"]
    return requests.request(method, f"{door['url']}/broadcasts", json=body, timeout=20,
                            headers={"Authorization": f"Bearer {door['token']}"})


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
        assert "nothing is on the air" in stack.said()
        shown = stack.said("Storm at noon", "--repeat", "50", "--every", "1h")
        assert "id 50: 1 page on 1 cells, 49 times more" in shown
        said = port.read_until(b"Storm at noon\r\n")
        assert b",50,15,1,1\r\nStorm at noon\r\n" in said
    on_air = stack.json()
    assert [item["message_id"] for item in on_air] == [50]
    assert stack.said("--stop", str(on_air[0]["serial"])) == "stopped 1\n"
    assert "no broadcast with serial number 9" in stack.said("--stop", "9", code=2)
    assert "not 0x99" in stack.said("x", "--cell", "0x99", code=2)


@pytest.mark.parametrize(("body", "rule"), [
    ([], "the body"), ({"text": "x"}, "message_id: Field required"), ({"message_id": 50}, "either text, or data"),
    ({"message_id": 50, "text": "x", "data": "00"}, "either text, or data"),
    ({"message_id": 50, "data": "0"}, "data: "), ({"message_id": "50", "text": "x"}, "message_id: "),
    ({"message_id": 50, "text": "x", "colour": 1}, "colour: "), ({"message_id": 50, "text": "x", "repeat": 0}, "10000"),
    ({"message_id": 50, "text": "x", "every": "soon"}, "duration"), ({"message_id": 70_000, "text": "x"}, "16 bits"),
    ({"message_id": 50, "text": "x", "cells": ["here"]}, "a cell's identity"),
])
def test_what_is_refused_over_the_admin_side(stack: Stack, body: object, rule: str) -> None:
    answer = ask(stack, "POST", body)
    assert answer.status_code == 400
    assert rule in answer.json()["error"]


def test_octets_over_the_admin_side(stack: Stack) -> None:
    said = ask(stack, "POST", {"message_id": 9, "data": "01FE", "coding": 0x44, "repeat": 2, "serial": 0x1231}).json()
    assert (said["serial"], said["pages"], said["rounds_left"]) == (0x1231, 1, 1)
    assert ask(stack, "GET").json()["broadcasts"] == [said]
    assert ask(stack, "DELETE").json() == {"stopped": 1}
    assert ask(stack, "GET").json()["broadcasts"] == []
