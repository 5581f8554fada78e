"""A bench for one modem: a carrier of plain values and a port without a terminal."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.virtual.internet.seams import Address, CloseReason, TcpConnection, TcpHandler
from harness.virtual.modem import Profile, SimCard, VirtualModem
from harness.virtual.network.seams import (
    AccessTechnology,
    Cell,
    Datagram,
    FoundOperator,
    Registration,
    RegistrationStatus,
    Session,
    SmsAccepted,
    SmsOutcome,
    Terminal,
)
from harness.virtual.world import World

CELL = Cell(plmn="310410", operator="AT&T Mobility", operator_short="AT&T", act=AccessTechnology.EMTC, tac=0x2F0B,
            ci=0xA1B2C3, rssi_dbm=-73)
ICCID, IMSI = "89883070000000000017", "310170845466094"


class BenchConnection:
    """A TCP connection whose far end is the test: call ``handler``, read ``sent``."""

    handler: TcpHandler

    def __init__(self, local: Address, remote: Address, handler: TcpHandler | None = None) -> None:
        self.local = local
        self.remote = remote
        if handler is not None:
            self.handler = handler
        self.sent = b""
        self.closed = self.half_closed = self.aborted = self.paused = False
        self.unacknowledged = 0

    def half_close(self) -> None:
        self.half_closed = True

    def abort(self) -> None:
        self.aborted = True
        self.close()

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def send(self, data: bytes) -> int:
        self.sent += data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            if hasattr(self, "handler"):
                self.handler.closed(CloseReason.LOCAL)


class BenchCarrier:
    """A network that does what the test says: it registers whoever attaches, and keeps what is handed to it."""

    connection = BenchConnection

    def __init__(self, world: World) -> None:
        self.world = world
        self.answer = Registration(status=RegistrationStatus.ROAMING, cell=CELL)
        self.outcome: SmsOutcome = SmsAccepted()
        self.apns: tuple[str, ...] = ("super",)
        self.submitted: list[bytes] = []
        self.datagrams: list[tuple[int, Datagram]] = []
        self.calls: list[str] = []
        self.silent = False
        self.hosts: dict[str, tuple[str, ...]] = {"example.com": ("192.0.2.1",)}
        self.connections: list[BenchConnection] = []
        self.listeners: dict[int, Callable[[TcpConnection], TcpHandler]] = {}
        self._attached = False

    def attach(self, terminal: Terminal) -> None:
        self.calls.append("attach")
        self._attached = True
        self.world.call_later("2s", lambda: self._register(terminal), name="bench")

    def _register(self, terminal: Terminal) -> None:
        if self._attached and not self.silent:
            terminal.registration_changed(self.answer)

    def detach(self, terminal: Terminal) -> None:
        self.calls.append("detach")
        self._attached = False

    def registration(self, terminal: Terminal) -> Registration:
        return self.answer

    def signal(self, terminal: Terminal) -> int | None:
        return self.answer.cell.rssi_dbm if self.answer.cell is not None else None

    def scan(self, terminal: Terminal) -> tuple[FoundOperator, ...]:
        return (FoundOperator(status=2, cell=self.answer.cell),) if self.answer.cell is not None else ()

    def select(self, terminal: Terminal, plmn: str | None, act: AccessTechnology | None = None) -> None:
        self.calls.append(f"select {plmn}" if act is None else f"select {plmn} {int(act)}")

    def sms_submit(self, terminal: Terminal, tpdu: bytes, done: Callable[[SmsOutcome], None]) -> None:
        self.submitted.append(tpdu)
        self.world.call_later("1s", lambda: done(self.outcome), name="bench")

    def memory_available(self, terminal: Terminal) -> None:
        self.calls.append("memory_available")

    def activate(self, terminal: Terminal, cid: int, apn: str, done: Callable[[Session | None], None]) -> None:
        self.calls.append(f"activate {cid} {apn}")
        session = Session(cid=cid, apn=apn, ip="100.64.7.8") if apn in self.apns else None
        self.world.call_later("500ms", lambda: done(session), name="bench")

    def deactivate(self, terminal: Terminal, cid: int) -> None:
        self.calls.append(f"deactivate {cid}")

    def send_datagram(self, terminal: Terminal, cid: int, datagram: Datagram) -> None:
        self.datagrams.append((cid, datagram))

    def resolve(self, terminal: Terminal, cid: int, host: str,
                done: Callable[[tuple[str, ...] | None], None]) -> None:
        self.world.call_later("50ms", lambda: done(self.hosts.get(host, ())), name="bench")

    def ping(self, terminal: Terminal, cid: int, ip: str, size: int, done: Callable[[int | None], None]) -> None:
        answer = 80_000_000 if any(ip in addresses for addresses in self.hosts.values()) else None
        self.world.call_later("80ms", lambda: done(answer), name="bench")

    def connect_tcp(self, terminal: Terminal, cid: int, port: int, destination: Address,
                    handler: TcpHandler) -> TcpConnection:
        connection = BenchConnection(("100.64.7.8", port), destination, handler)
        self.connections.append(connection)
        return connection

    def listen_tcp(self, terminal: Terminal, cid: int, port: int,
                   accept: Callable[[TcpConnection], TcpHandler] | None) -> None:
        if accept is None:
            self.listeners.pop(port, None)
        else:
            self.listeners[port] = accept


class Bench:
    """A modem with a port; echo is off once :meth:`boot` is over.

    ``at("+CSQ")`` sends a command line and returns every byte the modem said since the last call.
    """

    def __init__(self, *, profile: str | Profile = "BG96", sim: SimCard | None = None, boot: bool = True,
                 name: str = "modem-1", pace: str = "quick") -> None:
        self.world = World(seed=7)
        self.carrier = BenchCarrier(self.world)
        self.modem = VirtualModem(self.world, self.carrier, name=name, profile=profile, sim=sim, pace=pace)
        self.said = bytearray()
        self.port = self.modem.add_port(self.said.extend)
        if boot:
            self.boot()

    def boot(self) -> None:
        self.modem.power_on()
        self.wait("10s")
        self.at("E0")
        self.at("+CMEE=1")

    def wait(self, duration: str) -> bytes:
        """Let time pass and return what the modem said."""
        self.world.clock.sleep(duration)
        return self.heard()

    def heard(self) -> bytes:
        data = bytes(self.said)
        self.said.clear()
        return data

    def type(self, data: bytes) -> bytes:
        """Send bytes as they are and return what the modem said at once."""
        self.port.receive(data)
        return self.heard()

    def at(self, command: str, *, wait: str | None = None) -> bytes:
        """Send a command line and return what the modem said, after some time if it takes time."""
        said = self.type(b"AT" + command.encode("latin-1") + b"\r")
        return said + self.wait(wait) if wait else said

    def events(self, *names: str) -> list[str]:
        return [entry.event for entry in self.world.journal.select(*names, source="modem")]


def card(**changes: str) -> SimCard:
    return SimCard(ICCID, IMSI, **changes)  # type: ignore[arg-type]


@pytest.fixture
def bench() -> Bench:
    """A registered modem with a SIM card."""
    return Bench(sim=card())


@pytest.fixture
def make_bench() -> Callable[..., Bench]:
    """Makes benches: ``make_bench(sim=..., boot=False)``."""
    return Bench


@pytest.fixture
def make_card() -> Callable[..., SimCard]:
    """Makes SIM cards of the usual identity."""
    return card
