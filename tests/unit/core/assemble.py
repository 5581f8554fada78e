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
BASE = 0x0800_0000
TARGET = ["-target", "thumb-freestanding-eabihf", "-mcpu=cortex_m33+fp_armv8d16sp"]
R_ARM_ABS32 = 2


def assemble() -> dict[str, dict[str, object]]:
    """Return code and labels of every program, linked to the start of flash."""
    sources = sorted((HERE / "programs").glob("*.s"))
    with tempfile.TemporaryDirectory() as folder:
        for source in sources:
            subprocess.run([sys.executable, "-m", "ziglang", "cc", *TARGET, "-I", str(HERE / "programs"), "-c",
                            str(source), "-o", f"{source.stem}.o"], cwd=folder, check=True)
        return {source.stem: _link(Path(folder) / f"{source.stem}.o") for source in sources}


def _link(path: Path) -> dict[str, object]:
    with path.open("rb") as stream:
        elf: Any = ELFFile(stream)
        code = bytearray(elf.get_section_by_name(".text").data())
        table = elf.get_section_by_name(".symtab")
        relocations = elf.get_section_by_name(".rel.text")
        for entry in relocations.iter_relocations() if relocations else ():
            if entry["r_info_type"] != R_ARM_ABS32:
                raise SystemExit(f"{path.stem}: relocation {entry['r_info_type']}: put the label into .text")
            (addend,) = struct.unpack_from("<I", code, entry["r_offset"])
            value = addend + table.get_symbol(entry["r_info_sym"])["st_value"] + BASE
            struct.pack_into("<I", code, entry["r_offset"], value)
        labels = {symbol.name: BASE + symbol["st_value"] for symbol in table.iter_symbols()
                  if symbol.name and symbol["st_shndx"] != "SHN_UNDEF" and not symbol.name.startswith("$")
                  and symbol["st_info"]["type"] == "STT_NOTYPE"}
    return {"code": code.hex(), "labels": dict(sorted(labels.items()))}


if __name__ == "__main__":
    (HERE / "programs.json").write_text(json.dumps(assemble(), indent=1) + "\n")
