"""From a veneer slot to the service that answers it.

Arguments are read from r0-r3 as the call's declaration says. A pointer that must lead to something of a known size is
checked before the service sees it, so that no service works on half of its arguments. The status goes to r0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from harness.errors import InternalError
from harness.virtual.board.core.interface import Register
from harness.virtual.board.kernel.abi import CALLS, Argument
from harness.virtual.board.kernel.enums import MvStatus
from harness.virtual.board.kernel.host import KernelHost
from harness.virtual.board.kernel.memory import Refused, is_readable, is_writable
from harness.virtual.board.kernel.old_calls import OLD_CALLS


class Registers(Protocol):
    """What is needed of a core: its registers."""

    def read_register(self, register: int) -> int: ...

    def write_register(self, register: int, value: int) -> None: ...


class Dispatcher:
    """Answers system calls.

    Args:
        services: what answers each declared call, by name. None may be missing, none may be undeclared.
    """

    def __init__(self, host: KernelHost, services: Mapping[str, Callable[..., MvStatus]]) -> None:
        declared = {call.name for call in (*CALLS.values(), *OLD_CALLS.values())}
        if declared != services.keys():
            raise InternalError(f"calls without service or declaration: {sorted(declared ^ services.keys())}")
        self._host = host
        self._table: dict[int, tuple[tuple[Argument, ...], Callable[..., MvStatus]]] = {
            slot: (call.arguments, services[call.name]) for slot, call in (CALLS | OLD_CALLS).items()}
        self._undeclared: list[int] = []
        self.counts: dict[int, int] = {}
        """How often each slot was called."""

    def __repr__(self) -> str:
        return f"Dispatcher({sum(self.counts.values())} calls)"

    def call(self, slot: int, registers: Registers) -> MvStatus:
        """Answer the call of a slot, and return the status that went to r0."""
        self.counts[slot] = self.counts.get(slot, 0) + 1
        status = self._answer(slot, registers)
        registers.write_register(Register.R0, int(status))
        return status

    def _answer(self, slot: int, registers: Registers) -> MvStatus:
        entry = self._table.get(slot)
        if entry is None:
            if slot not in self._undeclared:
                self._undeclared.append(slot)
                self._host.record("undeclared_call_refused", slot=slot)
            return MvStatus.UNAVAILABLE
        arguments, service = entry
        values = []
        for register, argument in enumerate(arguments):
            value = registers.read_register(register) & argument.mask
            if argument.size and ((argument.writes and not is_writable(value, argument.size))
                                  or not is_readable(value, argument.size)):
                return MvStatus.PARAMETERFAULT
            values.append(value)
        try:
            return service(*values)
        except Refused as refusal:
            return refusal.status
