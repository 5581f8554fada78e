"""Chains of calls worked out from a register frame, a stack and code."""

from __future__ import annotations

from harness.virtual.board.core.interface import FLASH_BASE, RAM_BASE
from harness.virtual.board.kernel.backtrace import backtrace

MAIN, OUTER, INNER, ISR = (FLASH_BASE + 0x400 + 0x100 * index for index in range(4))
NAMES = {MAIN: "main", OUTER: "outer", INNER: "inner", ISR: "isr"}
STACK = RAM_BASE + 0x1000


def bl(at: int, target: int) -> bytes:
    """BL, encoding T1 (Armv8-M Architecture Reference Manual, C2.4.16)."""
    offset = target - (at + 4)
    sign = offset >> 24 & 1
    j1, j2 = (~(offset >> 23 & 1 ^ sign)) & 1, (~(offset >> 22 & 1 ^ sign)) & 1
    high = 0xF000 | sign << 10 | offset >> 12 & 0x3FF
    low = 0xD000 | j1 << 13 | j2 << 11 | offset >> 1 & 0x7FF
    return high.to_bytes(2, "little") + low.to_bytes(2, "little")


class Machine:
    """Flash with a few calls in it, and a stack."""

    def __init__(self) -> None:
        self.memory: dict[int, int] = dict.fromkeys(range(MAIN, ISR + 0x100, 4), 0xBF00_BF00)
        self.top = STACK

    def call(self, at: int, target: int) -> int:
        """Put a call; return its return address."""
        self.memory[at] = int.from_bytes(bl(at, target), "little")
        return at + 5

    def push(self, *words: int) -> None:
        """Put words at rising addresses above what is there."""
        for word in words:
            self.memory[self.top] = word & 0xFFFF_FFFF
            self.top += 4

    def trace(self, pc: int, lr: int, *, psp: int = 0, symbols: bool = True,
              exception: int = 16) -> list[str]:
        def function_at(address: int) -> tuple[str, int] | None:
            start = address & ~0xFF
            return (NAMES[start], address - start) if symbols and start in NAMES else None

        return [frame.text(function_at) for frame in backtrace(
            {"pc": pc, "lr": lr, "sp": STACK, "xpsr": 0x0100_0000 | exception}, psp, self.memory.get, function_at)]


def test_a_leaf_has_its_caller_in_lr_and_the_rest_on_the_stack() -> None:
    machine = Machine()
    to_inner = machine.call(OUTER + 0x10, INNER)
    machine.push(7, machine.call(MAIN + 0x20, OUTER), 9)
    assert machine.trace(INNER + 8, to_inner) == [
        "0x08000608 inner+0x8", "0x08000514 outer+0x14", "0x08000424 main+0x24"]


def test_an_lr_left_from_a_call_that_returned_is_no_caller() -> None:
    machine = Machine()
    stale = machine.call(OUTER + 0x10, INNER)  # outer called inner, which returned: lr points into outer
    machine.push(stale, machine.call(MAIN + 0x20, OUTER))
    assert machine.trace(OUTER + 0x30, stale) == ["0x08000530 outer+0x30", "0x08000424 main+0x24"]


def test_words_that_only_look_like_code_are_passed_over() -> None:
    machine = Machine()
    machine.push(MAIN + 0x31, FLASH_BASE + 0x9000 | 1, RAM_BASE | 1, machine.call(MAIN + 0x20, INNER))
    assert machine.trace(INNER + 8, 0) == ["0x08000608 inner+0x8", "0x08000424 main+0x24"]


def test_calls_through_registers_are_followed() -> None:
    machine = Machine()
    machine.memory[MAIN + 0x20] = 0x4798_BF00  # nop; blx r3
    machine.push(MAIN + 0x25)
    assert machine.trace(INNER + 8, 0)[1:] == ["0x08000424 main+0x24"]


def test_an_interrupt_on_the_main_stack_shows_what_it_broke_into() -> None:
    machine = Machine()
    back = machine.call(MAIN + 0x20, OUTER)
    machine.push(1, 2, 0xFFFF_FFB8)  # locals and the saved lr of the handler
    machine.push(0, 1, 2, 3, 12, back, OUTER + 0x44, 0x0100_0000)
    assert machine.trace(ISR + 4, ISR + 0x41) == [
        "0x08000704 isr+0x4", "0x08000544 outer+0x44 (interrupted)", "0x08000424 main+0x24"]


def test_an_interrupt_of_a_process_is_found_by_psp() -> None:
    machine = Machine()
    machine.top = process = STACK + 0x800
    machine.push(0, 1, 2, 3, 12, machine.call(MAIN + 0x20, OUTER), OUTER + 0x44, 0x0100_0000)
    assert machine.trace(ISR + 4, 0xFFFF_FFBC, psp=process) == [
        "0x08000704 isr+0x4", "0x08000544 outer+0x44 (interrupted)", "0x08000424 main+0x24"]


def test_an_exc_return_on_the_stack_of_a_task_is_a_left_over_of_its_last_switch() -> None:
    machine = Machine()
    machine.push(0, 0xFFFF_FFBC, machine.call(MAIN + 0x20, OUTER))
    machine.push(0, 1, 2, 3, 12, MAIN + 0x41, OUTER + 0x44, 0x0100_0000)  # a frame it might be taken to lead to
    assert machine.trace(OUTER + 8, 0, psp=STACK + 12, exception=0) == ["0x08000508 outer+0x8", "0x08000424 main+0x24"]
    assert machine.trace(OUTER + 8, 0, psp=STACK + 12)[1] == "0x08000544 outer+0x44 (interrupted)"


def test_without_symbols_addresses_are_told() -> None:
    machine = Machine()
    machine.push(machine.call(MAIN + 0x20, OUTER))
    assert machine.trace(OUTER + 8, 0, symbols=False) == ["0x08000508", "0x08000424"]


def test_a_wild_pc_and_a_wild_stack_are_no_trouble() -> None:
    machine = Machine()
    assert machine.trace(0x9000_0000, 0xFFFF_FFFF) == ["0x90000000"]
