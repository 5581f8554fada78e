"""A single step as debuggers want it: past the next instruction, not into an interrupt that happens to be pending.

DHCSR.C_MASKINTS asks for that (Armv8-M Architecture Reference Manual, D1.2.44). The core has no such mask of its own,
so PRIMASK stands in for it during the step. Instructions that see or change PRIMASK, or that would behave differently
under it, are stepped without.
"""

from __future__ import annotations

from harness.virtual.board.core.interface import BusError, Core, Register

_PRIMASK = 1
# First halfwords, as (mask, value): CPS, SVC, BKPT, MSR, MRS.
_SEES_PRIMASK = ((0xFFE0, 0xB660), (0xFF00, 0xDF00), (0xFF00, 0xBE00), (0xFFE0, 0xF380), (0xFFE0, 0xF3E0))


def step(core: Core, *, mask_interrupts: bool) -> None:
    """Execute one instruction of a halted core; with ``mask_interrupts`` no interrupt is taken if that can be had."""
    before = core.read_register(Register.CFBP)
    if not mask_interrupts or before & _PRIMASK or not _can_be_masked(core):
        core.step()
        return
    core.write_register(Register.CFBP, before | _PRIMASK)
    core.step()
    core.write_register(Register.CFBP, core.read_register(Register.CFBP) & ~_PRIMASK)


def _can_be_masked(core: Core) -> bool:
    try:
        code = int.from_bytes(core.read_memory(core.read_register(Register.PC) & ~1, 2), "little")
    except BusError:
        return False
    return not any(code & mask == value for mask, value in _SEES_PRIMASK)
