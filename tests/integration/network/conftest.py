"""A virtual modem on a pseudo-terminal, the network around it, a cloud of a few lines, and the driver at the wire."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from harness.clock import RealClock, VirtualClock
from harness.drivers.modem import QUECTEL, Dialect, Modem, SerialChannel
from harness.rig.power import VirtualSwitch
from harness.rig.wires import SerialWire
from harness.virtual.faults import FaultPlan, Faults
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.modem import SimCard, VirtualModem
from harness.virtual.network import Network, NetworkSettings
from harness.virtual.network.seams import Address, SmsProgress, Subscription
from harness.virtual.world import World

ICCID = "8988307000000000001"


@dataclass
class SmallCloud:
    """One SIM card that may do everything."""

    texts: list[str] = field(default_factory=list)
    datagrams: list[tuple[Address, Address, bytes]] = field(default_factory=list)
    active: bool = True

    def subscription(self, iccid: str) -> Subscription | None:
        if iccid != ICCID:
            return None
        return Subscription(sim_sid="HS" + "0" * 32, attach_allowed=self.active, sms_allowed=self.active,
                            data_allowed=self.active)

    def core_failure(self, iccid: str, *, session: bool) -> int:
        return 0

    def sms_received(self, iccid: str, text: str | bytes) -> None:
        self.texts.append(text if isinstance(text, str) else text.hex())

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None:
        self.datagrams.append((source, destination, payload))


@dataclass
class Lab:
    """Everything between the cloud's seam and a test's hand."""

    world: World
    network: Network
    cloud: SmallCloud
    far: VirtualModem
    modem: Modem
    internet: VirtualInternet
    faults: Faults

    def send_sms(self, text: str) -> list[str]:
        """Send a text as the cloud does; return the list in which its progress is noted."""
        steps: list[str] = []
        with self.world.turn():
            self.network.send_sms(ICCID, text, SmsProgress(attempted=lambda: steps.append("attempted"),
                                                           delivered=lambda: steps.append("delivered"),
                                                           failed=lambda cause: steps.append(f"failed {cause}")))
        return steps

    def close(self) -> None:
        """Let go of everything. May be called twice."""
        self.modem.close()
        with self.world.turn():
            self.far.close()
        self.internet.close()
        self.world.close()

    def send_ip(self, port: int, payload: bytes) -> list[str | None]:
        """Send a datagram as the cloud does; return the list in which its answer is noted."""
        answers: list[str | None] = []
        with self.world.turn():
            self.network.send_ip(ICCID, port, payload, answers.append)
        return answers


MakeLab = Callable[..., Lab]


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[MakeLab]:
    """Return a function that builds a lab; ``clock`` and ``seed`` are the world's, the rest are network settings."""
    labs: list[Lab] = []

    def build(*, seed: int = 1, clock: VirtualClock | RealClock | None = None, hold_banner: bool = False,
              time_scale: float = 1.0, garble: bool = False, profile: str = "BG96", dialect: Dialect | None = QUECTEL,
              expected: Mapping[str, str] | None = None, **settings: object) -> Lab:
        world = World(seed=seed, clock=clock)
        network = Network(world, settings=NetworkSettings(**settings))  # type: ignore[arg-type]
        cloud = SmallCloud()
        network.connect_cloud(cloud)
        internet = VirtualInternet(world)
        network.connect_internet(internet)
        internet.connect_devices(network)
        far = VirtualModem(world, network, name="modem-1", profile=profile, sim=SimCard(ICCID, "732123000000001"),
                           link=tmp_path / f"ttyVM{len(labs)}", hold_banner=hold_banner, time_scale=time_scale,
                           garble=garble)
        channel = SerialChannel(str(tmp_path / f"ttyVM{len(labs)}"), world.clock, "modem-1", world.journal)
        if isinstance(world.clock, VirtualClock):
            assert far.endpoint is not None
            world.clock.add_wire(SerialWire(channel, far.endpoint))
        else:
            world.start()
        modem = Modem(channel, dialect, world.clock, world.journal, "modem-1", expected=expected,
                      power=VirtualSwitch(world, far))
        plan = FaultPlan(world)
        network.connect_faults(plan)
        far.connect_faults(plan)
        lab = Lab(world, network, cloud, far, modem, internet, Faults(plan))
        labs.append(lab)
        return lab

    yield build
    for lab in labs:
        lab.close()


@pytest.fixture
def lab(make_lab: MakeLab) -> Lab:
    """A lab in virtual time with the modem on and the driver in step."""
    made = make_lab()
    made.far.power_on()
    made.modem.open(within="60s")
    return made
