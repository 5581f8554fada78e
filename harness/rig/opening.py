"""Opening rigs: virtual far ends with their near ends, or near ends of real devices, or the one for want of the other.

A rig is real or virtual as a whole: a SIM card of a real account can't meet a virtual cloud. ``auto`` takes the real
devices if everything the rig file declares is healthy, and else opens the same rig with virtual devices and says why.
"""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from harness.clock import RealClock, VirtualClock
from harness.drivers.board import Board
from harness.drivers.cloud import KORE_URLS, CloudClient, CloudUrls, Credentials
from harness.drivers.modem import Modem, SerialChannel, find_dialect
from harness.drivers.power import CommandSwitch, PowerSwitch
from harness.drivers.webhook_sink import WebhookSink
from harness.errors import HarnessError, UsageError
from harness.journal import Journal
from harness.rig.captures import CaptureBuffer
from harness.rig.device import BoardUnderTest
from harness.rig.firmware import FirmwareShelf
from harness.rig.model import CloudTable, ModemTable, RigFile
from harness.rig.power import VirtualSwitch
from harness.rig.recorder import read_recording
from harness.rig.rig import Rig
from harness.rig.stack import VirtualStack
from harness.rig.wires import SerialWire
from harness.runtime_dir import StackDir
from harness.virtual.cloud import CloudServer
from harness.virtual.faults import Faults
from harness.virtual.modem.replay import ReplayedModem

Devices = Literal["auto", "virtual", "real"]

_URLS = {
    "twilio": CloudUrls(),
    "kore": KORE_URLS,
}

_numbers = itertools.count(1)


