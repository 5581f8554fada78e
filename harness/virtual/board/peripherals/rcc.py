"""RCC: clock registers that decode to the board's frequency, enables and resets (RM0456, chapter RCC).

Clock settings belong to the kernel: applications read them, and their writes change only the bits of enables, resets
and kernel clock selections. A peripheral answers whether its clock is enabled or not.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.board.peripherals.base import WORD, Peripheral, PeripheralHost, registers
from harness.virtual.board.peripherals.clock_tree import ClockTree

RCC_BASE = 0x4602_0C00

_CLOCKS = registers(
    ("CR", 0x00, 0x35, 0), ("ICSCR1", 0x08, 0x4408_4210, 0), ("ICSCR2", 0x0C, 0, 0), ("ICSCR3", 0x10, 0, 0),
    ("CRRCR", 0x14, 0, 0), ("CFGR1", 0x1C, 0, 0), ("CFGR2", 0x20, 0, 0), ("CFGR3", 0x24, 0, 0),
    ("PLL1CFGR", 0x28, 0, 0), ("PLL2CFGR", 0x2C, 0, 0), ("PLL3CFGR", 0x30, 0, 0), ("PLL1DIVR", 0x34, 0x0101_0280, 0),
    ("PLL1FRACR", 0x38, 0, 0), ("PLL2DIVR", 0x3C, 0x0101_0280, 0), ("PLL2FRACR", 0x40, 0, 0),
    ("PLL3DIVR", 0x44, 0x0101_0280, 0), ("PLL3FRACR", 0x48, 0, 0), ("CIER", 0x50, 0, 0), ("CIFR", 0x54, 0, 0),
    ("CICR", 0x58, 0, 0), ("BDCR", 0xF0, 0, 0), ("CSR", 0xF4, 0x0C00_4400, 0), ("SECCFGR", 0x110, 0, 0),
    ("PRIVCFGR", 0x114, 0, 0))

_APPLICATION = registers(
    ("AHB1RSTR", 0x60), ("AHB2RSTR1", 0x64), ("AHB2RSTR2", 0x68), ("AHB3RSTR", 0x6C), ("APB1RSTR1", 0x74),
    ("APB1RSTR2", 0x78), ("APB2RSTR", 0x7C), ("APB3RSTR", 0x80),
    ("AHB1ENR", 0x88, 0xD020_0100), ("AHB2ENR1", 0x8C, 0x4000_0000), ("AHB2ENR2", 0x90), ("AHB3ENR", 0x94, 0x8000_0000),
    ("APB1ENR1", 0x9C), ("APB1ENR2", 0xA0), ("APB2ENR", 0xA4), ("APB3ENR", 0xA8),
    ("AHB1SMENR", 0xB0, WORD), ("AHB2SMENR1", 0xB4, WORD), ("AHB2SMENR2", 0xB8, WORD), ("AHB3SMENR", 0xBC, WORD),
    ("APB1SMENR1", 0xC4, WORD), ("APB1SMENR2", 0xC8, WORD), ("APB2SMENR", 0xCC, WORD), ("APB3SMENR", 0xD0, WORD),
    ("SRDAMR", 0xD8), ("CCIPR1", 0xE0), ("CCIPR2", 0xE4), ("CCIPR3", 0xE8))

# Which bit of which reset register resets which peripheral.
RESETS: dict[str, dict[int, str]] = {
    "AHB2RSTR1": {bit: f"GPIO{port}" for bit, port in enumerate("ABCDEFGHI")},
    "APB1RSTR1": {0: "TIM2", 1: "TIM3", 2: "TIM4", 3: "TIM5", 4: "TIM6", 5: "TIM7", 17: "USART2", 18: "USART3",
                  19: "UART4", 20: "UART5"},
    "APB2RSTR": {14: "USART1"},
    "APB3RSTR": {6: "LPUART1"},
}


class Rcc(Peripheral):
    """Reset and clock control.

    Args:
        clocks: what the clock registers tell.
        reset_peripheral: resets the named peripheral.
    """

    REGISTERS = (*_CLOCKS, *_APPLICATION)

    def __init__(self, host: PeripheralHost, clocks: ClockTree, *, reset_peripheral: Callable[[str], None]) -> None:
        self._clocks = clocks
        self._reset_peripheral = reset_peripheral
        super().__init__(host, "RCC", RCC_BASE)
        self.reset()

    def reset(self) -> None:
        super().reset()
        self.values.update(self._clocks.registers)

    def _write_reset(self, name: str, value: int, mask: int) -> None:
        before = self.values[name]
        risen = self.store_by_name(name, value, mask) & ~before
        for bit, peripheral in RESETS[name].items():
            if risen >> bit & 1:
                self._reset_peripheral(peripheral)

    def write_ahb2rstr1(self, value: int, mask: int) -> None:
        self._write_reset("AHB2RSTR1", value, mask)

    def write_apb1rstr1(self, value: int, mask: int) -> None:
        self._write_reset("APB1RSTR1", value, mask)

    def write_apb2rstr(self, value: int, mask: int) -> None:
        self._write_reset("APB2RSTR", value, mask)

    def write_apb3rstr(self, value: int, mask: int) -> None:
        self._write_reset("APB3RSTR", value, mask)
