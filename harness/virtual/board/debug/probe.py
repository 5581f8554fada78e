"""The virtual board as a pyOCD debug probe; :mod:`~harness.virtual.board.debug.plugin` makes it known as ``mvh``.

pyOCD imports this module in every run of every user, so it imports little and does nothing until asked for probes.
Then it names the boards of this process, and those of running stacks by the sockets in their folders. Where none runs,
it names none.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from pyocd.board.board_ids import BoardInfo
from pyocd.core import exceptions
from pyocd.probe.aggregator import PROBE_CLASSES
from pyocd.probe.debug_probe import DebugProbe

from harness.errors import HarnessError, ProbeError
from harness.runtime_dir import running_stacks
from harness.virtual.board.debug import registry
from harness.virtual.board.debug.operations import MAX_WORDS, Fault, Kind, Operation

if TYPE_CHECKING:
    from pathlib import Path

    from harness.virtual.board.debug.operations import Link
    from harness.virtual.board.debug.port import DebugPort

TARGET_TYPE = "stm32u585"
_QUEUE_LIMIT = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A board that could be connected to.

    Attributes:
        uid: unique id of its probe.
        name: name of the board.
        connect: claims it and returns the link; raises ProbeError.
    """

    uid: str
    name: str
    connect: Callable[[], Link]


def candidates() -> list[Candidate]:
    """Return the boards of this process and of running stacks, in the order of their unique ids."""
    found = [Candidate(uid=uid, name=port.name, connect=partial(_connect_local, port))
             for uid, port in registry.ports().items()]
    with contextlib.suppress(HarnessError, OSError):  # no usable runtime folder: nothing runs there
        own = registry.own_sockets()
        for stack in running_stacks():
            for path in sorted(stack.glob("*.swd")):
                if path not in own:
                    uid = f"{registry.PREFIX}{stack.name}/{path.stem}"
                    found.append(Candidate(uid=uid, name=path.stem, connect=partial(_connect_remote, path)))
    return sorted(found, key=lambda candidate: candidate.uid)


def _connect_local(port: DebugPort) -> Link:
    from harness.virtual.board.debug.port import LocalLink

    return LocalLink(port, "another debugger in this process")


def _connect_remote(path: Path) -> Link:
    from harness.virtual.board.debug.link import RemoteLink

    return RemoteLink(path)


class _Pending:
    """Words that a queued operation will read."""

    def __init__(self, probe: VirtualProbe) -> None:
        self._probe = probe
        self._words: list[int] | None = None
        self._error: exceptions.Error | None = None

    def resolve(self, words: list[int]) -> None:
        self._words = words

    def fail(self, error: exceptions.Error) -> None:
        self._error = error

    def words(self) -> list[int]:
        if self._words is None and self._error is None:
            with contextlib.suppress(exceptions.TransferFaultError):
                self._probe.flush()  # a fault is raised below, by the operations it concerns
        if self._error is not None:
            raise self._error
        if self._words is None:
            raise exceptions.InternalError("a queued read was lost")
        return self._words

    def word(self) -> int:
        return self.words()[0]


