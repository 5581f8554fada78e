"""The clock tree: from a frequency to register values that decode to exactly that frequency, and back.

A Microvisor application reads frequencies by system calls, but the vendor's HAL also works them out from RCC registers
and programs its tick from the result. Both ways must agree.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.errors import UsageError

MSI_RANGES = (48_000_000, 24_000_000, 16_000_000, 12_000_000, 4_000_000, 2_000_000, 1_330_000, 1_000_000, 3_072_000,
              1_536_000, 1_024_000, 768_000, 400_000, 200_000, 133_000, 100_000)
"""Frequencies of the MSIS ranges 0 to 15 in Hz (RM0456, RCC_ICSCR1.MSISRANGE)."""

HSI_HZ = 16_000_000
MAXIMUM_HZ = 160_000_000
_VCO = range(128_000_000, 544_000_001)

# What SYSCLK comes from (RCC_CFGR1.SWS), and what PLL1 comes from (RCC_PLL1CFGR.PLL1SRC): different numbers.
SOURCE_MSIS, SOURCE_HSI16, SOURCE_HSE, SOURCE_PLL1 = range(4)
ENTRY_NONE, ENTRY_MSIS, ENTRY_HSI16, ENTRY_HSE = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockTree:
    """Frequencies in Hz, and the RCC registers that stand for them. All bus dividers are 1.

    Attributes:
        sysclk: the system clock; hclk, pclk1 and pclk2 equal it.
        registers: values of the RCC registers that tell of clocks, by name.
    """

    sysclk: int
    registers: dict[str, int]

    @property
    def hclk(self) -> int:
        return self.sysclk

    @property
    def pclk1(self) -> int:
        return self.sysclk

    @property
    def pclk2(self) -> int:
        return self.sysclk


def clock_tree(hclk_hz: int) -> ClockTree:
    """Return a clock tree for this frequency: an MSI range if one fits, else PLL1 from HSI16.

    Raises:
        UsageError: the chip can't make this frequency.
    """
    if hclk_hz in MSI_RANGES:
        index = MSI_RANGES.index(hclk_hz)
        return ClockTree(sysclk=hclk_hz, registers={
            "CR": 0x5, "ICSCR1": index << 28 | 1 << 23, "CFGR1": SOURCE_MSIS << 2 | SOURCE_MSIS, "CFGR2": 0, "CFGR3": 0,
            "PLL1CFGR": 0, "PLL1DIVR": 0x0101_0280, "PLL1FRACR": 0, "CSR": 0x4400})
    if 0 < hclk_hz <= MAXIMUM_HZ:
        for r in (1, *range(2, 129, 2)):
            vco = hclk_hz * r
            for m in range(1, 17):
                n, rest = divmod(vco * m, HSI_HZ)
                if vco in _VCO and not rest and 4 <= n <= 512 and 4_000_000 <= HSI_HZ // m <= 16_000_000:
                    return ClockTree(sysclk=hclk_hz, registers={
                        "CR": 0x0300_0505, "ICSCR1": 4 << 28 | 1 << 23, "CFGR1": SOURCE_PLL1 << 2 | SOURCE_PLL1,
                        "CFGR2": 0, "CFGR3": 0, "PLL1CFGR": (m - 1) << 8 | 1 << 18 | ENTRY_HSI16,
                        "PLL1DIVR": (n - 1) | 1 << 9 | 1 << 16 | (r - 1) << 24, "PLL1FRACR": 0, "CSR": 0x4400})
    raise UsageError(f"the chip can't make a clock of {hclk_hz} Hz: it has the MSI ranges "
                     f"({', '.join(map(str, MSI_RANGES))}) and a PLL from 16 MHz up to {MAXIMUM_HZ} Hz")


def decode(registers: dict[str, int]) -> int:
    """Return the system clock in Hz that RCC registers stand for, as the vendor's HAL works it out (RM0456, RCC)."""
    source = registers["CFGR1"] >> 2 & 3
    if source == SOURCE_HSI16:
        return HSI_HZ
    if source == SOURCE_MSIS:
        return _msi(registers)
    if source == SOURCE_PLL1:
        config, dividers = registers["PLL1CFGR"], registers["PLL1DIVR"]
        if config & 3 not in (ENTRY_MSIS, ENTRY_HSI16):
            raise UsageError("PLL1 has no clock: the board has no external oscillator")
        entry = HSI_HZ if config & 3 == ENTRY_HSI16 else _msi(registers)
        m, n, r = (config >> 8 & 0xF) + 1, (dividers & 0x1FF) + 1, (dividers >> 24 & 0x7F) + 1
        return entry * n // m // r
    raise UsageError("the board has no external oscillator")


def _msi(registers: dict[str, int]) -> int:
    selected = registers["ICSCR1"] >> 28 if registers["ICSCR1"] >> 23 & 1 else registers["CSR"] >> 12 & 0xF
    return MSI_RANGES[selected]
