"""The interpreter that recognises idle loops executes every instruction it accepts as the emulator does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pytest

from harness.clock import RandomStream, random_stream
from harness.rig.facts import RamOnly
from harness.virtual.board.core import native_state
from harness.virtual.board.core.c_core import CCore
from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, HaltReason, Register

pytestmark = pytest.mark.skipif(native_state.library() is None, reason="the compiled core was not built here")

RAM, SIZE, CODE = 0x2000_1000, 0x400, FLASH_BASE + 0x8_0000
FLAGS = 0xF000_0000


@pytest.fixture
def core() -> Iterator[CCore]:
    core = CCore(RamOnly())
    core.program(FLASH_BASE, (0x2000_8000).to_bytes(4, "little") + (CODE | 1).to_bytes(4, "little") * 15)
    core.reset()
    core.halt(HaltReason.HALTED)
    yield core
    core.close()


def _narrow(chance: RandomStream) -> bytes:
    return chance.randrange(0xE800).to_bytes(2, "little")


def _wide(chance: RandomStream) -> bytes:
    return chance.randrange(0xE800, 0x1_0000).to_bytes(2, "little") + chance.randrange(0x1_0000).to_bytes(2, "little")


def _likely_wide(chance: RandomStream) -> bytes:
    """Forms that random words hardly ever hit."""
    rn, rd, rm, imm8, imm12 = (chance.randrange(limit) for limit in (15, 15, 15, 256, 4096))
    first, second = chance.choice([
        (0xEA00 | chance.randrange(16) << 5 | chance.randrange(2) << 4 | rn, imm12 & 0x70F0 | rd << 8 | rm),
        (0xF000 | chance.randrange(2) << 10 | chance.randrange(16) << 5 | chance.randrange(2) << 4 | rn,
         chance.randrange(8) << 12 | rd << 8 | imm8),
        (0xF200 | chance.choice([0, 10, 4, 12, 20, 28, 22]) << 4 | chance.choice([rn, 15]),
         chance.randrange(8) << 12 | rd << 8 | imm8 & 0xDF),
        (0xF800 | chance.randrange(4) << 7 | chance.randrange(3) << 5 | chance.randrange(2) << 4 | rn,
         rd << 12 | chance.choice([imm12 & 0x3F, 0x800 | chance.randrange(8) << 8 | imm8])),
        (0xFA00 | chance.randrange(4) << 5 | chance.randrange(2) << 4 | rn, 0xF000 | rd << 8 | rm),
        (0xFA00 | chance.randrange(6) << 4 | chance.choice([rn, 15]), 0xF080 | chance.randrange(4) << 4 | rd << 8 | rm),
        (0xFB00 | rn, chance.choice([rn, 15]) << 12 | rd << 8 | chance.randrange(2) << 4 | rm),
        (0xFBB0 | rn, 0xF0F0 | rd << 8 | rm),
        (0xE840 | chance.randrange(2) << 8 | chance.randrange(2) << 7 | chance.randrange(4) << 4 | rn,
         rd << 12 | rm << 8 | imm8 & 0xF),
        (0xE880 | chance.choice([0, 0x80]) | chance.randrange(4) << 4 | rn, chance.randrange(1 << 13)),
        (0xE8D0 | chance.choice([rn, 15]), 0xF000 | chance.randrange(2) << 4 | rm),
        (0xF3EF, 0x8000 | rd << 8 | chance.choice([16, 17])), (0xF380 | rn, 0x8800 | chance.choice([16, 17])),
        (0xF000 | chance.randrange(1 << 11), 0x8000 | chance.randrange(2) << 14 | chance.randrange(2) << 12
         | chance.randrange(2) << 13 | chance.randrange(1 << 12) & 0x8FE),
    ])
    return first.to_bytes(2, "little") + second.to_bytes(2, "little")


def _state(core: CCore, chance: RandomStream) -> list[int]:
    """Give the core random registers, half of them addresses in RAM, and return them."""
    values = [chance.choice([RAM + SIZE // 2 + 4 * chance.randrange(-32, 32), chance.randrange(1 << 32),
                             chance.randrange(64), CODE + 1]) for _ in range(13)]
    values += [RAM + SIZE // 2 + 8 * chance.randrange(-16, 16), CODE | 1 if chance.random() < 0.5 else values[0]]
    for number, value in enumerate(values):
        core.write_register(number, value)
    core.write_register(Register.XPSR, 1 << 24 | chance.randrange(16) << 28)
    core.write_register(Register.CFBP, 0)
    core.write_register(Register.PC, CODE)
    return values


@pytest.mark.parametrize("make", [_narrow, _wide, _likely_wide])
@pytest.mark.parametrize("seed", range(3))
def test_what_it_accepts_it_does_as_the_emulator_does(core: CCore, make: Callable[[RandomStream], bytes],
                                                      seed: int) -> None:
    chance = random_stream(seed, "instructions")
    accepted: Counter[int] = Counter()
    for _ in range(1200):
        code = make(chance)
        if code[1] == 0xBF and code[0] & 0xF:
            continue  # an IT is not stepped alone
        memory = chance.randbytes(SIZE)
        core.program(CODE, code + b"\x00\xbf" * 4)
        core.write_memory(RAM, memory)
        _state(core, chance)
        foreseen = core.foresee()
        if foreseen is None:
            continue
        if not FLASH_BASE <= foreseen[15] < FLASH_BASE + FLASH_SIZE:
            continue  # a branch to nowhere: the step would end with the fault of the next instruction
        accepted[int.from_bytes(code[:2], "little") >> 9] += 1
        after = core.read_memory(RAM, SIZE)
        core.write_memory(RAM, memory)
        core.step()
        told = f"{code.hex()} with seed {seed}, {core}, cfsr {core.read_memory(0xE000_ED28, 16).hex()}"
        assert [core.read_register(number) for number in range(16)] == foreseen[:16], told
        assert core.read_register(Register.XPSR) & FLAGS == foreseen[16], told
        assert core.read_memory(RAM, SIZE) == after, told
    assert len(accepted) > (40 if make is _narrow else 2)