class VirtualProbe(DebugProbe):  # type: ignore[misc]  # pyOCD is not typed
    """A debug probe of a virtual STM32U585 board.

    Over a socket, operations are queued until a value is needed or :meth:`flush` is called, as with probes on USB; in
    the same process each one is carried out at once.
    """

    def __init__(self, candidate: Candidate) -> None:
        super().__init__()
        self._candidate = candidate
        self._link: Link | None = None
        self._protocol: DebugProbe.Protocol | None = None
        self._queue: deque[tuple[Operation, _Pending]] = deque()

    @classmethod
    def get_all_connected_probes(cls, unique_id: str | None = None, is_explicit: bool = False) -> list[VirtualProbe]:
        """Return a probe for each virtual board there is."""
        return [cls(candidate) for candidate in candidates()]

    @classmethod
    def get_probe_with_id(cls, unique_id: str, is_explicit: bool = False) -> VirtualProbe | None:
        """Return the probe with exactly this unique id, with or without ``mvh:``, or None."""
        for candidate in candidates():
            if unique_id in (candidate.uid, candidate.uid.removeprefix(registry.PREFIX)):
                return cls(candidate)
        return None

    @property
    def vendor_name(self) -> str:
        return "Microvisor Harness"

    @property
    def product_name(self) -> str:
        return f"virtual STM32U585 {self._candidate.name}"

    @property
    def unique_id(self) -> str:
        return self._candidate.uid

    @property
    def supported_wire_protocols(self) -> Collection[DebugProbe.Protocol]:
        return (DebugProbe.Protocol.DEFAULT, DebugProbe.Protocol.SWD)

    @property
    def wire_protocol(self) -> DebugProbe.Protocol | None:
        return self._protocol

    @property
    def is_open(self) -> bool:
        return self._link is not None

    @property
    def capabilities(self) -> set[DebugProbe.Capability]:
        return {DebugProbe.Capability.SWJ_SEQUENCE, DebugProbe.Capability.BANKED_DP_REGISTERS,
                DebugProbe.Capability.APv2_ADDRESSES}

    @property
    def associated_board_info(self) -> BoardInfo:
        return BoardInfo(name=self._candidate.name, target=TARGET_TYPE, vendor=None)

    def create_associated_board(self) -> object:
        """Return the pyOCD board of this probe, which sets the target type."""
        from pyocd.board.board import Board

        assert self.session is not None
        return Board(self.session, board_info=self.associated_board_info)

    # -- connection ---------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Claim the board; raises pyOCD's ProbeError if another debugger has it."""
        if self._link is None:
            try:
                self._link = self._candidate.connect()
            except ProbeError as error:
                raise exceptions.ProbeError(str(error)) from error

    def close(self) -> None:
        """Let others claim the board."""
        link, self._link = self._link, None
        self._protocol = None
        self._queue.clear()
        if link is not None:
            link.close()

    def connect(self, protocol: DebugProbe.Protocol | None = None) -> None:
        """Switch the wires to SWD."""
        self._protocol = DebugProbe.Protocol.SWD

    def disconnect(self) -> None:
        """Release the wires."""
        with contextlib.suppress(exceptions.Error):  # the link may be gone: then there is nothing to write
            self.flush()
        self._protocol = None

    def swj_sequence(self, length: int, bits: int) -> None:
        """Accept line resets and switch sequences: the virtual port speaks nothing but SWD."""

    def set_clock(self, frequency: float) -> None:
        """Accept any clock: the virtual wires have no speed."""

    def reset(self) -> None:
        """Pulse nRESET."""
        self.assert_reset(True)
        self.assert_reset(False)

    def assert_reset(self, asserted: bool) -> None:
        """Drive nRESET low, or release it."""
        self._submit(Operation(Kind.SET_RESET, values=(int(asserted),)))
        self.flush()

    def is_reset_asserted(self) -> bool:
        """Return whether nRESET is driven low."""
        return bool(self._submit(Operation(Kind.GET_RESET)).word())

    # -- transfers ----------------------------------------------------------------------------------------------------

    def read_dp(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        pending = self._submit(Operation(Kind.READ_DP, addr))
        return pending.word() if now else pending.word

    def write_dp(self, addr: int, data: int) -> None:
        self._submit(Operation(Kind.WRITE_DP, addr, (data & 0xFFFF_FFFF,)))

    def read_ap(self, addr: int, now: bool = True) -> int | Callable[[], int]:
        pending = self._submit(Operation(Kind.READ_AP, addr))
        return pending.word() if now else pending.word

    def write_ap(self, addr: int, data: int) -> None:
        self._submit(Operation(Kind.WRITE_AP, addr, (data & 0xFFFF_FFFF,)))

    def read_ap_multiple(self, addr: int, count: int = 1,
                         now: bool = True) -> Sequence[int] | Callable[[], Sequence[int]]:
        parts = [self._submit(Operation(Kind.READ_AP_BLOCK, addr, count=min(MAX_WORDS, count - at)))
                 for at in range(0, count, MAX_WORDS)]

        def collect() -> list[int]:
            return [word for part in parts for word in part.words()]

        return collect() if now else collect

    def write_ap_multiple(self, addr: int, values: Sequence[int]) -> None:
        for at in range(0, len(values), MAX_WORDS):
            part = tuple(value & 0xFFFF_FFFF for value in values[at:at + MAX_WORDS])
            self._submit(Operation(Kind.WRITE_AP_BLOCK, addr, part))

    def flush(self) -> None:
        """Carry out what is queued; raises pyOCD's TransferFaultError or ProbeError."""
        if not self._queue:
            return
        queue, self._queue = self._queue, deque()
        error: exceptions.Error | None = None
        words: list[int] = []
        try:
            words = self._execute([operation for operation, _ in queue])
        except Fault as fault:
            words, error = fault.results, exceptions.TransferFaultError(str(fault))
        except ProbeError as lost:
            error = exceptions.ProbeError(str(lost))
        at = 0
        for operation, pending in queue:
            end = at + operation.results
            if error is None or (operation.results and end <= len(words)):
                pending.resolve(words[at:end])
            else:
                pending.fail(error)
            at = end
        if error is not None:
            raise error

    def _submit(self, operation: Operation) -> _Pending:
        pending = _Pending(self)
        self._queue.append((operation, pending))
        if self._link is None or not self._link.batched or len(self._queue) >= _QUEUE_LIMIT:
            self.flush()
        return pending

    def _execute(self, operations: Sequence[Operation]) -> list[int]:
        if self._link is None:
            raise ProbeError("the debug probe is closed")
        return self._link.execute(operations)


# The plug-in does this too, unless this module was the first to import pyOCD.
PROBE_CLASSES.setdefault(registry.PREFIX.removesuffix(":"), VirtualProbe)
