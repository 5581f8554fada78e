"""The section ``cpu`` of the benchmark: what the emulated core costs, as ratios of what one run measured.

Rates are the best of several rounds, in which what is compared takes turns, so that other load on the machine falls on
both. Times are of this process's CPU, where not said otherwise.
"""

from __future__ import annotations

import gc
import shutil
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from unicorn.arm_const import UC_ARM_REG_SP
from unicorn.unicorn_const import UC_ARCH_ARM, UC_MODE_MCLASS, UC_MODE_THUMB
from unicorn.unicorn_py3.unicorn import Uc

from harness.firmware import fixture
from harness.formats.elf import ElfImage, LoadedSection
from harness.rig.facts import RamOnly
from harness.virtual.board.board import Board
from harness.virtual.board.core import CoreChoice, TracedCore, make_core, native_state
from harness.virtual.board.core.interface import FLASH_BASE, FLASH_SIZE, RAM_BASE, RAM_SIZE, CoreState
from harness.virtual.world import World

HERE = Path(__file__).parent
STACK = 0x2001_0000
MIX = (HERE / "mix.bin").read_bytes()


def _show(what: str, value: str, note: str = "") -> None:
    print(f"  {what:<58} {value:>14}  {note}".rstrip(), flush=True)


def _program(code: str, at: dict[int, str] | None = None, **vectors: int) -> bytes:
    """Return a flash image: code in hexadecimal at 0x40, more of it elsewhere, handlers by exception number."""
    table = [STACK, FLASH_BASE | 0x41] + [0] * 14
    for name, address in vectors.items():
        table[int(name.removeprefix("handler"))] = FLASH_BASE | address | 1
    image = bytearray(struct.pack("<16I", *table).ljust(0x200, b"\xff"))
    for offset, text in {0x40: code, **(at or {})}.items():
        image[offset:offset + len(bytes.fromhex(text))] = bytes.fromhex(text)
    return bytes(image)


# movs r0,#0; loop: svc 1; adds r0,#1; b loop; the handler: bx lr
_SVC = _program("0020" "01df" "0130" "fce7", {0xC0: "7047"}, handler11=0xC0)
# ldr r1,=SYST_CSR; ldr r2,=63999; str r2,[r1,#4]; movs r2,#7; str r2,[r1]; loop: wfi; b loop; the handler counts.
_TICK = _program("0449" "054a" "4a60" "0722" "0a60" "30bf" "fde7" "00bf00bf00bf" "10e000e0" "fff90000",
                 {0xC0: "034b" "1a68" "0132" "1a60" "7047" "00bf00bf00bf" "00000020"}, handler15=0xC0)


def _core(program: bytes, kind: CoreChoice = "auto") -> TracedCore:
    core = make_core(RamOnly(), kind)
    core.program(FLASH_BASE, program)
    core.reset()
    return core


def _best(rounds: int, *jobs: Callable[[], float]) -> list[float]:
    """Return the highest figure of each job; they take turns."""
    figures = [[job() for job in jobs] for _ in range(rounds)]
    return [max(column) for column in zip(*figures, strict=True)]


def _image(program: bytes) -> ElfImage:
    """Return a program as the image that a board installs."""
    section = LoadedSection(name=".text", address=FLASH_BASE, offset=0, data=program)
    return ElfImage(entry=FLASH_BASE | 0x40, sections=(section,), symbols=MappingProxyType({}), _functions=())


def _board(world: World, image: ElfImage, number: int = 0) -> Board:
    board = Board(world, None, name=f"bench-{number}", device_sid=f"UV{number:032x}")
    board.install(image)
    board.power_on()
    return board


def _fixture(name: str) -> ElfImage:
    return ElfImage.read(fixture(name).elf.read_bytes())


def _bare_mix(rounds: int) -> Callable[[], float]:
    uc = Uc(UC_ARCH_ARM, UC_MODE_THUMB | UC_MODE_MCLASS)
    uc.ctl_set_tcg_buffer_size(8 << 20)
    uc.mem_map(FLASH_BASE, FLASH_SIZE)
    uc.mem_map(RAM_BASE, RAM_SIZE)
    uc.mem_write(FLASH_BASE, MIX)

    def run() -> float:
        uc.mem_write(RAM_BASE, struct.pack("<I", rounds))
        uc.reg_write(UC_ARM_REG_SP, STACK)
        began = time.process_time()
        uc.emu_start(struct.unpack_from("<I", MIX, 4)[0] | 1, 0)
        return rounds / (time.process_time() - began)

    return run


def _mix(core: TracedCore, rounds: int) -> Callable[[], float]:
    def run() -> float:
        core.reset()
        core.write_memory(RAM_BASE, struct.pack("<I", rounds))
        began = time.process_time()
        while core.state is CoreState.RUNNING:
            core.run(core.cycles + 640_000)
        return rounds / (time.process_time() - began)

    return run


def _exceptions(kind: CoreChoice, cycles: int) -> Callable[[], float]:
    core = _core(_SVC, kind)
    core.run(20_000)

    def run() -> float:
        before, began = core.read_register(0), time.process_time()
        core.run(core.cycles + cycles)
        return (core.read_register(0) - before) / (time.process_time() - began)

    return run


