"""Watchpoints, vector catches, masked interrupts and loss of power, seen by pyOCD, on both cores."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

from harness.drivers.board import Board as NearEnd
from harness.formats.bundle import Bundle
from harness.virtual.board.core.interface import RAM_BASE
from harness.virtual.board.debug import registry
from harness.virtual.board.debug.core_debug import DEMCR, DHCSR, DWT_COMP0
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.board.debug.traps import VC_BUSERR, VC_CHKERR, VC_HARDERR, VC_MMERR, VC_STATERR

if TYPE_CHECKING:
    from tests.integration.board.conftest import Program, Setup

COUNTER, OTHER, TICKS = RAM_BASE + 0x100, RAM_BASE + 0x200, RAM_BASE + 0x300
READ, WRITE, BOTH = 1, 2, 3
SHCSR = 0xE000_ED24


@pytest.fixture(params=["c", "python"])
def setup(request: pytest.FixtureRequest, make_setup: Callable[..., Setup]) -> Setup:
    return make_setup(core=request.param, hclk_hz=4_000_000)


@pytest.fixture
def near(setup: Setup) -> Iterator[NearEnd]:
    port = setup.board.debug = DebugPort(setup.board, setup.world)
    near = NearEnd(registry.register(port), setup.world.clock, setup.world.journal, "board")
    yield near
    near.close()
    registry.unregister(port)


def boot(setup: Setup, near: NearEnd, bundle: Bundle) -> Any:
    setup.board.install(bundle)
    setup.board.power_on()
    near.connect()
    return near.session.target


def loop(program: type[Program], body: Program) -> Program:
    """Return a program that does ``body`` for ever."""
    return program().put(*body.code, 0xE000 | -(len(body.code) + 2) & 0x7FF)


def kind(number: int) -> Any:
    from pyocd.core.target import Target

    return {READ: Target.WatchpointType.READ, WRITE: Target.WatchpointType.WRITE,
            BOTH: Target.WatchpointType.READ_WRITE}[number]


def is_watchpoint(target: Any) -> bool:
    from pyocd.core.target import Target

    return bool(target.get_halt_reason() is Target.HaltReason.WATCHPOINT)


@pytest.mark.parametrize(("access", "halts"), [(READ, False), (WRITE, True), (BOTH, True)])
def test_a_store_is_watched(setup: Setup, near: NearEnd, program: type[Program], link: Callable[..., Bundle],
                            access: int, halts: bool) -> None:
    target = boot(setup, near, link(loop(program, program().store(COUNTER, 7))))
    near.halt()
    assert target.set_watchpoint(COUNTER, 4, kind(access))
    near.resume()
    setup.run("1ms")
    assert near.is_halted is halts
    if halts:
        assert is_watchpoint(target)
        assert near.read32(COUNTER) == 7
        target.remove_watchpoint(COUNTER, 4, kind(access))
        near.resume()
        setup.run("1ms")
        assert not near.is_halted


def test_a_load_is_watched(setup: Setup, near: NearEnd, program: type[Program], link: Callable[..., Bundle]) -> None:
    target = boot(setup, near, link(loop(program, program().load(COUNTER))))
    near.halt()
    assert target.set_watchpoint(COUNTER + 4, 4, kind(READ))  # a neighbour is none of its business
    near.resume()
    setup.run("1ms")
    assert not near.is_halted
    near.halt()
    assert target.set_watchpoint(COUNTER + 2, 2, kind(READ))  # a word access reaches into it
    near.resume()
    setup.run("1ms")
    assert near.is_halted
    assert is_watchpoint(target)


def test_four_comparators_and_which_of_them_matched(setup: Setup, near: NearEnd, program: type[Program],
                                                    link: Callable[..., Bundle]) -> None:
    target = boot(setup, near, link(loop(program, program().store(OTHER, 1))))
    near.halt()
    for address in (COUNTER, COUNTER + 8, OTHER, COUNTER + 16):
        assert target.set_watchpoint(address, 4, kind(WRITE))
    assert not target.set_watchpoint(COUNTER + 32, 4, kind(WRITE))
    near.resume()
    setup.run("1ms")
    assert near.is_halted
    matched = [near.read32(DWT_COMP0 + 16 * index + 8) >> 24 & 1 for index in range(4)]
    assert matched == [0, 0, 1, 0]
    assert near.read32(DWT_COMP0 + 16 * 2 + 8) >> 24 & 1 == 0  # reading cleared it


def test_a_linked_value_narrows_the_one_before(setup: Setup, near: NearEnd, program: type[Program],
                                               link: Callable[..., Bundle]) -> None:
    boot(setup, near, link(loop(program, program().increment(COUNTER))))
    near.halt()
    start = near.read32(COUNTER)
    near.write32(DEMCR, near.read32(DEMCR) | 1 << 24)
    near.write32(DWT_COMP0, COUNTER)
    near.write32(DWT_COMP0 + 8, 2 << 10 | 0b0101)
    near.write32(DWT_COMP0 + 16, start + 5)
    near.write32(DWT_COMP0 + 24, 2 << 10 | 0b01 << 4 | 0b1011)
    near.resume()
    setup.run("1ms")
    assert near.is_halted
    assert near.read32(COUNTER) == start + 5


FAULTS = {  # the program after SHCSR enables what it says, and the catch that stops it
    "hard": (0, [0xDE00], VC_HARDERR), "state": (1 << 18, [0xDE00], VC_STATERR),
    "bus": (1 << 17, [0xF04F, 0x4010, 0x6800], VC_BUSERR),  # mov.w r0, #0x90000000; ldr r0, [r0]
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("caught", [True, False])
def test_vector_catch(setup: Setup, near: NearEnd, program: type[Program], link: Callable[..., Bundle], name: str,
                      caught: bool) -> None:
    enable, code, catch = FAULTS[name]
    target = boot(setup, near, link(program().store(SHCSR, enable).put(*code).spin()))
    near.reset(halt=True)
    assert near.is_halted
    everything = VC_HARDERR | VC_STATERR | VC_BUSERR | VC_CHKERR | VC_MMERR
    near.write32(DEMCR, catch if caught else everything & ~catch)
    near.resume()
    setup.run("10ms")
    assert near.is_halted is caught
    crashes = setup.world.journal.select("application_crashed")
    if caught:
        from pyocd.core.target import Target

        assert target.get_halt_reason() is Target.HaltReason.VECTOR_CATCH
        assert near.register("xpsr") & 0x1FF == {"hard": 3, "bus": 5, "state": 6}[name]
        assert not crashes
    elif name in ("hard", "bus"):
        assert crashes  # no debugger stops it, so the kernel reports it


def test_interrupts_are_masked_while_it_runs(setup: Setup, near: NearEnd, program: type[Program],
                                             link: Callable[..., Bundle]) -> None:
    tick = program().increment(TICKS).put(program.BX_LR)
    main = program().store(0xE000_E014, 3999).store(0xE000_E018, 0).store(0xE000_E010, 7)
    main.put(*loop(program, program().increment(COUNTER)).code)
    boot(setup, near, link(main, {-1: tick}))
    setup.run("5ms")
    near.halt()
    before, count = near.read32(TICKS), near.read32(COUNTER)
    assert before >= 4
    near.write32(DHCSR, 0xA05F_000B)  # halted still: C_MASKINTS may only change then
    near.write32(DHCSR, 0xA05F_0009)
    setup.run("5ms")
    assert near.read32(TICKS) == before
    assert near.read32(COUNTER) > count
    near.write32(DHCSR, 0xA05F_000B)
    near.write32(DHCSR, 0xA05F_0003)
    near.write32(DHCSR, 0xA05F_0001)
    setup.run("5ms")
    assert near.read32(TICKS) >= before + 4


def test_a_loss_of_power_clears_the_debug_registers(setup: Setup, near: NearEnd, program: type[Program],
                                                    link: Callable[..., Bundle]) -> None:
    target = boot(setup, near, link(loop(program, program().store(COUNTER, 7))))
    near.halt()
    target.set_watchpoint(COUNTER, 4, kind(WRITE))
    near.set_breakpoint(0x0800_0400)
    setup.board.power_off()
    setup.board.power_on()
    setup.run("1ms")
    assert near.read32(DEMCR) == 0
    assert near.read32(DHCSR) & 0xFF == 0
    assert near.read32(DWT_COMP0 + 8) & 0x3F == 0
    assert setup.board.core.breakpoints == set()
    assert near.read32(COUNTER) == 7
