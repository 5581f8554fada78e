"""A modem on a real virtual network, with a port in memory, a cloud of plain values, and a fault plan."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.virtual.faults import FaultPlan, Faults
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import CloseReason, TcpConnection
from harness.virtual.modem import SimCard, VirtualModem
from harness.virtual.network import Network, NetworkSettings
from harness.virtual.network.seams import Address, SmsProgress, Subscription
from harness.virtual.world import World

ICCID, IMSI = "89883070000000000017", "732123000000001"


class BenchCloud:
    """Lets every SIM card do everything, and keeps what devices send."""

    def __init__(self) -> None:
        self.texts: list[str | bytes] = []
        self.datagrams: list[bytes] = []

    def subscription(self, iccid: str) -> Subscription | None:
        return Subscription(sim_sid="HS" + "0" * 32, attach_allowed=True, sms_allowed=True, data_allowed=True)

    def core_failure(self, iccid: str, *, session: bool) -> int:
        return 0

    def sms_received(self, iccid: str, text: str | bytes) -> None:
        self.texts.append(text)

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None:
        self.datagrams.append(payload)


class Shout:
    """A host's end of a connection: sends everything back in capitals, and keeps what it heard."""

    def __init__(self, connection: TcpConnection) -> None:
        self.connection = connection
        self.data = b""
        self.ends: list[str] = []

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None:
        self.data += data
        self.connection.send(data.upper())

    def half_closed(self) -> None:
        self.ends.append("half closed")

    def closed(self, reason: CloseReason) -> None:
        self.ends.append(reason.value)


class FaultBench:
    """``at("+CSQ")`` sends a command line and returns every octet the modem said since the last call."""

    def __init__(self, *, seed: int = 7, boot: bool = True, settings: NetworkSettings | None = None,
                 profile: str = "BG96", link: Path | None = None, ports: tuple[str, ...] = ()) -> None:
        self.world = World(seed=seed)
        self.network = Network(self.world, settings=settings)
        self.cloud = BenchCloud()
        self.network.connect_cloud(self.cloud)
        self.internet = VirtualInternet(self.world, latency="10ms")
        self.network.connect_internet(self.internet)
        self.internet.connect_devices(self.network)
        self.plan = FaultPlan(self.world)
        self.faults = Faults(self.plan)
        self.network.connect_faults(self.plan)
        self.card = SimCard(ICCID, IMSI, imsis=("310170845466094",))
        self.modem = VirtualModem(self.world, self.network, name="modem-1", profile=profile, sim=self.card,
                                  link=link, ports=ports)
        self.modem.connect_faults(self.plan)
        self.said = bytearray()
        self.chunks: list[tuple[int, bytes]] = []
        self.port = self.modem.add_port(self._hear)
        self.deliveries: list[str] = []
        if boot:
            self.boot()

    def _hear(self, data: bytes) -> None:
        self.said += data
        self.chunks.append((self.world.now(), data))

    def boot(self) -> None:
        self.modem.power_on()
        self.wait("10s")
        self.at("E0")
        self.at("+CMEE=1")

    def wait(self, duration: str) -> bytes:
        self.world.clock.sleep(duration)
        return self.heard()

    def heard(self) -> bytes:
        data = bytes(self.said)
        self.said.clear()
        return data

    def type(self, data: bytes, *, wait: str | None = None) -> bytes:
        """Send octets as they are and return what the modem said, after some time if it takes time."""
        with self.world.turn():
            self.port.receive(data)
        return self.heard() + (self.wait(wait) if wait else b"")

    def at(self, command: str, *, wait: str | None = None) -> bytes:
        return self.type(b"AT" + command.encode("latin-1") + b"\r", wait=wait)

    def injected(self, kind: str) -> int:
        """Return how often a kind of fault struck, as the journal tells it."""
        return sum(entry.data["kind"] == kind for entry in self.world.journal.select("fault_injected", source="fault"))

    def text(self, text: str) -> None:
        """Let the cloud send a text to the modem."""
        with self.world.turn():
            self.network.send_sms(ICCID, text, SmsProgress(
                attempted=lambda: self.deliveries.append("attempted"),
                delivered=lambda: self.deliveries.append("delivered"),
                failed=lambda cause: self.deliveries.append(f"failed {cause}")))

    def online(self, *, mode: int = 1, port: int = 6969) -> None:
        """Open a UDP service on the modem."""
        self.at('+QICSGP=1,1,"super","","",0')
        assert b"\r\nOK\r\n" in self.at("+QIACT=1", wait="2s")
        assert b"+QIOPEN: 0,0" in self.at(f'+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,{port},{mode}', wait="1s")

    def datagram(self, payload: bytes, port: int = 6969) -> None:
        """Let the IP gateway send a datagram to the modem."""
        with self.world.turn():
            self.network.send_ip(ICCID, port, payload, lambda ip: None)

    def send_datagram(self, payload: bytes, to: str = '"100.64.0.1",6969') -> bytes:
        """Let the modem's client send a datagram by the command of a length."""
        self.at(f"+QISEND=0,{len(payload)},{to}")
        return self.type(payload, wait="1s")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "strikes(kind, ...): shows these kinds of faults; fails if one never struck")


@pytest.fixture(autouse=True)
def every_kind_struck(request: pytest.FixtureRequest) -> Iterator[None]:
    """After a test that is marked as the one that shows a kind of fault: it did strike."""
    wanted = [kind for mark in request.node.iter_markers("strikes") for kind in mark.args]
    if not wanted:
        yield
        return
    bench: FaultBench = request.getfixturevalue("bench")
    yield
    never = [kind for kind in wanted if not bench.injected(kind)]
    assert not never, f"never struck: {never}"


@pytest.fixture
def bench() -> FaultBench:
    """A registered modem, echo off, numeric errors."""
    return FaultBench()


@pytest.fixture
def make_bench() -> type[FaultBench]:
    """Makes benches: ``make_bench(seed=3, boot=False)``."""
    return FaultBench
