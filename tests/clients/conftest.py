"""A modem in real time, registered, for programs that nobody here wrote."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import pytest

from harness.clock import RealClock, Stopwatch, pause
from harness.virtual.modem import SimCard, VirtualModem, fixed_dialling
from harness.virtual.network import Network, NetworkSettings
from harness.virtual.network.seams import Address, SmsProgress, Subscription
from harness.virtual.world import World
from tests.clients.environment import Stack, running_stack

ICCID, IMSI = "89883070000000000017", "310170845466094"


class OpenCloud:
    """A cloud that lets every card in and keeps what devices send to it."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def subscription(self, iccid: str) -> Subscription | None:
        return Subscription(sim_sid="HS" + "0" * 32, attach_allowed=True, sms_allowed=True, data_allowed=True)

    def core_failure(self, iccid: str, *, session: bool) -> int:
        return 0

    def sms_received(self, iccid: str, text: str | bytes) -> None:
        self.texts.append(text if isinstance(text, str) else text.hex())

    def ip_received(self, iccid: str, source: Address, destination: Address, payload: bytes) -> None:
        raise AssertionError("no client here sends datagrams")


class Place:
    """One modem at a link, and the cloud behind it."""

    def __init__(self, link: Path, *, profile: str = "BG96", ports: Sequence[str] = ()) -> None:
        self.link = link
        self.world = World(seed=5, clock=RealClock())
        self.cloud = OpenCloud()
        self.network = Network(self.world, settings=NetworkSettings(registration_delay="20ms", sms_latency="20ms"))
        self.network.connect_cloud(self.cloud)
        self.modem = VirtualModem(self.world, self.network, name="modem-1", profile=profile, link=link,
                                  ports=ports, time_scale=0,
                                  sim=SimCard(ICCID, IMSI, msisdn="+15550001111"))
        self.world.start()
        with self.world.turn():
            self.modem.power_on()
        self.until(lambda: self.modem.radio.served, "registration")

    def send(self, text: str) -> Callable[[], bool]:
        """Send a text to the modem; return what tells whether it was delivered."""
        delivered: list[bool] = []
        with self.world.turn():
            self.network.send_sms(ICCID, text, SmsProgress(
                attempted=lambda: None, delivered=lambda: delivered.append(True), failed=lambda cause: None))
        return lambda: bool(delivered)

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
        watch = Stopwatch()
        while not condition():
            assert watch.seconds < seconds, f"no {what} within {seconds} s"
            pause(0.01)

    def until_threads_end(self, name: str) -> None:
        """Wait for a client's threads with this in their name: they must not lose their port in mid-dialogue."""
        self.until(lambda: not any(name in thread.name for thread in threading.enumerate()), f"end of {name}")

    def close(self) -> None:
        with self.world.turn():
            self.modem.close()
        self.world.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A running ``mvh up``, and the environment that its user's shell would have."""
    yield from running_stack(tmp_path_factory.mktemp("run"))


@pytest.fixture
def place() -> Iterator[Place]:
    """A place with one registered modem in real time.

    Its port has a short path, which gnokii wants, and a name of its own: UUCP locks go by the last part of the name.
    """
    with tempfile.TemporaryDirectory() as folder:
        opened = Place(Path(folder) / f"ttyVM{uuid4().hex[:8]}")
        yield opened
        opened.close()
    # what terminal programs leave that are killed
    Path(f"/var/lock/LCK..{opened.link.name}").unlink(missing_ok=True)


@pytest.fixture
def fixed(place: Place) -> None:
    """The card in the modem lets only fixed numbers be called."""
    card = place.modem.slot.card
    assert card is not None
    with place.world.turn():
        fixed_dialling.switch(card, True)
