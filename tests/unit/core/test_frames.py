"""What entry pushes and return pops, and what EXC_RETURN values mean."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest

from harness.virtual.board.core.interface import Register

if TYPE_CHECKING:
    from tests.unit.core.conftest import Board, Boot

RAM, PSP_TOP = 0x2000_0000, 0x2000_8000
COPY = 0x2000_0200


def run_to(board: Board, address: int, limit: int = 2000) -> None:
    core = board.core
    core.breakpoints = {address}
    core.run(core.cycles + limit)
    assert core.read_register(Register.PC) == address
    core.breakpoints = set()


def frame(board: Board, words: int = 8) -> tuple[int, ...]:
    return struct.unpack(f"<{words}I", board.core.read_memory(board.register(Register.PSP), 4 * words))


def again(board: Board) -> None:
    """Go on to the next SVC's handler."""
    board.core.resume()
    run_to(board, board.labels["stop"])


def test_frames_hold_the_context_and_skip_a_word_to_align(boot: Boot) -> None:
    board = boot("frames")
    run_to(board, board.labels["stop"])
    assert frame(board) == (0x11111111, 0x22222222, 0x33333333, 0x44444444, 0x55555555, 0x66666666,
                            board.labels["after_0"], 0x0100_0000)
    assert (board.register(7), board.register(8)) == (0xFFFF_FFBC, PSP_TOP - 0x20)
    assert board.register(9) == 0, "a handler runs on the main stack"
    assert board.core.exception == 11
    again(board)
    assert board.register(8) == PSP_TOP - 4 - 0x24
    assert frame(board)[6:] == (board.labels["after_1"], 0x0100_0200)
    again(board)
    assert frame(board)[7] == 0x6100_0800, "the IT state is stacked, for the instruction after the SVC"
    assert board.core.read_register(Register.XPSR) & 0x0600_FC00 == 0, "and no IT block is in progress in the handler"


def test_an_it_block_goes_on_after_the_return(boot: Boot) -> None:
    board = boot("frames")
    board.core.run(2000)
    assert board.register(4) == 1
    assert board.register(10) == 4
    assert board.core.read_register(Register.PC) == board.labels["done"]
    assert board.register(Register.PSP) == PSP_TOP


def test_floating_point_context_is_kept(boot: Boot) -> None:
    board = boot("frames")
    for _ in range(3):
        run_to(board, board.labels["stop"])
        board.core.resume()
    run_to(board, board.labels["stop"])
    assert board.register(7) == 0xFFFF_FFAC
    assert board.register(8) == PSP_TOP - 0x68
    words = frame(board, 26)
    assert words[6] == board.labels["after_3"]
    assert (words[8], words[8 + 15]) == (0x3FC0_0000, 0x4020_0000)  # 1.5 and 2.5
    board.core.resume()
    board.core.run(board.core.cycles + 500)
    assert [board.register(Register.S0 + number) for number in (0, 15, 16)] == [0x3FC0_0000, 0x4020_0000, 0x4060_0000]
    assert board.register(5) & 0x7 == 6, "back on the process stack with floating-point context"


def start_return(boot: Boot, exc_return: int, *, xpsr: int = 0) -> Board:
    board = boot("returns")
    for address, value in ((RAM, exc_return), (RAM + 4, COPY), (RAM + 8, xpsr)):
        board.put(address, value)
    return board


@pytest.mark.parametrize("exc_return", [0xFFFF_FFB8, 0xFFFF_FFB9, 0xFFFF_FFF9, 0xFFFF_FFF8])
def test_returns_to_the_thread_on_the_main_stack(boot: Boot, exc_return: int) -> None:
    board = start_return(boot, exc_return)
    board.core.run(2000)
    assert board.log() == [0x55]
    assert board.register(10) == 0
    assert board.register(Register.SP) == 0x2001_0000


@pytest.mark.parametrize("exc_return", [0xFFFF_FFBC, 0xFFFF_FFFD])
def test_returns_to_the_thread_on_the_process_stack(boot: Boot, exc_return: int) -> None:
    board = boot("returns")
    board.put(RAM, exc_return)
    board.put(RAM + 4, PSP_TOP - 0x20)
    board.core.run(60)
    board.core.write_register(Register.PSP, PSP_TOP - 0x20)
    board.core.run(2000)
    assert board.log() == [0x55]
    assert board.register(10) == 2
    assert board.register(Register.SP) == PSP_TOP


@pytest.mark.parametrize(("exc_return", "why"), [
    (0xFFFF_FFB0, "to Handler mode, with a frame of Thread mode"),
    (0xFFFF_FFB4, "to Handler mode on the process stack"),
    (0xFFFF_FFBA, "a reserved bit"),
    (0xFFFF_FF98, "without DCRS"),
    (0xFF12_3458, "a wrong prefix"),
])
def test_broken_returns_are_usage_faults(boot: Boot, exc_return: int, why: str) -> None:
    board = start_return(boot, exc_return)
    board.core.run(2000)
    assert board.log() == [6], why
    assert board.register(7) == 1 << 18  # INVPC
    assert board.register(8) & ~1 == exc_return & ~1
    assert board.register(Register.SP) == 0x2001_0000 - 0x20, "the frame stays where it is"


def test_a_frame_of_handler_mode_can_not_be_returned_to_the_thread(boot: Boot) -> None:
    board = start_return(boot, 0xFFFF_FFB8, xpsr=0x0100_000B)
    board.core.run(2000)
    assert board.log() == [6]
    assert board.register(7) == 1 << 18


def test_a_return_without_the_thumb_bit_is_an_invalid_state(boot: Boot) -> None:
    board = start_return(boot, 0xFFFF_FFB8, xpsr=0x6000_0000)
    board.core.run(2000)
    assert board.log() == [6]
    assert board.register(7) == 1 << 17


def test_a_return_whose_exception_is_not_active_is_a_usage_fault(boot: Boot) -> None:
    board = start_return(boot, 0xFFFF_FFB8)
    board.core.breakpoints = {board.labels["svc"]}
    board.core.run(2000)
    board.put(0xE000_ED24, 0x0007_0000)  # SHCSR: SVCALLACT clear
    board.core.resume()
    board.core.run(4000)
    assert board.log() == [6]
    assert board.register(7) == 1 << 18


def test_a_stack_that_is_gone_at_the_return_is_a_bus_fault(boot: Boot) -> None:
    board = boot("returns")
    board.put(RAM, 0xFFFF_FFBC)
    board.core.breakpoints = {board.labels["svc"]}
    board.core.run(2000)
    board.core.write_register(Register.PSP, 0x3000_0000)
    board.core.resume()
    board.core.run(4000)
    assert board.log() == [5]
    assert board.register(7) == 1 << 11  # UNSTKERR