def cpu() -> None:
    """What the emulated core costs: computing, exceptions, idling, many boards."""
    compiled = native_state.library() is not None
    core = _core(MIX)
    bare, ours = _best(150, _bare_mix(100), _mix(core, 100))  # many and short: some fall between what others run
    _show("compute mix", f"{ours / bare:.2f} x", f"bare unicorn, which does {bare:,.0f} rounds/s (at least 0.85)")
    _qemu_mix(ours)
    if compiled:
        ours, python = _best(5, _exceptions("c", 1_000_000), _exceptions("python", 4_000))
        _show("exceptions, SVC and return", f"{ours:,.0f}/s",
              f"{ours / python:.0f} x the Python core (at least 80,000/s, 50 x)")
    _idle()
    _threads()
    _fleet()
    _start()


def _idle() -> None:
    cases = (("1 kHz tick, WFI", _image(_TICK), 20, 400), ("fixture spin-idle", _fixture("spin-idle"), 10, 100),
             ("fixture heartbeat", _fixture("heartbeat"), 60, 0), ("fixture tasks", _fixture("tasks"), 5, 0))
    for what, image, span, least in cases:
        world = World()
        board = _board(world, image)
        world.clock.sleep("1s")

        def run(world: World = world, span: int = span) -> float:
            began = time.process_time()
            world.clock.sleep(span)
            return span / (time.process_time() - began)

        (rate,) = _best(3, run)
        _show(f"board, {what}", f"{rate:,.0f} x", "real time" + (f" (at least {least})" if least else ""))
        board.close()
        world.close()


def _threads() -> None:
    """One board and two boards that compute, each on a thread; by the wall clock."""
    cores = [_core(_TICK_AND_COMPUTE), _core(_TICK_AND_COMPUTE)]
    span = 30_000_000

    def run(count: int) -> float:
        threads = [threading.Thread(target=core.run, args=(core.cycles + span,)) for core in cores[:count]]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return count * span / (time.perf_counter() - began)

    one, two = _best(40, lambda: run(1), lambda: run(2))
    _show("two computing cores on two threads", f"{two / one:.2f} x", "one (at least 1.6, with two CPUs to themselves)")


# As _TICK, but the loop computes: adds r0,#1; eors r3,r0; lsls r2,r3,#3; adds r3,r3,r2; eors r3,r0; b loop.
_TICK_AND_COMPUTE = _program("0549" "064a" "4a60" "0722" "0a60" "0130" "4340" "da00" "9b18" "4340" "f9e7" "00bf"
                             "10e000e0" "fff90000", {0xC0: "7047"}, handler15=0xC0)


def _resident() -> float:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")


def _fleet(count: int = 200) -> None:
    for quantum, what in (("10ms", "the default quantum"), ("100ms", "a quantum of 100 ms")):
        image, world = _image(_TICK), World(quantum=quantum)
        boards = [_board(world, image)]
        world.clock.sleep("1s")
        gc.collect()
        before = _resident() if Path("/proc/self/status").exists() else float("nan")
        boards += [_board(world, image, number) for number in range(1, count)]
        world.clock.sleep("2s")
        gc.collect()
        if before == before and quantum == "10ms":
            each = (_resident() - before) / (count - 1)
            _show("resident memory of a further board", f"{each:.2f} MiB", "(at most 4)")

        def cost(world: World = world) -> float:
            began = time.process_time()
            world.clock.sleep("1s")
            return -(time.process_time() - began) / count

        (best,) = _best(4, cost)
        _show(f"{count} idle boards with a 1 kHz tick, one thread", f"{-best * 1000:.2f} ms",
              f"of CPU a board-second, {what} (at most 3)")
        for board in boards:
            board.close()
        world.close()


def _start() -> None:
    image, world, times = _image(_TICK), World(), []
    for number in range(12):
        began = time.process_time()
        board = _board(world, image, number)
        board.core.run(board.core.cycles + 1)
        times.append(time.process_time() - began)
        board.close()
    world.close()
    _show("board, from nothing to the first instruction", f"{min(times[1:]) * 1000:.1f} ms", "(at most 20)")


def _qemu_mix(ours: float) -> None:
    """The same source on QEMU's mps2-an505, linked to its memory and ended by semihosting."""
    if not (shutil.which("qemu-system-arm") and shutil.which("arm-none-eabi-gcc")):
        _show("compute mix on QEMU", "-", "no qemu-system-arm or no arm-none-eabi-gcc here")
        return
    with tempfile.TemporaryDirectory() as folder:
        image = Path(folder) / "mix.elf"
        subprocess.run(["arm-none-eabi-gcc", "-mcpu=cortex-m33", "-mthumb", "-O2", "-ffreestanding", "-nostdlib",
                        "-fno-tree-loop-distribute-patterns", "-DQEMU",
                        "-Wl,--section-start=.vectors=0x10000000,-Ttext=0x10000040,-estart", str(HERE / "mix.c"), "-o",
                        str(image)], check=True, stderr=subprocess.DEVNULL)
        seconds = []
        for rounds in (1, 40_000):
            began = time.perf_counter()
            subprocess.run(["qemu-system-arm", "-M", "mps2-an505", "-nographic", "-monitor", "none", "-serial", "none",
                            "-semihosting-config", "enable=on,target=native", "-device",
                            f"loader,file={image}", "-device", f"loader,addr=0x30000000,data={rounds},data-len=4"],
                           check=True, timeout=120)
            seconds.append(time.perf_counter() - began)
    rate = 40_000 / (seconds[1] - seconds[0])
    _show("compute mix on QEMU, mps2-an505", f"{rate / ours:.2f} x", "ours, by the wall clock")
