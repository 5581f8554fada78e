"""ELF images of applications: what goes into flash, and the names in it.

An application for the board is a 32-bit little-endian Arm executable whose sections load into application flash
(0x0800_0000, 1 MiB) and whose memory is application RAM (0x2000_0000, 512 KiB). The flash image is made from *sections*
at their load addresses with gaps of 0xFF, as ``objcopy -O binary --gap-fill 0xff`` makes it; segments would bring the
linker's zero padding along and give another hash.
"""

from __future__ import annotations

import bisect
import difflib
import io
import itertools
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Any

from harness.errors import ElfError

FLASH_BASE, FLASH_SIZE = 0x0800_0000, 0x10_0000
RAM_BASE, RAM_SIZE = 0x2000_0000, 0x8_0000

_MAX_FILE = 32 << 20
_MAX_SECTIONS = 4096
_MAX_SYMBOLS = 1 << 18
_MAX_NAME = 4096
_NEEDED = "this board runs 32-bit little-endian Arm code (EM_ARM, Armv8-M Mainline)"

_SHF_ALLOC, _SHF_COMPRESSED = 0x2, 0x800
_SHN_UNDEF = 0
_STT_OBJECT, _STT_FUNC = 1, 2
_STT_SECTION, _STT_FILE = 3, 4
_STB_LOCAL = 0
_SYMBOL = struct.Struct("<IIIBBH")  # name, value, size, info, other, shndx (System V gABI, "Symbol Table")


