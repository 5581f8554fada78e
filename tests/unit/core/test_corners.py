"""Corner cases of exceptions: the same machine code on both cores and on QEMU's mps2-an505 leaves the same log.

``programs/corners.s`` says what it does and what it logs: order of chained exceptions, priorities and their groups,
BASEPRI, PRIMASK and FAULTMASK, stacked xPSR with the bits of an IT block, EXC_RETURN, fault status, escalation, stack
limit, alignment, floating-point context.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import CoreState
from tests.unit.core.conftest import PROGRAMS

if TYPE_CHECKING:
    from tests.unit.core.conftest import Boot

LOG, LOG_POINTER = 0x2000_1000, 11
MARKS = 24


def our_log(boot: Boot) -> list[int]:
    board = boot("corners")
    board.core.run(20_000)
    assert board.core.state is CoreState.SLEEPING
    assert board.core.exception == 0
    return list(struct.unpack(f"<{(board.register(LOG_POINTER) - LOG) // 4}I",
                              board.core.read_memory(LOG, board.register(LOG_POINTER) - LOG)))


def sections(log: list[int]) -> list[list[int]]:
    """Split a log at the marks of the thread, so that a difference tells its place."""
    parts: list[list[int]] = []
    for word in log:
        if 0xAAAA_0000 < word < 0xAAAA_0100:
            parts.append([])
        parts[-1].append(word)
    return parts


def test_every_corner_is_reached(boot: Boot) -> None:
    parts = sections(our_log(boot))
    assert [part[0] & 0xFF for part in parts] == list(range(1, MARKS + 1))
    tags = [[word >> 16 for word in part if word & 0xFFFF in range(1, 20) and word >> 16 in range(16)]
            for part in parts]
    assert tags[0] == [2, 3, 1, 0]  # most urgent first; of two alike the lower number
    assert tags[1] == [2]
    assert tags[2] == [1, 0]


@pytest.mark.skipif(shutil.which("qemu-system-arm") is None, reason="qemu-system-arm is not installed here")
def test_qemu_leaves_the_same_log(boot: Boot, tmp_path: Path) -> None:
    image = tmp_path / "corners.bin"
    image.write_bytes(bytes.fromhex(PROGRAMS["corners-qemu"]["code"]))
    done = subprocess.run(
        ["qemu-system-arm", "-M", "mps2-an505", "-nographic", "-monitor", "none", "-serial", "none",
         "-semihosting-config", "enable=on,target=native", "-device",
         f"loader,file={image},addr=0x10000000,force-raw=on"], capture_output=True, timeout=60, check=True)
    theirs = list(struct.unpack(f"<{len(done.stdout) // 4}I", done.stdout))
    for ours, other in zip(sections(our_log(boot)), sections(theirs), strict=True):
        assert [f"{word:08x}" for word in ours] == [f"{word:08x}" for word in other]
