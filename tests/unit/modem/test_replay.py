"""Modems that say what a recording says: the same client, others, and what was never recorded."""

from __future__ import annotations

import os
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import VirtualClock
from harness.formats.recording import Recording
from harness.virtual.modem.replay import ReplayedModem
from harness.virtual.world import World

SESSION = r"""
# a module that is slow to start, denied at first, and tells of a text by itself
0.000 < \r\nRDY\r\n
2.000 > ATE0\r
2.100 < ATE0\r\r\nOK\r\n
3.000 > AT+CEREG?\r
3.010 < \r\n+CEREG: 2,3\r\n\r\nOK\r\n
4.000 > AT+CSQ\r
4.010 < \r\n+CSQ: 21,99\r\n\r\nOK\r\n
5.000 > AT+CEREG?\r
5.010 < \r\n+CEREG: 2,5\r\n\r\nOK\r\n
6.000 > AT+CMGS=14\r
6.020 < \r\n>\x20
6.100 > 0001000381000F00000441E1909C0E\x1a
8.100 < \r\n+CMGS: 7\r\n\r\nOK\r\n
68.10 < \r\n+CMTI: "ME",0\r\n
"""


class Client:
    """Whoever has the port open."""

    def __init__(self, world: World, modem: ReplayedModem) -> None:
        self.world, self.modem = world, modem
        self.descriptor = os.open(modem.endpoint.path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(self.descriptor)
        self.wait("1s")

    def wait(self, span: str) -> bytes:
        """Let time pass; return what came."""
        self.modem.endpoint.pump(0)
        self.world.clock.sleep(span)
        self.modem.endpoint.pump(0)
        try:
            return os.read(self.descriptor, 65_536)
        except BlockingIOError:
            return b""

    def say(self, data: bytes, wait: str = "1s") -> bytes:
        os.write(self.descriptor, data)
        return self.wait(wait)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    world = World(seed=1, clock=VirtualClock())
    modem = ReplayedModem(world, Recording.parse(SESSION), tmp_path / "port")
    client = Client(world, modem)
    yield client
    os.close(client.descriptor)
    modem.close()
    modem.close()
    world.close()


def answers(client: Client, *commands: str) -> list[bytes]:
    return [client.say(command.encode("ascii") + b"\r") for command in commands]


def test_the_same_client_gets_the_same_answers_after_the_same_time(client: Client) -> None:
    assert client.say(b"ATE0\r", "90ms") == b""
    assert client.wait("10ms") == b"ATE0\r\r\nOK\r\n"
    assert [line.split()[1] for line in answers(client, "AT+CEREG?", "AT+CSQ", "AT+CEREG?")] == [
        b"2,3", b"21,99", b"2,5"]
    assert client.say(b"AT+CMGS=14\r") == b"\r\n> "
    assert client.say(b"0001000381000F00000441E1909C0E\x1a", "3s") == b"\r\n+CMGS: 7\r\n\r\nOK\r\n"
    assert client.wait("56s") == b""
    assert client.wait("3s") == b'\r\n+CMTI: "ME",0\r\n'


def test_another_client_may_leave_out_repeat_and_ask_for_what_there_is_not(client: Client) -> None:
    assert b"+CSQ" in client.say(b"AT+CSQ\r")
    assert b"2,3" in client.say(b"AT+CEREG?\r")
    assert b"2,3" in client.say(b"AT+CEREG?\r")
    client.wait("2s")
    assert b"2,5" in client.say(b"AT+CEREG?\r")
    assert client.say(b"AT+C") == b""
    assert b"+CSQ" in client.say(b"SQ\r")
    assert client.say(b"AT+CPIN?\r") == b"\r\nERROR\r\n"
    assert client.say(b"\r\nAT+CIMI\r\n") == b"\r\nERROR\r\n"
    assert client.modem.unknown == [r"AT+CPIN?\r", r"AT+CIMI\r"]
    assert b"2,5" in client.say(b"AT+CEREG?\r")


@pytest.mark.parametrize("payload", [b"00010003810010000004C8329BFD\x1a", b"anything\x1a"])
def test_a_text_at_the_prompt_may_be_another_one(client: Client, payload: bytes) -> None:
    client.say(b"AT+CMGS=14\r")
    assert client.say(payload[:4]) + client.say(payload[4:], "3s") == b"\r\n+CMGS: 7\r\n\r\nOK\r\n"


def test_escape_leaves_the_prompt(client: Client) -> None:
    client.say(b"AT+CMGS=14\r")
    assert client.say(b"\x1b") == b""
    assert b"+CSQ" in client.say(b"AT+CSQ\r")


def test_it_begins_anew(client: Client) -> None:
    assert [line.split()[1] for line in answers(client, "AT+CEREG?", "AT+CSQ", "AT+CEREG?", "AT+CEREG?")] == [
        b"2,3", b"21,99", b"2,5", b"2,5"]
    client.modem.power_off()
    assert client.say(b"AT+CSQ\r") == b""
    client.modem.power_on()
    assert client.wait("1s") == b"\r\nRDY\r\n"
    assert b"2,3" in client.say(b"AT+CEREG?\r")


def test_pauses_can_be_left_out(tmp_path: Path) -> None:
    world = World(seed=1, clock=VirtualClock())
    modem = ReplayedModem(world, Recording.parse(SESSION), tmp_path / "port", pace=0)
    client = Client(world, modem)
    client.say(b"AT+CMGS=14\r", "0s")
    assert client.say(b"0001000381000F00000441E1909C0E\x1a", "0s").endswith(b'\r\n+CMTI: "ME",0\r\n')
    os.close(client.descriptor)
    modem.close()
    world.close()


def test_an_empty_recording_knows_nothing(tmp_path: Path) -> None:
    world = World(seed=1, clock=VirtualClock())
    modem = ReplayedModem(world, Recording(()), tmp_path / "port")
    client = Client(world, modem)
    assert client.say(b"AT\r") == b"\r\nERROR\r\n"
    os.close(client.descriptor)
    modem.close()
    world.close()
