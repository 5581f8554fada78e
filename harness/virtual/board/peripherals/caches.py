"""ICACHE, DCACHE1 and SYSCFG, as far as start-up code waits for them. Caches change nothing that can be seen here."""

from __future__ import annotations

from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, registers

ICACHE_BASE, DCACHE_BASE, SYSCFG_BASE = 0x4003_0400, 0x4003_1400, 0x4600_0400

_CACHEINV, _BSYENDF, _CMDENDF = 1 << 1, 1 << 1, 1 << 4


class Cache(Peripheral):
    """One cache: invalidation is done as soon as it is asked for."""

    REGISTERS = registers(("CR", 0x00, 0x4, 0x00FF_0F0D), ("SR", 0x04, 0, 0), ("IER", 0x08), ("FCR", 0x0C, 0, 0),
                          ("HMONR", 0x10, 0, 0), ("MMONR", 0x14, 0, 0), ("CRR0", 0x20, 0x200), ("CRR1", 0x24, 0x200),
                          ("CRR2", 0x28, 0x200), ("CRR3", 0x2C, 0x200))

    def write_cr(self, value: int, mask: int) -> None:
        before = self.values["CR"]
        now = self.store_by_name("CR", value, mask)
        if value & mask & (_CACHEINV | 1 << 11) or (before & ~now) & 1:  # being switched off invalidates, too
            self.values["SR"] |= _BSYENDF | _CMDENDF

    def write_fcr(self, value: int, mask: int) -> None:
        self.values["SR"] &= ~(value & mask)


class Syscfg(Peripheral):
    """System configuration: what is written is kept."""

    REGISTERS = registers(("SECCFGR", 0x00, 0, 0), ("CFGR1", 0x04), ("FPUIMR", 0x08, 0x1F, 0x3F), ("CNSLCKR", 0x0C),
                          ("CSLOCKR", 0x10), ("CFGR2", 0x14), ("MESR", 0x18), ("CCCSR", 0x1C, 0x0A, 0xF),
                          ("CCVR", 0x20), ("CCCR", 0x24, 0x7788), ("RSSCMDR", 0x2C, 0, 0xFFFF))

    def __init__(self, host: PeripheralHost) -> None:
        super().__init__(host, "SYSCFG", SYSCFG_BASE)
