"""FLASH and PWR as far as applications see them: latency, voltage scaling, and the flash's status register.

Applications reach FLASH_ACR and two PWR registers by the kernel's peek and poke. Programming internal flash belongs to
the kernel and to a debugger, so the control register stays locked for the application.
"""

from __future__ import annotations

from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, registers

FLASH_REGISTERS_BASE = 0x4002_2000
PWR_BASE = 0x4602_0800

_VOSRDY = 1 << 15


class FlashRegisters(Peripheral):
    """The flash interface."""

    REGISTERS = registers(
        ("ACR", 0x00, 0x0000_0004, 0), ("NSKEYR", 0x08, 0, 0), ("OPTKEYR", 0x10, 0, 0), ("PDKEY1R", 0x18, 0, 0),
        ("PDKEY2R", 0x1C, 0, 0), ("NSSR", 0x20, 0, 0), ("NSCR", 0x28, 0xC000_0000, 0), ("ECCR", 0x30, 0, 0),
        ("OPSR", 0x34, 0, 0), ("OPTR", 0x40, 0x1FEF_F8AA, 0))

    def __init__(self, host: PeripheralHost) -> None:
        super().__init__(host, "FLASH", FLASH_REGISTERS_BASE)


class Pwr(Peripheral):
    """Power control: range 1, always ready."""

    REGISTERS = registers(
        ("CR1", 0x00), ("CR2", 0x04), ("CR3", 0x08), ("VOSR", 0x0C, 0x0003_C000, 0x0007_0000), ("SVMCR", 0x10),
        ("WUCR1", 0x14), ("WUCR2", 0x18), ("WUCR3", 0x1C), ("BDCR1", 0x20), ("BDCR2", 0x24), ("DBPR", 0x28, 0, 1),
        ("UCPDR", 0x2C), ("SECCFGR", 0x30, 0, 0), ("PRIVCFGR", 0x34, 0, 0), ("SR", 0x38, 0, 0),
        ("SVMSR", 0x3C, 0x8000, 0), ("BDSR", 0x40, 0, 0), ("WUSR", 0x44, 0, 0), ("WUSCR", 0x48), ("APCR", 0x4C))

    def __init__(self, host: PeripheralHost) -> None:
        super().__init__(host, "PWR", PWR_BASE)

    def read_vosr(self) -> int:
        return self.values["VOSR"] | _VOSRDY
