"""What the maker of the chip wrote into it: unique id, package, flash size, calibration of the converter.

Addresses as the device header of the STM32U585 has them (RM0456, "Device electronic signature"). The unique id comes
from the SID of the device: boards differ, and the same board has the same id in every run.
"""

from __future__ import annotations

import hashlib
from typing import Final

from harness.virtual.board.core.interface import FACTORY_BASE, FACTORY_SIZE

UID: Final = FACTORY_BASE + 0x700
FLASH_SIZE_KB: Final = FACTORY_BASE + 0x7A0
PACKAGE: Final = FACTORY_BASE + 0x500
TS_CAL1, TS_CAL2, VREFINT_CAL = FACTORY_BASE + 0x710, FACTORY_BASE + 0x742, FACTORY_BASE + 0x7A5

CAL_VOLTS: Final = 3.0
"""The reference while it was calibrated: values are 14-bit conversions at this voltage."""
_KILOBYTES: Final = 2048
_LQFP64: Final = 0
_SENSOR_VOLTS: Final = {TS_CAL1: 0.752, TS_CAL2: 0.752 + 0.0025 * 100, VREFINT_CAL: 1.215}  # 30 and 130 degrees


def factory_data(device_sid: str) -> bytes:
    """Return the octets from :data:`FACTORY_BASE` on."""
    page = bytearray(b"\xff" * FACTORY_SIZE)

    def put(address: int, value: bytes) -> None:
        page[address - FACTORY_BASE:address - FACTORY_BASE + len(value)] = value

    put(UID, hashlib.sha256(device_sid.encode()).digest()[:12])
    put(FLASH_SIZE_KB, _KILOBYTES.to_bytes(2, "little"))
    put(PACKAGE, _LQFP64.to_bytes(2, "little"))
    for address, volts in _SENSOR_VOLTS.items():
        put(address, round(volts / CAL_VOLTS * 0x3FFF).to_bytes(2, "little"))
    return bytes(page)
