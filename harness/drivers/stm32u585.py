"""The pyOCD target type ``stm32u585``, for real and virtual boards alike. pyOCD has no STM32U5 of its own.

It describes the memories, programs the application's flash bank and keeps the debug port alive in low-power modes. The
kernel's bank is declared as read-only memory. Memory map: STM32U575/585 reference manual RM0456.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pyocd.core import exceptions
from pyocd.core.memory_map import DeviceRegion, FlashRegion, MemoryMap, RamRegion, RomRegion
from pyocd.coresight.coresight_target import CoreSightTarget
from pyocd.target import TARGET
from pyocd.target.builtin import BUILTIN_TARGETS

from harness.drivers.stm32u585_flash import PAGE_SIZE, QUAD_WORD, Stm32u585Flash

if TYPE_CHECKING:
    from pyocd.core.session import Session

LOG = logging.getLogger("pyocd.target.stm32u585")

TARGET_TYPE = "stm32u585"
FLASH_BASE, FLASH_SIZE = 0x0800_0000, 0x20_0000
APPLICATION_SIZE = 0x10_0000
"""A Microvisor application owns this much of the flash, from its base on; the rest is the kernel's."""

_DBGMCU_CR = 0xE004_4004
_DBG_STOP_AND_STANDBY = 0x6


class STM32U585(CoreSightTarget):  # type: ignore[misc]  # pyOCD is not typed
    """An STM32U585 with 2 MiB of flash and 784 KiB of SRAM."""

    VENDOR = "STMicroelectronics"
    PART_NUMBER = "STM32U585"
    PART_FAMILIES = ("STM32U5",)

    MEMORY_MAP = MemoryMap(
        FlashRegion(name="flash", start=FLASH_BASE, length=APPLICATION_SIZE, blocksize=PAGE_SIZE, page_size=PAGE_SIZE,
                    phrase_size=QUAD_WORD, is_boot_memory=True, flash_class=Stm32u585Flash),
        RomRegion(name="kernel flash", start=FLASH_BASE + APPLICATION_SIZE, length=FLASH_SIZE - APPLICATION_SIZE),
        RomRegion(name="system calls", start=0x0C1F_E000, length=0x2000),
        RamRegion(name="sram1", start=0x2000_0000, length=0x3_0000),
        RamRegion(name="sram2", start=0x2003_0000, length=0x1_0000),
        RamRegion(name="sram3", start=0x2004_0000, length=0x8_0000),
        RamRegion(name="sram4", start=0x2800_0000, length=0x4000),
        DeviceRegion(name="peripherals", start=0x4000_0000, length=0x2000_0000, access="rw"),
        DeviceRegion(name="system", start=0xE000_0000, length=0x2000_0000, access="rw"),
    )

    def __init__(self, session: Session) -> None:
        super().__init__(session, self.MEMORY_MAP)
        self.part_families = list(self.PART_FAMILIES)

    def post_connect_hook(self) -> None:
        """Keep the debug port clocked in Stop and Standby modes (DBGMCU_CR of RM0456)."""
        try:
            self.write32(_DBGMCU_CR, self.read32(_DBGMCU_CR) | _DBG_STOP_AND_STANDBY)
        except exceptions.TransferError as error:
            LOG.debug("DBGMCU can't be written, so the port may be lost in low-power modes: %s", error)


# Importing this module is what makes the target type known; pyOCD offers no other way in.
TARGET.setdefault(TARGET_TYPE, STM32U585)
BUILTIN_TARGETS.setdefault(TARGET_TYPE, STM32U585)
