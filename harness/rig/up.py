"""The whole virtual stack in real time, for programs of other people: HTTP, serial ports and debug probes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from harness.clock import RealClock
from harness.errors import UsageError
from harness.journal import Journal
from harness.rig.captures import CaptureFile
from harness.rig.doors import DOORS_FILE
from harness.rig.model import RigFile
from harness.rig.stack import VirtualStack
from harness.rig.state import StateFolder
from harness.runtime_dir import StackDir, running_stacks
from harness.virtual.board.debug.link import SwdServer, socket_uid
from harness.virtual.cloud import CloudPorts, CloudServer
from harness.virtual.cloud.http.front import HOSTS
from harness.virtual.cloud.http.tls import make_tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """Roots of the four hosts, without ``/v1``."""

    supersim: str
    wireless: str
    microvisor: str
    upload: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsDoor:
    """How programs come in that know only the services' own host names: by a proxy, trusting a certificate.

    ``https`` is the TLS port itself, for clients that connect elsewhere than they say (curl's ``--connect-to``).
    """

    https: str
    proxy: str
    ca_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDoor:
    """The virtual cloud's own side: ``url`` ends in ``/_harness``; ``token`` is a bearer token."""

    url: str
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ModemDoor:
    """Where a modem is: ``port`` is what a terminal program opens, ``ports`` are all its AT ports."""

    name: str
    port: str
    ports: list[str]
    sim_sid: str
    iccid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardDoor:
    """Where a board is: ``probe`` is what pyocd takes with -u; ``consoles`` are the ports of serial interfaces."""

    name: str
    device_sid: str
    probe: str
    consoles: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Everything a program needs to hold the near ends of a running stack."""

    account_sid: str
    auth_token: str
    urls: Urls
    tls: TlsDoor
    admin: AdminDoor
    modems: list[ModemDoor]
    boards: list[BoardDoor]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


class RunningStack:
    """A virtual stack that lives in real time until it is closed.

    Args:
        file: what there is. Real devices are no part of a virtual stack.
        pcap: file that gets what crosses the network.
        state: folder in which the cloud's state is kept; in memory without.

    Raises:
        UsageError: the rig file declares real devices, or the capture can't be written.
        PortTaken: a port or the stack's name is in use; nothing is left behind.
        StoreError: the state folder can't be used; it was not changed.
    """

    def __init__(self, file: RigFile, *, pcap: Path | None = None, state: Path | None = None) -> None:
        if not file.is_virtual:
            raise UsageError(f"rig {file.name!r} declares real devices: 'mvh up' starts virtual ones only")
        self._undo: list[Callable[[], None]] = []
        try:
            folder = StackDir(_free_name(file.name))
            self._undo.append(folder.close)
            kept = None
            if state is not None:
                kept = StateFolder(state)
                self._undo.append(kept.close)
                kept.check(file)
            self._stack = VirtualStack(file, clock=RealClock() if kept is None else kept.clock(), folder=folder.path,
                                       state=kept)
            self._undo.append(self._stack.close)
            if pcap is not None:
                capture = CaptureFile(pcap)
                self._undo.append(capture.close)
                self._stack.network.capture.start(capture)
            ports = CloudPorts() if file.cloud.ports is None else CloudPorts(
                **dict(zip(("supersim", "wireless", "microvisor", "upload"), file.cloud.ports, strict=True)))
            server = CloudServer(self._stack.cloud, file.cloud.host, ports=ports, tls=make_tls(folder.path, HOSTS))
            server.start()
            self._undo.append(server.stop)
            probes = {}
            for name in self._stack.boards:
                path = folder.path / f"{name}.swd"
                self._undo.append(SwdServer(self._stack.world, self._stack.debug_port(name), path).close)
                probes[name] = socket_uid(path)
            self._stack.start()
        except BaseException:
            self.close()
            raise
        self.doors = Doors(
            account_sid=self._stack.cloud.account_sid, auth_token=self._stack.cloud.auth_token,
            urls=Urls(supersim=server.urls.supersim, wireless=server.urls.wireless, microvisor=server.urls.microvisor,
                      upload=server.urls.upload),
            tls=TlsDoor(**asdict(server.doors)),
            admin=AdminDoor(url=f"{server.urls.supersim}/_harness", token=self._stack.cloud.admin_token),
            modems=[ModemDoor(name=name, port=str(modem.endpoint.path), ports=list(modem.ports.addresses),
                              sim_sid=self._stack.sims[name], iccid=modem.iccid)
                    for name, modem in self._stack.modems.items() if modem.endpoint is not None],
            boards=[BoardDoor(name=name, device_sid=board.device_sid, probe=probes[name],
                              consoles=self._stack.consoles.get(name, {}))
                    for name, board in self._stack.boards.items()])
        _publish(folder.path, self.doors)

    def __repr__(self) -> str:
        return f"RunningStack({self._stack!r})"

    @property
    def journal(self) -> Journal:
        """What happens in it."""
        return self._stack.world.journal

    def tell_what_never_happened(self) -> None:
        """Write into the journal which faults have not struck."""
        self._stack.faults.tell_unstruck()

    def close(self) -> None:
        """Switch everything off: no thread, port, link or socket stays. May be called twice."""
        while self._undo:
            self._undo.pop()()


def _publish(folder: Path, doors: Doors) -> None:
    """Let other programs of this user find the doors: in one step, and for nobody else's eyes."""
    temporary = folder / f".{DOORS_FILE}"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(doors.to_json(), file)
    temporary.replace(folder / DOORS_FILE)


def _free_name(name: str) -> str:
    """Return the rig's name, or with the process number if a stack of that name runs already."""
    taken = {folder.name for folder in running_stacks()}
    return name if name not in taken else f"{name}-{os.getpid()}"
