"""ELF images: the bytes binutils would take, the names nm would list, and a clear refusal of everything else."""

from __future__ import annotations

import re
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import ElfError
from harness.firmware import fixture, fixture_names
from harness.formats.elf import FLASH_BASE, RAM_BASE, ElfImage, SymbolKind

HEARTBEAT = fixture("heartbeat").elf.read_bytes()
needs_binutils = pytest.mark.skipif(shutil.which("arm-none-eabi-objcopy") is None, reason="no arm-none-eabi-objcopy")


def patched(offset: int, value: bytes) -> bytes:
    return HEARTBEAT[:offset] + value + HEARTBEAT[offset + len(value):]


def section_header(name: str) -> int:
    """Return the file offset of a section header (System V gABI, "Sections")."""
    table: int = struct.unpack_from("<I", HEARTBEAT, 32)[0]
    size, count, names_at = struct.unpack_from("<HHH", HEARTBEAT, 46)
    names, = struct.unpack_from("<I", HEARTBEAT, table + names_at * size + 16)
    for index in range(count):
        start: int = table + index * size
        name_at = names + struct.unpack_from("<I", HEARTBEAT, start)[0]
        if HEARTBEAT[name_at:].startswith(name.encode() + b"\0"):
            return start
    raise AssertionError(name)


def segment_header(index: int) -> int:
    table: int = struct.unpack_from("<I", HEARTBEAT, 28)[0]
    size: int = struct.unpack_from("<H", HEARTBEAT, 42)[0]
    return table + index * size


@needs_binutils
@pytest.mark.parametrize("name", fixture_names())
def test_rom_is_what_objcopy_makes(name: str, tmp_path: Path) -> None:
    path = fixture(name).elf
    out = tmp_path / "rom.bin"
    subprocess.run(["arm-none-eabi-objcopy", "-O", "binary", "--gap-fill", "0xff", str(path), str(out)], check=True)
    assert ElfImage.read(path.read_bytes()).rom() == out.read_bytes()


@needs_binutils
def test_symbols_are_what_nm_lists() -> None:
    listed = subprocess.run(["arm-none-eabi-nm", str(fixture("heartbeat").elf)], check=True, capture_output=True,
                            text=True).stdout.splitlines()
    expected = {}
    for line in listed:
        address, kind, name = line.split()
        if not name.startswith("$"):
            expected[name] = int(address, 16) & ~1 if kind in "tTW" else int(address, 16)
    image = ElfImage.read(HEARTBEAT)
    assert {name: symbol.address for name, symbol in image.symbols.items()} == expected


def test_rom_begins_with_the_vectors() -> None:
    image = ElfImage.read(HEARTBEAT)
    stack, reset = struct.unpack_from("<II", image.rom())
    assert stack == 0x2008_0000 == image.symbol("stack_top").address
    assert reset == image.entry | 1 == image.symbol("reset_handler").address | 1


def test_symbol_has_address_size_and_kind() -> None:
    image = ElfImage.read(HEARTBEAT)
    beats = image.symbol("beat_count")
    assert (beats.size, beats.kind) == (4, SymbolKind.OBJECT)
    assert RAM_BASE <= beats.address < RAM_BASE + 0x8_0000
    assert image.symbol("main").kind is SymbolKind.FUNCTION
    assert image.symbol("stack_top").kind is SymbolKind.OTHER


def test_unknown_symbol_offers_near_spellings() -> None:
    with pytest.raises(ElfError, match=r"no symbol 'beat_cont'; near: .*beat_count"):
        ElfImage.read(HEARTBEAT).symbol("beat_cont")
    with pytest.raises(ElfError, match=r"no symbol 'zzzzzzzz'$"):
        ElfImage.read(HEARTBEAT).symbol("zzzzzzzz")


def test_function_at() -> None:
    image = ElfImage.read(HEARTBEAT)
    main = image.symbol("main")
    assert image.function_at(main.address) == ("main", 0)
    assert image.function_at(main.address + 7) == ("main", 6)
    assert image.function_at(main.address + main.size - 2) == ("main", main.size - 2)
    assert image.function_at(FLASH_BASE) is None
    assert image.function_at(RAM_BASE) is None
    assert image.function_at(0) is None


def test_entry_comes_from_the_vectors_where_the_header_has_none() -> None:
    assert ElfImage.read(patched(24, bytes(4))).entry == ElfImage.read(HEARTBEAT).entry


def test_gaps_are_filled_with_ff() -> None:
    """A section that moves up in its segment leaves 0xFF behind, not the zeros of the file."""
    header = section_header(".rodata")
    address, offset, size = struct.unpack_from("<III", HEARTBEAT, header + 12)
    shorter = struct.pack("<III", address + 16, offset + 16, size - 16)
    rom = ElfImage.read(patched(header + 12, shorter)).rom()
    start = address - FLASH_BASE
    assert rom[start:start + 16] == b"\xff" * 16
    assert rom[start + 16:] == ElfImage.read(HEARTBEAT).rom()[start + 16:]