class RigOpener:
    """Opens rigs one after the other; the HTTP server of the virtual cloud stays up between them.

    Each virtual rig is a new world with everything in it fresh, so what one test does can't touch the next, and the
    order of tests does not change what a test does.

    Args:
        file: the rig file.
        devices: see the module's docstring.
        seed: of the virtual parts, instead of the rig file's.
        capture: whether virtual rigs keep what crosses their network.
        strict: whether virtual boards fault on registers that are not modelled, whatever the rig file says.
    """

    def __init__(self, file: RigFile, *, devices: Devices = "auto", seed: int | None = None,
                 capture: bool = False, strict: bool = False) -> None:
        self.file = file.with_strict_boards() if strict else file
        self._capture = capture
        self.seed = file.world.seed if seed is None else seed
        self.notes: list[str] = []
        self._devices = devices
        self._server: CloudServer | None = None
        self._real: bool | None = None

    def __repr__(self) -> str:
        return f"RigOpener({self.file.name!r}, devices={self._devices!r})"

    def open(self) -> Rig:
        """Return a rig; the caller closes it.

        Raises:
            HarnessError: with devices ``real``, what is not healthy.
        """
        if self._real is None:
            self._real = self._decide()
        return self._open_real() if self._real else self._open_virtual()

    def close(self) -> None:
        """Stop the server. May be called twice."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    # -- which --------------------------------------------------------------------------------------------------------

    def _decide(self) -> bool:
        if self._devices == "virtual":
            return False
        if self.file.is_virtual:
            if self._devices == "real":
                raise UsageError(f"rig {self.file.name!r} declares no real devices: name them in a rig file (--rig), "
                                 "or run with --devices=virtual")
            return False
        try:
            if self.file.cloud.kind == "virtual":
                raise UsageError("real devices need a real cloud: a virtual one has no air to reach them through")
            rig = self._open_real()
            try:
                self._check(rig)
            finally:
                rig.close()
        except HarnessError as error:
            if self._devices == "real":
                raise
            self.notes.append(f"virtual devices, because the real ones are not healthy: {error}")
            return False
        return True

    def _check(self, rig: Rig) -> None:
        next(rig.cloud.supersim.sims(), None)
        for table in self.file.modem:
            _ = rig.modem(table.name).iccid  # compared with the rig file's
        for board in self.file.board:
            rig.board(board.name).swd.read32(0xE000_ED00)  # CPUID: the probe, the cable and the chip are there

    # -- virtual ------------------------------------------------------------------------------------------------------

    def _open_virtual(self) -> Rig:
        clock = VirtualClock()
        folder = StackDir(f"test-{os.getpid()}-{next(_numbers)}")
        undo: list[Callable[[], None]] = [folder.close]
        try:
            firmware, drop = _shelf()
            undo.append(drop)
            stack = VirtualStack(self.file, clock=clock, folder=folder.path, seed=self.seed,
                                 symbols_of=firmware.symbols_of)
            undo.append(stack.close)
            capture = CaptureBuffer() if self._capture else None
            if capture is not None:
                stack.network.capture.start(capture)
            server = self._serve(stack)
            urls = server.urls
            journal = stack.world.journal
            cloud = CloudClient(
                CloudUrls(supersim=urls.supersim, wireless=urls.wireless, microvisor=urls.microvisor,
                          upload=urls.upload, token=urls.token if self.file.cloud.flavour == "kore" else None),
                Credentials(user=stack.cloud.account_sid, password=stack.cloud.auth_token), clock, journal)
            undo.append(cloud.close)
            clock.add_wire(cloud.stream_wire(server.log_streams.sent))
            modems = {}
            for table in self.file.modem:
                endpoint = stack.modems[table.name].endpoint
                assert endpoint is not None
                modems[table.name] = modem = _modem(table, str(endpoint.path), clock, journal,
                                                    VirtualSwitch(stack.world, stack.modems[table.name]))
                clock.add_wire(SerialWire(modem.channel, endpoint))
                undo.append(modem.close)
            boards = {}
            for name, board in stack.boards.items():
                boards[name] = under_test = BoardUnderTest(
                    name=name, device_sid=board.device_sid, cloud=cloud, symbols_of=firmware.symbols_of,
                    swd=Board(stack.probes[name], clock, journal, name), bench=board)
                undo.append(under_test.close)
        except BaseException:
            _run(undo)
            raise
        return Rig(name=self.file.name, description=self._describe("virtual"), notes=self.notes, seed=self.seed,
                   clock=clock, journal=journal, cloud=cloud, modems=modems, boards=boards, firmware=firmware,
                   internet=stack.internet, network=stack.network, capture=capture,
                   faults=Faults(stack.faults), service=stack.cloud.rig,
                   open_replay=_replayer(stack, folder.path, clock, undo),
                   open_sink=lambda: WebhookSink(clock, stack.cloud.auth_token, journal=journal,
                                                 kore_secret=self.file.cloud.webhook_secret),
                   close=lambda: _run(undo))

    def _serve(self, stack: VirtualStack) -> CloudServer:
        if self._server is None:
            self._server = CloudServer(stack.cloud)
            self._server.start()
        else:
            self._server.serve(stack.cloud)
        return self._server

    # -- real ---------------------------------------------------------------------------------------------------------

    def _open_real(self) -> Rig:
        clock = RealClock()
        journal = Journal(now=clock.now)
        table = self.file.cloud
        credentials = credentials_of(table)
        credentials.hide_in(journal)
        cloud = CloudClient(_URLS[table.kind], credentials, clock, journal)
        undo: list[Callable[[], None]] = [cloud.close]
        modems = {}
        for modem in self.file.modem:
            assert modem.port is not None
            modems[modem.name] = _modem(modem, modem.port, clock, journal, _switch(modem))
            undo.append(modems[modem.name].close)
        firmware, drop = _shelf()
        undo.append(drop)
        boards = {}
        for board in self.file.board:
            assert board.device_sid is not None
            boards[board.name] = BoardUnderTest(
                name=board.name, device_sid=board.device_sid, cloud=cloud, symbols_of=firmware.symbols_of,
                swd=Board(board.probe, clock, journal, board.name))
            undo.append(boards[board.name].close)
        return Rig(name=self.file.name, description=self._describe("real"), notes=self.notes, seed=None, clock=clock,
                   journal=journal, cloud=cloud, modems=modems, boards=boards, firmware=firmware,
                   open_sink=lambda: self._public_sink(clock, credentials, journal),
                   close=lambda: _run(undo))

    def _public_sink(self, clock: RealClock, credentials: Credentials, journal: Journal) -> WebhookSink:
        table = self.file.webhooks
        if table.public_url is None or not table.port:
            raise UsageError(f"rig {self.file.name!r}: a real cloud can't reach this machine by itself; set 'port' and "
                             "'public_url' in [webhooks] to a tunnel that forwards to it")
        return WebhookSink(clock, credentials.password, journal=journal, port=table.port, public_url=table.public_url,
                           kore_secret=self.file.cloud.webhook_secret)

    def _describe(self, kind: str) -> str:
        names = ", ".join([*(f"{modem.name} ({modem.profile})" for modem in self.file.modem),
                           *(f"{board.name} (stm32u585)" for board in self.file.board)])
        return f"rig {self.file.name}: {kind} cloud and devices, {names}" + (
            f", seed {self.seed}" if kind == "virtual" else "")


def credentials_of(table: CloudTable) -> Credentials:
    """Return the credentials for a real service.

    Raises:
        UsageError: there are none, neither in the environment nor in a keyring or the rig file.
    """
    given = {"TWILIO_ACCOUNT_SID": os.environ.get(table.account_sid_env, ""),
             "TWILIO_AUTH_TOKEN": os.environ.get(table.auth_token_env, "")}
    if not all(given.values()) and table.account_sid is not None:
        if table.keyring is not None:
            return Credentials.from_keyring(table.keyring, table.account_sid)
        if table.auth_token is not None:
            return Credentials(user=table.account_sid, password=table.auth_token)
    return Credentials.from_environment(given)


def _modem(table: ModemTable, port: str, clock: VirtualClock | RealClock, journal: Journal,
           power: PowerSwitch | None) -> Modem:
    dialect = None if table.profile == "auto" else find_dialect(table.profile)
    expected = {name: value for name, value in (("imei", table.imei), ("iccid", table.iccid)) if value is not None}
    channel = SerialChannel(port, clock, table.name, journal, baudrate=table.baud, rtscts=table.rtscts)
    return Modem(channel, dialect, clock, journal, table.name, expected=expected, power=power)


def _replayer(stack: VirtualStack, folder: Path, clock: VirtualClock,
              undo: list[Callable[[], None]]) -> Callable[[Path, str, float], Modem]:
    """Return what opens a recording in the world of a stack; see :meth:`Rig.replay`."""

    def replay(path: Path, profile: str, pace: float) -> Modem:
        recording, name = read_recording(path), f"{path.stem}-{next(_numbers)}"
        dialect = find_dialect(profile)
        with stack.world.turn():
            far = ReplayedModem(stack.world, recording, folder / f"replay-{next(_numbers)}", name=name, pace=pace,
                                obliging=frozenset({"AT", *(step.command for step in dialect.setup)}))
        undo.append(far.close)
        journal = stack.world.journal
        modem = Modem(SerialChannel(str(far.endpoint.path), clock, name, journal), dialect, clock, journal, name,
                      power=VirtualSwitch(stack.world, far))
        clock.add_wire(SerialWire(modem.channel, far.endpoint))
        undo.append(modem.close)
        modem.open()
        return modem

    return replay


def _switch(table: ModemTable) -> PowerSwitch | None:
    return CommandSwitch(off=table.power.off, on=table.power.on) if table.power is not None else None


def _shelf() -> tuple[FirmwareShelf, Callable[[], None]]:
    folder = tempfile.TemporaryDirectory(prefix="mvh-firmware-")
    return FirmwareShelf(Path(folder.name)), folder.cleanup


def _run(undo: list[Callable[[], None]]) -> None:
    """Undo everything, the last first, also if one of them fails; the first failure is raised at the end."""
    first: BaseException | None = None
    while undo:
        try:
            undo.pop()()
        except Exception as error:
            first = first or error
    if first is not None:
        raise first
