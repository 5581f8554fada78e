"""A small scripted modem at the far end of a pseudo-terminal, on either clock."""

from __future__ import annotations

import os
import select
import tempfile
import tty
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest

from harness.clock import Clock, Duration, RealClock
from harness.drivers.modem import QUECTEL, Modem, SerialChannel
from harness.journal import Journal
from harness.rig.wires import SerialWire
from harness.virtual.world import World

Answer = str | bytes | Callable[[str], str | bytes]
Script = dict[str, Answer | list[Answer]]


class ScriptedPeer:
    """Answers each command line with what the script says: an answer, or a list of answers used up in turn."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        # by a link of its own, as numbers of pseudo-terminals are given to others at once
        self._folder = tempfile.TemporaryDirectory(prefix="peer-")
        self.path = f"{self._folder.name}/tty"
        os.symlink(os.ttyname(slave), self.path)
        self._slave = slave  # held open, so that a closed client is no hang-up
        os.set_blocking(self.master, False)
        self.bytes_sent = self.bytes_received = 0
        self.echo = False
        self.deaf = False
        self.commands: list[str] = []
        self.data: list[bytes] = []
        self.script: Script = {}
        self._input = bytearray()
        self._wanted: int | bytes | None = None
        self._after_data: str = ""
        for command in ("AT", "ATE0", "ATV1", "AT+CMEE=1", "AT+CMGF=0", "AT+CNMI=2,1,0,0,0", "AT+CREG=2",
                        "AT+CEREG=2"):
            self.script[command] = ok()

    def fileno(self) -> int:
        return self.master

    def send(self, data: str | bytes) -> None:
        octets = data.encode("latin-1") if isinstance(data, str) else data
        while octets:
            count = os.write(self.master, octets)
            self.bytes_sent += count
            octets = octets[count:]

    def prompt(self, wanted: int | bytes, then: str) -> None:
        """Send the prompt, take so many octets or all up to a terminator, and answer ``then``."""
        self._wanted, self._after_data = wanted, then
        self.send("\r\n> ")

    def pump(self, timeout_seconds: float = 0.0) -> bool:
        if not select.select([self.master], [], [], timeout_seconds)[0]:
            return False
        data = os.read(self.master, 4096)
        self.bytes_received += len(data)
        if self.deaf:
            return True
        self._input += data
        while self._step():
            pass
        return True

    def hang_up(self) -> None:
        for descriptor in (self.master, self._slave):
            if descriptor >= 0:
                os.close(descriptor)
        self.master = self._slave = -1
        self._folder.cleanup()

    def _step(self) -> bool:
        if self._wanted is not None:
            return self._take_data(self._wanted)
        if b"\r" not in self._input:
            return False
        raw, _, rest = bytes(self._input).partition(b"\r")
        self._input = bytearray(rest)
        line = raw.replace(b"\x1b", b"").decode("latin-1")
        if self.echo:
            self.send(line + "\r")
        if line:
            self.commands.append(line)
            self._answer(line)
        return True

    def _take_data(self, wanted: int | bytes) -> bool:
        if b"\x1b" in self._input and isinstance(wanted, bytes):
            del self._input[:self._input.index(b"\x1b") + 1]
            self._wanted = None
            self.send(ok())
            return True
        enough = len(self._input) >= wanted if isinstance(wanted, int) else wanted in self._input
        end = wanted if isinstance(wanted, int) else self._input.find(wanted)
        if not enough:
            return False
        self.data.append(bytes(self._input[:end]))
        del self._input[:end + (0 if isinstance(wanted, int) else len(wanted))]
        self._wanted = None
        self.send(self._after_data)
        return True

    def _answer(self, line: str) -> None:
        answer = self.script.get(line, "\r\nERROR\r\n")
        if isinstance(answer, list):
            answer = answer.pop(0) if answer else "\r\nERROR\r\n"
        if callable(answer):
            answer = answer(line)
        self.send(answer)


def ok(*lines: str) -> str:
    """Return information lines and OK as a modem frames them."""
    return "".join(f"\r\n{line}\r\n" for line in (*lines, "OK"))


@dataclass
class Bench:
    """A driver and the scripted peer at its wire."""

    clock: Clock
    journal: Journal
    peer: ScriptedPeer
    channel: SerialChannel
    modem: Modem
    world: World | None

    def later(self, delay: Duration, *pieces: str | bytes) -> None:
        """Let the peer send something by itself, a while from now; at once on the real clock."""
        for number, piece in enumerate(pieces):
            if self.world is None:
                self.peer.send(piece)
            else:
                self.world.call_later(delay, lambda piece=piece: self.peer.send(piece),  # type: ignore[misc]
                                      name=f"peer-{number}")

    @staticmethod
    def ok(*lines: str) -> str:
        return ok(*lines)


def _make(world: World | None, clock: Clock, journal: Journal) -> Bench:
    peer = ScriptedPeer()
    channel = SerialChannel(peer.path, clock, "modem-1", journal)
    modem = Modem(channel, QUECTEL, clock, journal, "modem-1")
    return Bench(clock, journal, peer, channel, modem, world)


def _release(bench: Bench) -> None:
    bench.modem.close()
    bench.peer.hang_up()


@pytest.fixture
def virtual() -> Iterator[Bench]:
    world = World(seed=1)
    bench = _make(world, world.clock, world.journal)
    wire = SerialWire(bench.channel, bench.peer)
    assert not isinstance(world.clock, RealClock)
    world.clock.add_wire(wire)
    yield bench
    _release(bench)
    world.close()


@pytest.fixture
def real() -> Iterator[Bench]:
    clock = RealClock()
    bench = _make(None, clock, Journal(now=clock.now))
    clock.watch(bench.peer)
    yield bench
    clock.unwatch(bench.peer)
    _release(bench)


@pytest.fixture(params=["virtual", "real"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """The bench on each clock in turn."""
    made: Bench = request.getfixturevalue(request.param)
    return made
