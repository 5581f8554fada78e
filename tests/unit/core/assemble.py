"""Rebuild ``programs.json`` from ``programs/*.s``: ``python tests/unit/core/assemble.py`` (needs PyPI's ziglang).

The tests themselves only read the JSON file: code as hexadecimal, and the addresses of the labels.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

HERE = Path(__file__).parent
BASE, QEMU_BASE = 0x0800_0000, 0x1000_0000
ON_QEMU = ("corners",)
TARGET = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m33+fp_armv8d16sp"]
R_ARM_ABS32 = 2


def assemble() -> dict[str, dict[str, object]]:
    """Return code and labels of every program, linked to the start of flash."""
    sources = sorted((HERE / "programs").glob("*.s"))
    with tempfile.TemporaryDirectory() as folder:
        return {name: _one(Path(folder) / f"{name}.o", source, options, base)
                for source in sources for name, options, base in _variants(source.stem)}


def _variants(name: str) -> list[tuple[str, list[str], int]]:
    """Programs that run on QEMU too are linked a second time, to its memory."""
    ours: tuple[str, list[str], int] = (name, [], BASE)
    return [ours, (f"{name}-qemu", ["-Wa,-defsym,QEMU=1"], QEMU_BASE)] if name in ON_QEMU else [ours]


def _one(path: Path, source: Path, options: list[str], base: int) -> dict[str, object]:
    subprocess.run([sys.executable, "-m", "ziglang", "cc", *TARGET, "-I", str(HERE / "programs"), *options, "-c",
                    str(source), "-o", str(path)], check=True)
    return _link(path, base)


def _link(path: Path, base: int) -> dict[str, object]:
    with path.open("rb") as stream:
        elf: Any = ELFFile(stream)
        code = bytearray(elf.get_section_by_name(".text").data())
        table = elf.get_section_by_name(".symtab")
        relocations = elf.get_section_by_name(".rel.text")
        for entry in relocations.iter_relocations() if relocations else ():
            if entry["r_info_type"] != R_ARM_ABS32:
                raise SystemExit(f"{path.stem}: relocation {entry['r_info_type']}: put the label into .text")
            (addend,) = struct.unpack_from("<I", code, entry["r_offset"])
            value = addend + table.get_symbol(entry["r_info_sym"])["st_value"] + base
            struct.pack_into("<I", code, entry["r_offset"], value)
        labels = {symbol.name: base + symbol["st_value"] for symbol in table.iter_symbols()
                  if symbol.name and symbol["st_shndx"] != "SHN_UNDEF" and not symbol.name.startswith("$")
                  and symbol["st_info"]["type"] == "STT_NOTYPE"}
    return {"code": code.hex(), "labels": dict(sorted(labels.items()))}


if __name__ == "__main__":
    (HERE / "programs.json").write_text(json.dumps(assemble(), indent=1) + "\n")
