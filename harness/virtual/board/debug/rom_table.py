"""How a debugger finds out what is in the chip: ROM table, component and identification registers, all constant.

Component and peripheral IDs: CoreSight Architecture Specification v3.0, chapter B2. Identification registers of the
core: Cortex-M33 TRM r0p4, with the Security Extension left out, because nothing on this side of the wire is secure.
"""

from __future__ import annotations

from dataclasses import dataclass

ROM_TABLE, SCS, DWT, BPU = 0xE00F_F000, 0xE000_E000, 0xE000_1000, 0xE000_2000

_ARM, _PART_M33, _PART_ROM = 0x43B, 0xD21, 0x4C9
_CLASS_ROM, _CLASS_CORESIGHT = 0x1, 0x9
_PRESENT_32_BIT = 0x3


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One CoreSight component, as its ID registers describe it."""

    base: int
    part: int
    component_class: int
    revision: int = 0
    devarch: int = 0

    def registers(self) -> dict[int, int]:
        """Return the ID registers by address."""
        designer = _ARM & 0x7F
        words = {
            0xFBC: self.devarch,
            0xFCC: 0,
            0xFD0: _ARM >> 8,
            0xFE0: self.part & 0xFF,
            0xFE4: (self.part >> 8) | (designer & 0xF) << 4,
            0xFE8: (designer >> 4) | 0x8 | self.revision << 4,
            0xFEC: 0,
            0xFF0: 0x0D,
            0xFF4: self.component_class << 4,
            0xFF8: 0x05,
            0xFFC: 0xB1,
        }
        return {self.base + offset: words.get(offset, 0) for offset in range(0xFB0, 0x1000, 4)}


COMPONENTS = (
    Component(base=SCS, part=_PART_M33, component_class=_CLASS_CORESIGHT, devarch=0x4770_2A04),
    Component(base=DWT, part=_PART_M33, component_class=_CLASS_CORESIGHT, devarch=0x4770_1A02),
    Component(base=BPU, part=_PART_M33, component_class=_CLASS_CORESIGHT, devarch=0x4770_1A03),
)

_ROM = Component(base=ROM_TABLE, part=_PART_ROM, component_class=_CLASS_ROM)

CORE_IDENTITY = {
    0xE000_E004: 0x0000_0003,  # ICTR: up to 128 interrupt lines
    0xE000_ED00: 0x410F_D214,  # CPUID: Cortex-M33 r0p4
    0xE000_ED40: 0x0000_0030,  # ID_PFR0: Thumb with Thumb-2
    0xE000_ED44: 0x0000_0200,  # ID_PFR1: M-profile model, no Security Extension
    0xE000_ED48: 0x0020_0000,  # ID_DFR0: M-profile debug architecture
    0xE000_ED4C: 0x0000_0000,  # ID_AFR0
    0xE000_ED50: 0x0010_1F40,  # ID_MMFR0
    0xE000_ED54: 0x0000_0000,  # ID_MMFR1
    0xE000_ED58: 0x0100_0000,  # ID_MMFR2
    0xE000_ED5C: 0x0000_0000,  # ID_MMFR3
    0xE000_ED60: 0x0110_1110,  # ID_ISAR0
    0xE000_ED64: 0x0221_2000,  # ID_ISAR1
    0xE000_ED68: 0x2023_2232,  # ID_ISAR2
    0xE000_ED6C: 0x0111_1131,  # ID_ISAR3: DSP instructions
    0xE000_ED70: 0x0131_0132,  # ID_ISAR4
    0xE000_ED74: 0x0000_0000,  # ID_ISAR5
    0xE000_ED78: 0x0000_0000,  # CLIDR: no cache in the core
    0xE000_ED90: 0x0000_0000,  # MPU_TYPE: no MPU is modelled
    0xE000_EF40: 0x1011_0021,  # MVFR0: single precision
    0xE000_EF44: 0x1100_0011,  # MVFR1
    0xE000_EF48: 0x0000_0040,  # MVFR2: FPv5
}


def constants() -> dict[int, int]:
    """Return every constant word a debugger can find, by address."""
    words: dict[int, int] = {}
    for component in (_ROM, *COMPONENTS):
        words.update(component.registers())
    for index, component in enumerate(COMPONENTS):
        words[ROM_TABLE + 4 * index] = ((component.base - ROM_TABLE) & 0xFFFF_F000) | _PRESENT_32_BIT
    words.update(CORE_IDENTITY)
    return words