class SymbolKind(Enum):
    """What a symbol names."""

    FUNCTION = "function"
    OBJECT = "object"
    OTHER = "other"
    """Labels, and symbols that the linker script defines."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """A name in the image.

    Attributes:
        address: where it is; for functions without the Thumb bit.
        size: bytes, 0 where the compiler did not say.
    """

    name: str
    address: int
    size: int
    kind: SymbolKind


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedSection:
    """A section that goes into flash: its load address, its place in the file, and its bytes."""

    name: str
    address: int
    offset: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ElfImage:
    """An application that was read from an ELF file and fits the board.

    Attributes:
        entry: entry point without the Thumb bit; the reset vector where the ELF header names none.
        sections: what goes into flash, by rising load address.
        symbols: every named function, object and label; of equal names the global one.

    Example::

        image = ElfImage.read(Path("app.elf").read_bytes())
        board.flash(image.rom())
        board.read(image.symbol("beat_count").address, 4)
    """

    entry: int
    sections: tuple[LoadedSection, ...] = field(repr=False)
    symbols: Mapping[str, Symbol] = field(repr=False)
    _functions: tuple[tuple[int, int, str], ...] = field(repr=False)

    @classmethod
    def read(cls, data: bytes) -> ElfImage:
        """Return the image that an ELF file holds.

        Raises:
            ElfError: not an ELF file, damaged, too big, for another CPU, not an executable, or outside the board's
                memory; the message says which.
        """
        if len(data) > _MAX_FILE:
            raise ElfError(f"the ELF file has {len(data)} bytes; at most {_MAX_FILE} are read")
        if data[:4] != b"\x7fELF":
            raise ElfError("not an ELF file: it does not begin with 7f 45 4c 46")
        try:
            return _Reader(data).image()
        except ElfError:
            raise
        except Exception as error:  # pyelftools raises nearly anything on damaged files, and nothing of it is ours
            raise ElfError(f"damaged ELF file: {error or type(error).__name__}") from error

    def rom(self) -> bytes:
        """Return the flash image from 0x0800_0000 to the end of the last section, gaps filled with 0xFF."""
        image = bytearray()
        for section in self.sections:
            offset = section.address - FLASH_BASE
            image.extend(b"\xff" * (offset - len(image)))
            image += section.data
        return bytes(image)

    def symbol(self, name: str) -> Symbol:
        """Return the symbol of this name.

        Raises:
            ElfError: there is none; the message offers the nearest spellings.
        """
        found = self.symbols.get(name)
        if found is None:
            near = difflib.get_close_matches(name, self.symbols, n=3)
            hint = f"; near: {', '.join(near)}" if near else ""
            raise ElfError(f"the image has no symbol {name!r}{hint}")
        return found

    def function_at(self, address: int) -> tuple[str, int] | None:
        """Return name and offset of the function this address lies in, or None if it lies in none that is known.

        A function whose size is not recorded reaches to the next one.
        """
        address &= ~1
        index = bisect.bisect_right(self._functions, address, key=lambda entry: entry[0]) - 1
        if index < 0:
            return None
        start, size, name = self._functions[index]
        if size:
            return (name, address - start) if address < start + size else None
        last = max((section.address + len(section.data) for section in self.sections), default=start)
        end = self._functions[index + 1][0] if index + 1 < len(self._functions) else last
        return (name, address - start) if address < end else None


class _Reader:
    """One reading of one file. Whatever is taken from the file is checked against its length first."""

    def __init__(self, data: bytes) -> None:
        from elftools.elf.elffile import ELFFile  # slow to import, and few callers read ELF files

        self._data = data
        self._elf: Any = ELFFile(io.BytesIO(data))

    def image(self) -> ElfImage:
        self._check_header()
        if self._elf.num_sections() > _MAX_SECTIONS or self._elf.num_segments() > _MAX_SECTIONS:
            raise ElfError(f"the ELF file claims more than {_MAX_SECTIONS} sections or segments")
        segments = [segment.header for segment in self._elf.iter_segments() if segment.header.p_type == "PT_LOAD"]
        self._check_profile()
        self._check_segments(segments)
        sections = tuple(sorted(self._loaded(segments), key=lambda section: section.address))
        if not sections:
            raise ElfError("the ELF file loads nothing into application flash: is it linked for this board?")
        for lower, upper in itertools.pairwise(sections):
            if lower.address + len(lower.data) > upper.address:
                raise ElfError(f"sections {lower.name} and {upper.name} overlap in flash at 0x{upper.address:08x}")
        symbols = list(self._symbols())
        by_name: dict[str, Symbol] = {}
        for symbol, is_local in symbols:
            if not is_local or symbol.name not in by_name:
                by_name[symbol.name] = symbol
        functions = {symbol.address: (symbol.address, symbol.size, symbol.name)
                     for symbol, _ in reversed(symbols) if symbol.kind is SymbolKind.FUNCTION}
        entry = self._elf.header.e_entry or self._reset_vector(sections)
        return ElfImage(entry=entry & ~1, sections=sections, symbols=MappingProxyType(by_name),
                        _functions=tuple(functions[address] for address in sorted(functions)))

    def _check_header(self) -> None:
        header = self._elf.header
        machine = header.e_machine
        if machine != "EM_ARM":
            raise ElfError(f"the ELF file is for another CPU: {_machine_name(machine)}; {_NEEDED}")
        if self._elf.elfclass != 32:
            raise ElfError(f"the ELF file is {self._elf.elfclass}-bit; {_NEEDED}")
        if not self._elf.little_endian:
            raise ElfError(f"the ELF file is big-endian; {_NEEDED}")
        if header.e_type != "ET_EXEC":
            raise ElfError(f"the ELF file is not a linked executable: its type is {header.e_type}, ET_EXEC is needed")

    def _check_profile(self) -> None:
        """Refuse Arm code that is not for an M-profile core, where the build attributes tell (Arm ABI, ADDENDA32)."""
        for section in self._elf.iter_sections():
            if section.header.sh_type != "SHT_ARM_ATTRIBUTES":
                continue
            self._contents(section)
            for part in section.iter_subsections():
                for subsection in part.iter_subsubsections():
                    for attribute in subsection.iter_attributes("TAG_CPU_ARCH_PROFILE"):
                        if attribute.value in (ord("A"), ord("R")):
                            raise ElfError(f"the ELF file is for another CPU: Arm, but profile "
                                           f"{chr(attribute.value)}; {_NEEDED}")

    def _check_segments(self, segments: list[Any]) -> None:
        for segment in segments:
            if segment.p_memsz and not (_inside(segment.p_vaddr, segment.p_memsz, FLASH_BASE, FLASH_SIZE)
                                        or _inside(segment.p_vaddr, segment.p_memsz, RAM_BASE, RAM_SIZE)):
                raise ElfError(
                    f"a segment occupies 0x{segment.p_vaddr:08x} to 0x{segment.p_vaddr + segment.p_memsz:08x}; "
                    f"applications have flash from 0x{FLASH_BASE:08x} to 0x{FLASH_BASE + FLASH_SIZE:08x} "
                    f"and RAM from 0x{RAM_BASE:08x} to 0x{RAM_BASE + RAM_SIZE:08x}")

    def _loaded(self, segments: list[Any]) -> Iterator[LoadedSection]:
        for section in self._elf.iter_sections():
            header = section.header
            if not header.sh_flags & _SHF_ALLOC or header.sh_type in ("SHT_NOBITS", "SHT_NULL") or not header.sh_size:
                continue
            if header.sh_flags & _SHF_COMPRESSED:
                raise ElfError(f"section {section.name} is compressed: it can't be loaded")
            address = _load_address(header, segments)
            if not _inside(address, header.sh_size, FLASH_BASE, FLASH_SIZE):
                raise ElfError(
                    f"section {section.name} loads at 0x{address:08x} to 0x{address + header.sh_size:08x}, outside "
                    f"application flash (0x{FLASH_BASE:08x} to 0x{FLASH_BASE + FLASH_SIZE:08x})")
            yield LoadedSection(name=section.name, address=address, offset=header.sh_offset,
                                data=self._contents(section))

    def _contents(self, section: Any) -> bytes:
        start, size = section.header.sh_offset, section.header.sh_size
        if start + size > len(self._data):
            raise ElfError(f"the ELF file is cut short: section {section.name} ends at byte {start + size}, "
                           f"the file at {len(self._data)}")
        return self._data[start:start + size]

    def _symbols(self) -> Iterator[tuple[Symbol, bool]]:
        for section in self._elf.iter_sections():
            if section.header.sh_type != "SHT_SYMTAB":
                continue
            names = self._contents(self._elf.get_section(section.header.sh_link))
            table = self._contents(section)
            if len(table) % _SYMBOL.size or len(table) // _SYMBOL.size > _MAX_SYMBOLS:
                raise ElfError(f"the symbol table has {len(table)} bytes; it must hold whole entries of "
                               f"{_SYMBOL.size} bytes, at most {_MAX_SYMBOLS}")
            for name_at, value, size, info, _, section_index in _SYMBOL.iter_unpack(table):
                kind = info & 0xF
                name = _name_at(names, name_at)
                # $t, $d and $a mark where code and data begin (Arm ABI, ELF for the Arm Architecture 5.5.5)
                if section_index == _SHN_UNDEF or kind in (_STT_SECTION, _STT_FILE) or name[:1] in ("", "$"):
                    continue
                yield Symbol(name=name, address=value & ~1 if kind == _STT_FUNC else value, size=size,
                             kind=_KINDS.get(kind, SymbolKind.OTHER)), info >> 4 == _STB_LOCAL

    @staticmethod
    def _reset_vector(sections: tuple[LoadedSection, ...]) -> int:
        first = sections[0]
        if first.address != FLASH_BASE or len(first.data) < 8:
            return 0
        return int.from_bytes(first.data[4:8], "little")


_KINDS = {_STT_FUNC: SymbolKind.FUNCTION, _STT_OBJECT: SymbolKind.OBJECT}


def _inside(address: int, size: int, base: int, length: int) -> bool:
    return base <= address and address + size <= base + length


def _load_address(section: Any, segments: list[Any]) -> int:
    """Return where the section's bytes go: its place in the segment, counted from the physical address."""
    for segment in segments:
        in_file = segment.p_offset <= section.sh_offset <= section.sh_offset + section.sh_size <= (
            segment.p_offset + segment.p_filesz)
        in_memory = _inside(section.sh_addr, section.sh_size, segment.p_vaddr, segment.p_memsz)
        if in_file and in_memory:
            return int(segment.p_paddr + section.sh_offset - segment.p_offset)
    return int(section.sh_addr)


def _name_at(names: bytes, start: int) -> str:
    end = names.find(b"\0", start, start + _MAX_NAME)
    return names[start:end].decode("utf-8", "replace") if end >= 0 else ""


def _machine_name(machine: str | int) -> str:
    from elftools.elf.descriptions import describe_e_machine

    return f"{describe_e_machine(machine)} ({machine})" if isinstance(machine, str) else f"machine number {machine}"