REFUSED = {
    "no ELF": (b"MZ" + bytes(100), "not an ELF file"),
    "empty": (b"", "not an ELF file"),
    "magic only": (b"\x7fELF", "damaged ELF file"),
    "x86-64": (patched(18, b"\x3e\0"), r"another CPU: Advanced Micro Devices X86-64 \(EM_X86_64\); this board runs"),
    "RISC-V": (patched(18, b"\xf3\0"), "another CPU: RISC-V"),
    "unheard-of machine": (patched(18, b"\x34\x12"), "another CPU: machine number 4660; .*EM_ARM"),
    "object file": (patched(16, b"\1\0"), "type is ET_REL, ET_EXEC is needed"),
    "big-endian": (patched(5, b"\2")[:16] + b"\0\2\0\x28" + HEARTBEAT[20:], "big-endian"),
    "segment elsewhere": (patched(segment_header(1) + 8, struct.pack("<I", 0x3000_0000)), "occupies 0x30000000"),
    "segment too long": (patched(segment_header(1) + 20, struct.pack("<I", 0x8_0001)), "to 0x20080001"),
    "section in RAM": (patched(segment_header(0) + 12, struct.pack("<I", RAM_BASE)), "outside application flash"),
    "section cut off": (patched(section_header(".text") + 16, struct.pack("<I", len(HEARTBEAT))), "cut short"),
    "compressed section": (patched(section_header(".text") + 8, struct.pack("<I", 0x806)), "is compressed"),
    "sections overlap": (
        patched(section_header(".vectors") + 20, struct.pack("<I", 0x278)), "vectors and .text overlap in flash"),
    "ragged symbols": (
        patched(section_header(".symtab") + 20, struct.pack("<I", 33)), "damaged ELF file: .*multiple of entry size"),
    "too many sections": (patched(48, b"\0\0"), "loads nothing|claims more|damaged"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_a_reason(case: str) -> None:
    data, message = REFUSED[case]
    with pytest.raises(ElfError, match=message):
        ElfImage.read(data)


def test_section_count_is_bounded() -> None:
    """A count of 0 in the header means that the first section's size holds it: up to four thousand million."""
    table, = struct.unpack_from("<I", HEARTBEAT, 32)
    data = bytearray(patched(48, b"\0\0"))
    struct.pack_into("<I", data, table + 20, 0xFFFF_FFFF)
    with pytest.raises(ElfError, match="claims more than 4096 sections"):
        ElfImage.read(bytes(data))


def test_file_size_is_bounded() -> None:
    with pytest.raises(ElfError, match="at most 33554432 are read"):
        ElfImage.read(b"\x7fELF" + bytes(32 << 20))


def test_application_profile_is_refused() -> None:
    attributes = HEARTBEAT.index(b"A", struct.unpack_from("<I", HEARTBEAT, section_header(".ARM.attributes") + 16)[0])
    profile = HEARTBEAT.index(b"\x07M", attributes)
    with pytest.raises(ElfError, match="another CPU: Arm, but profile A"):
        ElfImage.read(patched(profile, b"\x07A"))


def test_nothing_for_flash() -> None:
    data = bytearray(HEARTBEAT)
    for name in (".vectors", ".text", ".rodata"):
        struct.pack_into("<I", data, section_header(name) + 8, 0)
    with pytest.raises(ElfError, match="loads nothing into application flash"):
        ElfImage.read(bytes(data))


def test_this_python_is_for_another_cpu() -> None:
    data = Path(sys.executable).read_bytes()
    if data[:4] != b"\x7fELF" or len(data) > 32 << 20:
        pytest.skip("the interpreter is no ELF file of this size")
    with pytest.raises(ElfError, match=re.escape("EM_ARM, Armv8-M Mainline")):
        ElfImage.read(data)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=300), st.booleans())
def test_random_bytes_give_an_elf_error(data: bytes, magic: bool) -> None:
    with pytest.raises(ElfError):
        ElfImage.read(b"\x7fELF\x01\x01\x01" + data if magic else data)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 51) | st.integers(len(HEARTBEAT) - 900, len(HEARTBEAT) - 1),
                          st.integers(0, 255)), min_size=1, max_size=5))
def test_damaged_headers_give_an_elf_error_or_an_image(changes: list[tuple[int, int]]) -> None:
    data = bytearray(HEARTBEAT)
    for position, value in changes:
        data[position] = value
    try:
        image = ElfImage.read(bytes(data))
    except ElfError:
        return
    assert len(image.rom()) <= 0x10_0000
