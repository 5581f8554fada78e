"""RCC: clock registers that decode to the board's frequency, enables and resets (RM0456, chapter RCC).

Clock settings belong to the kernel: applications read them, and their writes change only the bits of enables, resets
and kernel clock selections. A peripheral answers whether its clock is enabled or not.
"""

from __future__ import annotations

from collections.abc import Callable

from harness.virtual.board.peripherals.base import WORD, Peripheral, PeripheralHost, registers
from harness.virtual.board.peripherals.clock_tree import HSI_HZ, ClockTree

RCC_BASE = 0x4602_0C00

RMVF, PINRSTF, BORRSTF, IWDGRSTF = 1 << 23, 1 << 26, 1 << 27, 1 << 29
_CAUSES = 0xFE00_0000

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
    "AHB1RSTR": {0: "GPDMA1", 12: "CRC"},
    "AHB2RSTR1": {**{bit: f"GPIO{port}" for bit, port in enumerate("ABCDEFGHI")}, 10: "ADC1", 18: "RNG"},
    "APB1RSTR1": {0: "TIM2", 1: "TIM3", 2: "TIM4", 3: "TIM5", 4: "TIM6", 5: "TIM7", 14: "SPI2", 17: "USART2",
                  18: "USART3", 19: "UART4", 20: "UART5", 21: "I2C1", 22: "I2C2"},
    "APB1RSTR2": {1: "I2C4"},
    "APB2RSTR": {11: "TIM1", 12: "SPI1", 13: "TIM8", 14: "USART1", 16: "TIM15", 17: "TIM16", 18: "TIM17"},
    "APB3RSTR": {5: "SPI3", 6: "LPUART1", 7: "I2C3"},
}

LSE_HZ, MSIK_HZ, LSI_HZ = 32_768, 4_000_000, 32_000

_PCLK_SYSCLK_HSI_LSE = ("pclk", "pclk", HSI_HZ, LSE_HZ)
_PCLK_SYSCLK_HSI_MSIK = ("pclk", "pclk", HSI_HZ, MSIK_HZ)
_LPUART = (*_PCLK_SYSCLK_HSI_LSE, MSIK_HZ)
_ADC = ("pclk", "pclk", "pclk", "pclk", HSI_HZ, MSIK_HZ)  # PLL2 and HSE do not run: whoever selects them gets HCLK

# Which field selects a peripheral's kernel clock: register, lowest bit, width, and the choices.
KERNEL_CLOCKS: dict[str, tuple[str, int, int, tuple[str | int, ...]]] = {
    "USART1": ("CCIPR1", 0, 2, _PCLK_SYSCLK_HSI_LSE), "USART2": ("CCIPR1", 2, 2, _PCLK_SYSCLK_HSI_LSE),
    "USART3": ("CCIPR1", 4, 2, _PCLK_SYSCLK_HSI_LSE), "UART4": ("CCIPR1", 6, 2, _PCLK_SYSCLK_HSI_LSE),
    "UART5": ("CCIPR1", 8, 2, _PCLK_SYSCLK_HSI_LSE), "LPUART1": ("CCIPR3", 0, 3, _LPUART),
    "I2C1": ("CCIPR1", 10, 2, _PCLK_SYSCLK_HSI_MSIK), "I2C2": ("CCIPR1", 12, 2, _PCLK_SYSCLK_HSI_MSIK),
    "I2C4": ("CCIPR1", 14, 2, _PCLK_SYSCLK_HSI_MSIK), "I2C3": ("CCIPR3", 6, 2, _PCLK_SYSCLK_HSI_MSIK),
    "SPI2": ("CCIPR1", 16, 2, _PCLK_SYSCLK_HSI_MSIK), "SPI1": ("CCIPR1", 20, 2, _PCLK_SYSCLK_HSI_MSIK),
    "SPI3": ("CCIPR3", 3, 2, _PCLK_SYSCLK_HSI_MSIK), "ADC1": ("CCIPR3", 12, 3, _ADC),
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
        self._causes = BORRSTF | PINRSTF
        self._reset_peripheral = reset_peripheral
        super().__init__(host, "RCC", RCC_BASE)
        self.reset()

    def reset(self) -> None:
        super().reset()
        self.values.update(self._clocks.registers)
        self.values["CSR"] |= self._causes

    def power_on(self) -> None:
        """Forget why the chip was reset before."""
        self._causes = BORRSTF | PINRSTF
        self.values["CSR"] = self.values["CSR"] & ~_CAUSES | self._causes

    def watchdog_expired(self) -> None:
        """Remember that the next reset is the independent watchdog's."""
        self._causes |= IWDGRSTF | PINRSTF

    def write_csr(self, value: int, mask: int) -> None:
        if value & mask & RMVF:
            self._causes = 0
            self.values["CSR"] &= ~_CAUSES

    def kernel_hz(self, peripheral: str) -> int:
        """Return the frequency of a peripheral's kernel clock, as the CCIPR registers select it."""
        register, low, width, choices = KERNEL_CLOCKS[peripheral]
        selected = self.values[register] >> low & (1 << width) - 1
        choice = choices[min(selected, len(choices) - 1)]
        return choice if isinstance(choice, int) else self._clocks.pclk1

    def _write_reset(self, name: str, value: int, mask: int) -> None:
        before = self.values[name]
        risen = self.store_by_name(name, value, mask) & ~before
        for bit, peripheral in RESETS[name].items():
            if risen >> bit & 1:
                self._reset_peripheral(peripheral)

    def write_ahb1rstr(self, value: int, mask: int) -> None:
        self._write_reset("AHB1RSTR", value, mask)

    def write_apb1rstr2(self, value: int, mask: int) -> None:
        self._write_reset("APB1RSTR2", value, mask)

    def write_ahb2rstr1(self, value: int, mask: int) -> None:
        self._write_reset("AHB2RSTR1", value, mask)

    def write_apb1rstr1(self, value: int, mask: int) -> None:
        self._write_reset("APB1RSTR1", value, mask)

    def write_apb2rstr(self, value: int, mask: int) -> None:
        self._write_reset("APB2RSTR", value, mask)

    def write_apb3rstr(self, value: int, mask: int) -> None:
        self._write_reset("APB3RSTR", value, mask)
