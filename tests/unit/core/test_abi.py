"""The numbers that the compiled core has for the emulator's registers, hooks and errors are those of the binding."""

from __future__ import annotations

import re
from pathlib import Path

from unicorn import arm_const, unicorn_const

import harness.virtual.board.core as core

HEADER = (Path(core.__file__).parent / "native" / "unicorn_abi.h").read_text()
PREFIXES = {"REG_": (arm_const, "UC_ARM_REG_"), "HOOK_": (unicorn_const, "UC_HOOK_"),
            "ERR_": (unicorn_const, "UC_ERR_")}
OTHERS = {"FETCH_FORBIDDEN": unicorn_const.UC_MEM_FETCH_PROT, "PERMIT_ALL": unicorn_const.UC_PROT_ALL}


def test_numbers_are_those_of_the_binding() -> None:
    seen = 0
    for name, number in re.findall(r"\b([A-Z][A-Z0-9_]*) = (\d+)", HEADER):
        for prefix, (module, theirs) in PREFIXES.items():
            if name.startswith(prefix):
                assert getattr(module, theirs + name.removeprefix(prefix)) == int(number), name
                seen += 1
        if name in OTHERS:
            assert OTHERS[name] == int(number), name
            seen += 1
    assert seen >= 25
