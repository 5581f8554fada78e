"""The boards of this process that a debugger can reach, and where their sockets are. Imports nothing heavy."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.virtual.board.debug.port import DebugPort

PREFIX = "mvh:"
"""What the unique ids of virtual probes begin with; pyOCD takes it for the type of the probe."""

_ports: dict[str, DebugPort] = {}
_own_sockets: set[Path] = set()
_lock = threading.Lock()


def register(port: DebugPort) -> str:
    """Let debuggers in this process find ``port``; return the unique id of its probe, ``mvh:NAME``.

    A second board of the same name gets ``mvh:NAME.2``, and so on: two rigs in one process don't meet.
    """
    with _lock:
        uid, number = f"{PREFIX}{port.name}", 1
        while uid in _ports:
            number += 1
            uid = f"{PREFIX}{port.name}.{number}"
        _ports[uid] = port
        return uid


def unregister(port: DebugPort) -> None:
    """Forget ``port``; no error if it is not known."""
    with _lock:
        for uid in [uid for uid, known in _ports.items() if known is port]:
            del _ports[uid]


def ports() -> dict[str, DebugPort]:
    """Return the boards of this process by the unique id of their probe."""
    with _lock:
        return dict(_ports)


def add_own_socket(path: Path) -> None:
    """Take note that this process serves ``path``: its boards are found without it."""
    with _lock:
        _own_sockets.add(path)


def remove_own_socket(path: Path) -> None:
    """Forget ``path``; no error if it is not known."""
    with _lock:
        _own_sockets.discard(path)


def own_sockets() -> frozenset[Path]:
    """Return the sockets this process serves."""
    with _lock:
        return frozenset(_own_sockets)
