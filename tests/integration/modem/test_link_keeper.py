"""A process that is killed leaves no link behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from harness.clock import Stopwatch, pause
from harness.virtual.modem.link_keeper import LinkKeeper

_HOLDER = """
import sys
from pathlib import Path
from harness.virtual.modem import VirtualModem
from harness.virtual.network import Network
from harness.virtual.world import World
world = World()
modems = [VirtualModem(world, Network(world), name=name, link=Path(name)) for name in sys.argv[1:]]
modems[0].close()
print("up", flush=True)
sys.stdin.readline()
"""


def until(condition: Callable[[], bool], what: str) -> None:
    watch = Stopwatch()
    while not condition():
        assert watch.seconds < 30, f"no {what} within 30 s"
        pause(0.02)


def test_links_go_when_their_process_is_killed(tmp_path: Path) -> None:
    closed, open_, taken = (tmp_path / name for name in ("closed", "with a space", "taken"))
    with subprocess.Popen([sys.executable, "-c", _HOLDER, *map(str, (closed, open_, taken))], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"up\n"
        assert not closed.is_symlink()
        assert open_.exists()
        # somebody else takes the place of one link while its process lives
        replacement = tmp_path / "replacement"
        replacement.symlink_to(os.readlink(taken))
        replacement.replace(taken)
        process.send_signal(signal.SIGKILL)
    until(lambda: not open_.is_symlink(), "removal of the link")
    assert taken.is_symlink()


def test_a_keeper_that_was_ended_is_replaced(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for link in (first, second):
        link.symlink_to("/dev/null")
    code = ("import os, sys\nfrom pathlib import Path\nfrom harness.virtual.modem.link_keeper import LINKS\n"
            "LINKS.keep(Path(sys.argv[1]))\nos.close(LINKS._pipe)\nreading, LINKS._pipe = os.pipe()\n"
            "os.close(reading)\nLINKS.keep(Path(sys.argv[2]))\n")
    subprocess.run([sys.executable, "-c", code, str(first), str(second)], check=True, timeout=30)
    until(lambda: not first.is_symlink() and not second.is_symlink(), "removal of both")


def test_what_was_forgotten_stays(tmp_path: Path) -> None:
    link, other = tmp_path / "link", tmp_path / "other"
    for one in (link, other):
        one.symlink_to("/dev/null")
    code = ("import sys\nfrom pathlib import Path\nfrom harness.virtual.modem.link_keeper import LINKS\n"
            "link, other = map(Path, sys.argv[1:])\nLINKS.keep(link)\nLINKS.keep(other)\nLINKS.forget(link)\n"
            "LINKS.forget(link)\n")
    subprocess.run([sys.executable, "-c", code, str(link), str(other)], check=True, timeout=30)
    until(lambda: not other.is_symlink(), "removal of the other")
    assert link.is_symlink()
    assert repr(LinkKeeper()) == "LinkKeeper(0 links)"
