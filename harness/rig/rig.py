"""A rig: what a test holds, near ends only, with the clock and the journal they share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from harness.clock import Clock
from harness.drivers.cloud import CloudClient, Fleet
from harness.drivers.modem import Modem
from harness.drivers.webhook_sink import WebhookSink
from harness.errors import UsageError
from harness.journal import Journal
from harness.rig.captures import CaptureBuffer
from harness.rig.device import BoardUnderTest
from harness.rig.firmware import FirmwareShelf

if TYPE_CHECKING:
    from harness.virtual.cloud.rig import Rig as CloudHand
    from harness.virtual.faults import Faults
    from harness.virtual.internet.internet import VirtualInternet
    from harness.virtual.network import Network


class Rig:
    """One place where a test runs.

    Attributes:
        name: of the rig file.
        description: what it is made of, in one line.
        notes: what is not as the rig file asked, and why.
        seed: of the virtual parts; None if nothing is virtual.
        cloud, modems, boards, firmware: near ends, by name where there can be several.
        capture: what crossed the virtual network, None if nobody asked for it.
    """

    def __init__(self, *, name: str, description: str, notes: list[str], seed: int | None, clock: Clock,
                 journal: Journal, cloud: CloudClient, modems: dict[str, Modem], boards: dict[str, BoardUnderTest],
                 firmware: FirmwareShelf, open_sink: Callable[[], WebhookSink], close: Callable[[], None],
                 internet: VirtualInternet | None = None, network: Network | None = None,
                 capture: CaptureBuffer | None = None, faults: Faults | None = None,
                 service: CloudHand | None = None,
                 open_replay: Callable[[Path, str, float], Modem] | None = None) -> None:
        self.name = name
        self.description = description
        self.notes = notes
        self.seed = seed
        self.clock = clock
        self.journal = journal
        self.cloud = cloud
        self.modems = modems
        self.boards = boards
        self.firmware = firmware
        self.capture = capture
        self._internet = internet
        self._network = network
        self._faults = faults
        self._service = service
        self._open_replay = open_replay
        self._open_sink = open_sink
        self._close = close
        self._sink: WebhookSink | None = None
        self._restore: list[Callable[[], object]] = []
        self._opened: set[str] = set()

    def __repr__(self) -> str:
        return f"Rig({self.name!r}, {self.description})"

    def modem(self, name: str | None = None) -> Modem:
        """Return a modem, with its port open: the one of this name, or the first.

        Raises:
            UsageError: there is none, or none of this name.
            ModemError: its port can't be opened, or it does not answer.
        """
        found = self.modems[_pick("modem", self.modems, name)]
        if found.name not in self._opened:
            found.open()
            self._opened.add(found.name)
        return found

    def replay(self, recording: str | Path, *, profile: str = "generic", pace: float = 1.0) -> Modem:
        """Return a modem that says what a recorded one said, with its port open; it reaches no network.

        What the driver sends by itself at the start is answered OK where the recording does not have it.

        Args:
            recording: a file that ``mvh modem record`` or :meth:`Modem.save_transcript` wrote.
            profile: the module it is taken for.
            pace: how long its pauses are, in units of the recorded ones.

        Raises:
            UsageError: the rig is real, or the file can't be read.
            FormatError: it is no recording.
            ModemError: it does not answer as such a modem does.
        """
        if self._open_replay is None:
            raise UsageError(f"rig {self.name!r} is real: recordings are replayed in virtual time")
        return self._open_replay(Path(recording), profile, pace)

    def board(self, name: str | None = None) -> BoardUnderTest:
        """Return a board: the one of this name, or the first; raises UsageError if there is none."""
        return self.boards[_pick("board", self.boards, name)]

    @property
    def network(self) -> Network:
        """The virtual cellular network: coverage, cells, denials, congestion.

        Raises:
            UsageError: the rig is real, and so is the network around it.
        """
        if self._network is None:
            raise UsageError(f"rig {self.name!r} is real, and so is the network around it")
        return self._network

    @property
    def faults(self) -> Faults:
        """What goes wrong with the virtual modems and network: ``rig.faults.at("12s").brown_out()``.

        Raises:
            UsageError: the rig is real, and its faults are its own.
        """
        if self._faults is None:
            raise UsageError(f"rig {self.name!r} is real: its faults are its own")
        return self._faults

    @property
    def service(self) -> CloudHand:
        """The inside of the virtual cloud: ``rig.service.plan_failure(83700)``, connection events, eSIM, maintenance.

        Raises:
            UsageError: the rig is real, and nobody sees into its cloud.
        """
        if self._service is None:
            raise UsageError(f"rig {self.name!r} is real: nobody sees into its cloud")
        return self._service

    @property
    def internet(self) -> VirtualInternet:
        """The hosts that the virtual boards and modems of this rig reach.

        Raises:
            UsageError: the rig is real, and so are its hosts.
        """
        if self._internet is None:
            raise UsageError(f"rig {self.name!r} is real: its devices reach the real internet")
        return self._internet

    @property
    def webhooks(self) -> WebhookSink:
        """A sink for webhooks, which the Fleets of all SIM cards in this rig report to until the rig is closed."""
        if self._sink is None:
            self._sink = self._open_sink()
            for name in self.modems:
                self._point_fleet(self.modem(name).iccid, self._sink.url)
        return self._sink

    def close(self) -> None:
        """Give everything back as it was found. May be called twice."""
        try:
            while self._restore:
                self._restore.pop()()
        finally:
            if self._sink is not None:
                self._sink.close()
                self._sink = None
            self._close()

    def _point_fleet(self, iccid: str, url: str) -> None:
        sim = next(self.cloud.supersim.sims(iccid=iccid), None)
        if sim is None:  # Programmable Wireless, where the Sim itself has the URL
            other = self.cloud.wireless.sim(iccid)
            url_before = str(other.data.get("commands_callback_url") or "")
            if url_before != url:
                other.update(commands_callback_url=url)
                self._restore.append(lambda: other.update(commands_callback_url=url_before))
            return
        sid = sim.fleet_sid
        if sid is None:
            return  # a Sim that is new has no Fleet, and no Commands either
        fleet = self.cloud.supersim.fleets.get(sid)
        before = {name: str(fleet.data.get(name) or "") for name in ("sms_commands_url", "ip_commands_url")}
        if before["sms_commands_url"] != url:
            fleet.update(sms_commands_url=url, ip_commands_url=url)
            self._restore.append(lambda: _put_back(fleet, before))


def _put_back(fleet: Fleet, before: dict[str, str]) -> None:
    """Give a Fleet its URLs back, as far as they differ: an empty value takes back only a URL that is there."""
    now = fleet.refresh().data
    changed = {name: url for name, url in before.items() if url != str(now.get(name) or "")}
    if changed:
        fleet.update(**changed)


def _pick(kind: str, devices: dict[str, Modem] | dict[str, BoardUnderTest], name: str | None) -> str:
    if not devices:
        raise UsageError(f"this rig has no {kind}")
    if name is None:
        return next(iter(devices))
    if name not in devices:
        raise UsageError(f"this rig has no {kind} {name!r}; it has {', '.join(devices)}")
    return name
