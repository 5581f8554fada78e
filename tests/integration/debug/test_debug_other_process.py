"""Programs of others - pyocd, and gdb behind it - at a board that lives in another process, in real time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.clock import RealClock, Stopwatch
from harness.drivers.board import Board, list_probes
from harness.errors import ProbeError
from harness.formats.elf import ElfImage
from harness.journal import Journal

HEARTBEAT = Path(__file__).parents[3] / "firmware_fixtures" / "heartbeat" / "heartbeat.elf"
SERVE = """
import sys
from pathlib import Path
from harness.clock import RealClock
from harness.formats.elf import ElfImage
from harness.runtime_dir import StackDir
from harness.virtual.board.board import Board
from harness.virtual.board.debug.link import SwdServer
from harness.virtual.board.debug.port import DebugPort
from harness.virtual.world import World

world = World(seed=1, clock=RealClock())
board = Board(world, None, name="board-1", device_sid="UV" + "0" * 32)
board.install(ElfImage.read(Path(sys.argv[1]).read_bytes()))
stack = StackDir("demo")
port = board.debug = DebugPort(board, world)
with world.turn():
    board.power_on()
server = SwdServer(world, port, stack.path / "board-1.swd")
world.start()
print("ready", flush=True)
sys.stdin.read()
server.close()
world.close()
board.close()
stack.close()
"""
UID = "mvh:demo/board-1"


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A runtime folder of our own, so that stacks of the user are neither seen nor disturbed."""
    monkeypatch.setenv("NO_COLOR", "1")
    with tempfile.TemporaryDirectory(prefix="mvh-", dir="/tmp") as folder:  # paths of sockets must be short
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        yield Path(folder) / "mvh"


@pytest.fixture
def served(runtime: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen([sys.executable, "-c", SERVE, str(HEARTBEAT)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    yield process
    if process.poll() is None:
        process.communicate("", timeout=20)
        assert process.returncode == 0
        assert not any(runtime.iterdir()), "the stack left something behind"
    else:
        process.communicate()


def pyocd(*arguments: str) -> str:
    """Run pyocd as a program and return what it prints, without colours."""
    done = subprocess.run([sys.executable, "-m", "pyocd", *arguments], check=False, capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 0, done.stderr
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)


@pytest.mark.usefixtures("runtime")
def test_nothing_is_listed_where_nothing_runs() -> None:
    assert "mvh:" not in pyocd("list")
    assert "stm32u585" in pyocd("list", "--targets", "--name", "u585")


@pytest.mark.usefixtures("served")
def test_pyocd_list_and_commander() -> None:
    listed = pyocd("list")
    assert re.search(r"Microvisor Harness virtual STM32U585 board-1\s+mvh:demo/board-1\s+\S+ stm32u585", listed)
    printed = pyocd("commander", "-u", "board-1", "-M", "attach", "-c", "status", "-c", "read32 0xe000ed00",
                    "-c", "halt", "-c", "reg pc", "-c", "status")
    assert re.search(r"Core 0 .*:\s+(Running|Sleeping)", printed)
    assert "410fd214" in printed
    assert re.search(r"pc = 0x0800\w{4}", printed)
    assert re.search(r"Core 0 .*:\s+Halted", printed)


@pytest.mark.usefixtures("served")
def test_the_driver_and_a_second_debugger(capfd: pytest.CaptureFixture[str]) -> None:
    clock = RealClock()
    journal = Journal(now=clock.now)
    assert UID in [info.uid for info in list_probes()]
    with Board(UID, clock, journal, "board-1", ElfImage.read(HEARTBEAT.read_bytes())) as board:
        assert board.symbol("beat_count").wait(lambda count: count >= 1, within="10s") >= 1
        with pytest.raises(ProbeError, match="board-1 is busy: another debugger is connected"):
            Board(UID, clock, journal, "second").connect()
        data = bytes(range(256)) * 64
        board.write_memory(0x2006_0000, data)
        assert board.read_memory(0x2006_0000, len(data)) == data
        board.reset(halt=True)
        board.step()
        board.reset()
        board.symbol("beat_count").wait(lambda count: count >= 1, within="10s")
    assert capfd.readouterr() == ("", "")


def test_a_board_whose_process_is_killed_is_lost_not_waited_for(served: subprocess.Popen[str], runtime: Path,
                                                                capfd: pytest.CaptureFixture[str]) -> None:
    clock, watch = RealClock(), Stopwatch()
    with Board(UID, clock, Journal(now=clock.now), "board-1") as board:
        served.send_signal(signal.SIGKILL)
        served.wait(timeout=10)
        with pytest.raises(ProbeError, match="board-1: lost the board on"):
            board.read32(0x2000_0000)
    assert watch.seconds < 10
    assert (runtime / "demo" / "board-1.swd").exists()
    assert UID not in [info.uid for info in list_probes()], "a stale socket was listed"
    assert capfd.readouterr() == ("", "")


needs_gdb = pytest.mark.skipif(shutil.which("gdb-multiarch") is None, reason="gdb-multiarch is not installed")


def gdb(home: Path, *script: str) -> str:
    """Return what gdb prints that carries out a script, behind pyocd's GDB server."""
    server = subprocess.Popen([sys.executable, "-m", "pyocd", "gdbserver", "-u", UID, "-p", "0", "-T", "0"],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert server.stdout is not None
        number = next(found[1] for line in server.stdout if (found := re.search(r"GDB server.* port (\d+)", line)))
        lines = ["set confirm off", "set remotetimeout 20", f"target remote :{number}", *script, "detach", "quit"]
        done = subprocess.run(["gdb-multiarch", "-batch", "-nx", *(word for line in lines for word in ("-ex", line)),
                               str(HEARTBEAT)], check=False, capture_output=True, text=True, timeout=120,
                              env={**os.environ, "HOME": str(home)})
    finally:
        server.terminate()
        server.communicate(timeout=20)
    return done.stdout + done.stderr


@pytest.mark.usefixtures("served")
@needs_gdb
def test_gdb_behind_pyocd(tmp_path: Path) -> None:
    told = gdb(tmp_path, "monitor reset halt", "break main", "continue", "print $pc == main", "backtrace", "delete",
               "stepi", "info registers xpsr")
    assert "Breakpoint 1, main" in told, told
    assert "#0  main" in told
    assert "xpsr" in told


@pytest.mark.usefixtures("served")
@needs_gdb
def test_gdb_loads_and_watches(tmp_path: Path) -> None:
    """`load` programs flash by the flash controller, `watch` uses a comparator of the DWT."""
    told = gdb(tmp_path, "load", "monitor reset halt", "break main", "continue", "delete", "watch beat_count",
               "continue", "print beat_count")
    assert "Transfer rate" in told, told
    assert "Breakpoint 1, main" in told
    assert "$1 = 1" in told, told


@pytest.mark.usefixtures("served")
def test_pyocd_flashes_an_elf_file() -> None:
    printed = pyocd("flash", "-u", "board-1", str(HEARTBEAT))
    assert "Error" not in printed
    clock = RealClock()
    with Board(UID, clock, Journal(now=clock.now), "board-1", ElfImage.read(HEARTBEAT.read_bytes())) as board:
        assert board.symbol("beat_count").wait(lambda count: count >= 1, within="10s") >= 1
