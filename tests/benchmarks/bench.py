"""``tox -e bench``: figures of this tree on this machine. Never a test: machines differ, and this one is shared.

What must be compared is measured in one run and told as a ratio. Options: names of sections, to run only those.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent))

from tests.benchmarks import cloud, modem  # noqa: E402
from tests.benchmarks.cpu_figures import cpu  # noqa: E402

_SECTIONS: dict[str, Callable[[], None]] = {}


def section(function: Callable[[], None]) -> Callable[[], None]:
    """Let ``function`` be a section under its own name."""
    _SECTIONS[function.__name__] = function
    return function


def show(what: str, value: str, note: str = "") -> None:
    """Print one figure."""
    print(f"  {what:<58} {value:>14}  {note}".rstrip(), flush=True)


@section
def http() -> None:
    """The virtual cloud: rates beside a bare endpoint and beside Prism, long lists, memory, a reset; see cloud.py."""
    for figures in (cloud.resets, cloud.sizes, cloud.rates):
        figures(show)


@section
def serial() -> None:
    """AT round trips a second through pyserial and the pseudo-terminal; the modem lives in a process of its own."""
    import serial as pyserial

    rounds: list[tuple[list[float], list[float]]] = []
    with tempfile.TemporaryDirectory() as runtime:
        process = subprocess.Popen([sys.executable, "-P", "-m", "harness.cli", "up", "--json"], stdout=subprocess.PIPE,
                                   env={"XDG_RUNTIME_DIR": runtime, "PATH": ""}, cwd=HERE.parent.parent)
        assert process.stdout is not None
        doors = json.loads(process.stdout.readline())
        port = pyserial.Serial(doors["modems"][0]["port"], timeout=1)
        port.write(b"ATE0\r")
        port.read_until(b"OK\r\n")
        time.sleep(6)
        port.reset_input_buffer()
        for _ in range(3):  # in turns, so that what else the machine does falls on both
            rounds.append((modem.round_trips(port, 10_000), modem.bare_round_trips(10_000)))
        port.close()
        process.terminate()
        process.wait()
    for number, what in enumerate(("AT -> OK round trips", "a bare process that answers OK")):
        for found in (sorted(turn[number] for turn in rounds)):
            show(what, f"{len(found) / sum(found):,.0f}/s",
                 f"p50 {found[len(found) // 2] * 1e6:.0f} us, p99 {found[len(found) * 99 // 100] * 1e6:.0f} us"
                 + ("" if number else " (at least 8,000/s, p50 at most 100 us)"))
    ours, bare = (statistics.median(turn[number][len(turn[number]) // 2] for turn in rounds) for number in (0, 1))
    show("its p50 in units of the bare process's", f"{ours / bare:.2f}")


@section
def start() -> None:
    """What a pytest run without harness tests pays, and how long a rig takes to come up."""
    code = ("import time, pytest, importlib; began = time.perf_counter(); import harness.pytest_plugin as plugin; "
            "[importlib.import_module(name) for name in plugin.pytest_plugins]; print(time.perf_counter() - began)")
    costs = [float(subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True).stdout)
             for _ in range(7)]
    show("import harness in a pytest run without harness tests", f"{statistics.median(costs) * 1000:.1f} ms",
         "median of 7 (at most 60 ms)")
    from harness.rig import RigOpener
    from harness.rig.model import RigFile

    opener = RigOpener(RigFile())
    opener.open().close()  # everything is imported now, and the server is up
    times = []
    for _ in range(10):
        began = time.perf_counter()
        rig = opener.open()
        rig.modem()
        times.append(time.perf_counter() - began)
        rig.close()
    opener.close()
    times.sort()
    show("a further rig: from nothing to an open modem", f"{times[5] * 1000:.0f} ms")
    times = []
    for _ in range(5):
        opener = RigOpener(RigFile())
        began = time.perf_counter()
        rig = opener.open()
        rig.modem()
        times.append(time.perf_counter() - began)
        rig.close()
        opener.close()
    show("the first rig, server included", f"{statistics.median(times) * 1000:.0f} ms", "(at most 300 ms)")


modem.sections(section, show)
section(cpu)


def main() -> None:
    """Run the sections that are asked for, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sections", nargs="*", choices=[[], *_SECTIONS], help=f"of {', '.join(_SECTIONS)}")
    for name in parser.parse_args().sections or _SECTIONS:
        print(f"{name}: {(_SECTIONS[name].__doc__ or '').strip().splitlines()[0]}")
        _SECTIONS[name]()


if __name__ == "__main__":
    main()
