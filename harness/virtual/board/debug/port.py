"""The debug port of one virtual board: every transfer is a turn of the board's world.

What polling does to virtual time. Memory and register accesses never move time, so tests stay deterministic. A
debugger that set the core running and then does nothing but read DHCSR would wait for ever, because it counts on the
machine's clock and virtual time stands still. So after :data:`PATIENCE` such reads in a row, at one instant, each
further one lets up to one quantum of virtual time pass, or less if the core halts earlier. A wait of ours
(``clock.wait``) reads once at each instant and never gets there.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from harness.errors import ProbeError, TimeoutExpired
from harness.virtual.board.core.interface import CoreState, FaultRecord, HaltReason
from harness.virtual.board.debug.ap import AhbAp
from harness.virtual.board.debug.core_debug import CoreDebug, DebugTarget
from harness.virtual.board.debug.dp import Dap
from harness.virtual.board.debug.operations import Fault, Kind, Operation

if TYPE_CHECKING:
    from harness.virtual.world import World

PATIENCE = 8
"""Polls of DHCSR in a row, at one instant, that a running core gets for free."""

_QUANTUM = "10ms"


class DebugPort:
    """DP, AHB-AP and debug registers of one board, for one debugger at a time.

    Args:
        target: the board. It tells the port of halts and resets: ``board.debug = port``.
        world: the world it lives in.

    ::

        port = board.debug = DebugPort(board, world)
        uid = registry.register(port)  # "mvh:board-1": debuggers in this process find it
    """

    def __init__(self, target: DebugTarget, world: World) -> None:
        self._target = target
        self._world = world
        self._debug = CoreDebug(target)
        self._dap = Dap({0: AhbAp(self._debug)})
        self._owner: str | None = None
        self._owner_lock = threading.Lock()
        self._polled_at = -1

    def __repr__(self) -> str:
        return f"DebugPort({self._target.name!r}, owner={self._owner!r})"

    @property
    def name(self) -> str:
        """Name of the board."""
        return self._target.name

    def halted(self, reason: HaltReason) -> None:
        """Take note that the core entered Debug state: for the board, from inside the core's run."""
        self._debug.halted(reason)

    def was_reset(self) -> None:
        """Take note that the chip was reset: for the board, after it has reset the core."""
        self._debug.was_reset()

    def catches(self, record: FaultRecord) -> bool:
        """Return whether a fault that is being taken is to halt the core: for the board."""
        return self._debug.catches(record)

    def power_lost(self) -> None:
        """Take note that the power went: for the board."""
        self._debug.power_lost()

    def claim(self, owner: str) -> None:
        """Reserve the port for one debugger.

        Raises:
            ProbeError: another debugger has it.
        """
        with self._owner_lock:
            if self._owner is not None:
                raise ProbeError(f"{self.name} is busy: {self._owner} is connected to its debug port")
            self._owner = owner

    def release(self) -> None:
        """Let others claim the port. The core stays as it is."""
        with self._owner_lock:
            self._owner = None

    def execute(self, operations: Sequence[Operation], *, may_wait: bool = True) -> list[int]:
        """Carry out the operations in order and return all words read.

        Args:
            may_wait: whether an impatient poll may let virtual time pass; never from inside a turn.

        Raises:
            Fault: a transfer failed; what follows it was not carried out.
            ProbeError: the board has no power.
        """
        results: list[int] = []
        with self._world.turn():
            if not self._target.is_powered:
                raise ProbeError(f"{self.name} has no power: nothing answers on its debug port")
            self._target.sync()
            if self._world.now() != self._polled_at:
                self._debug.forget_polls()
                self._polled_at = self._world.now()
            try:
                for operation in operations:
                    results.extend(self._one(operation))
            except Fault as fault:
                raise Fault(str(fault), results) from None
            finally:
                self._world.wake()
            impatient = may_wait and self._world.is_virtual and self._debug.impatient(PATIENCE)
        if impatient:
            self._let_time_pass()
        return results

    def _one(self, operation: Operation) -> Sequence[int]:
        dap, address = self._dap, operation.address
        match operation.kind:
            case Kind.READ_DP:
                return (dap.read_dp(address),)
            case Kind.WRITE_DP:
                dap.write_dp(address, operation.values[0])
            case Kind.READ_AP:
                return (dap.read_ap(address),)
            case Kind.WRITE_AP:
                dap.write_ap(address, operation.values[0])
            case Kind.READ_AP_BLOCK:
                return dap.read_ap_block(address, operation.count)
            case Kind.WRITE_AP_BLOCK:
                dap.write_ap_block(address, operation.values)
            case Kind.SET_RESET:
                self._debug.drive_reset(low=bool(operation.values[0]))
            case Kind.GET_RESET:
                return (int(self._debug.in_reset),)
        return ()

    def _let_time_pass(self) -> None:
        with contextlib.suppress(TimeoutExpired):  # the debugger polls on, and its own deadline decides
            self._world.clock.wait(lambda: self._target.core.state is CoreState.HALTED or None, within=_QUANTUM,
                                   what="the core to halt")
        # The next polls are impatient at once: the debugger has shown that it does nothing else.
        self._polled_at = self._world.now()


class LocalLink:
    """A claimed debug port of a board in this process.

    Raises:
        ProbeError: another debugger has it.
    """

    batched = False

    def __init__(self, port: DebugPort, owner: str) -> None:
        port.claim(owner)
        self._port: DebugPort | None = port

    def __repr__(self) -> str:
        return f"LocalLink({self._port!r})"

    def execute(self, operations: Sequence[Operation]) -> list[int]:
        """Carry out the operations in order and return all words read; raises Fault, ProbeError."""
        if self._port is None:
            raise ProbeError("the debug probe is closed")
        return self._port.execute(operations)

    def close(self) -> None:
        """Let others claim the board. May be called twice."""
        if self._port is not None:
            self._port.release()
            self._port = None
