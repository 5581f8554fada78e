"""Links that must not outlive the process that made them, not even one that is killed.

Theory of operation. A link to a terminal whose process was killed leads to whoever gets that terminal's number next. No
process can clean up after its own ``kill -9``, so a small one beside it does: it reads from a pipe which links there
are, sees the end of the pipe when the process is gone for whatever reason, and removes those that are still the same.
It is started with the first link and lives as long as the process.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from pathlib import Path
from typing import Final

_KEEPER: Final = """
import os, sys
kept = {}
for line in sys.stdin:
    path, *facts = line.split()
    kept.pop(path, None)
    if facts:
        kept[path] = facts
for path, facts in kept.items():
    name = bytes.fromhex(path)
    try:
        status = os.lstat(name)
        if [str(status.st_dev), str(status.st_ino), str(status.st_ctime_ns)] == facts:
            os.unlink(name)
    except OSError:
        pass
"""


class LinkKeeper:
    """Tells the process beside this one which links to remove when this one is gone."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._links: dict[str, str] = {}
        self._pipe = -1
        self._owner = 0  # who started the keeper: after a fork the child needs one of its own

    def __repr__(self) -> str:
        return f"LinkKeeper({len(self._links)} links)"

    def keep(self, link: Path) -> None:
        """Have this link removed when the process is gone; it must exist."""
        status = os.lstat(link)
        name = os.fsencode(link.absolute()).hex()
        with self._lock:
            if self._owner != os.getpid():
                self._links.clear()
            self._links[name] = f"{status.st_dev} {status.st_ino} {status.st_ctime_ns}"
            self._tell(f"{name} {self._links[name]}\n")

    def forget(self, link: Path) -> None:
        """The link is removed already, or is somebody else's now; no error if it was not kept."""
        name = os.fsencode(link.absolute()).hex()
        with self._lock:
            if self._links.pop(name, None) is not None and self._owner == os.getpid():
                self._tell(f"{name}\n")

    def _tell(self, line: str) -> None:
        if self._owner == os.getpid():
            try:
                os.write(self._pipe, line.encode("ascii"))
            except BrokenPipeError:  # somebody ended the keeper: another one is told everything
                os.close(self._pipe)
            else:
                return
        self._start()
        with contextlib.suppress(BrokenPipeError):
            for name, facts in self._links.items():
                os.write(self._pipe, f"{name} {facts}\n".encode("ascii"))

    def _start(self) -> None:
        reading, self._pipe = os.pipe()
        try:
            os.posix_spawn(sys.executable, [sys.executable, "-I", "-S", "-c", _KEEPER], os.environ, setsid=True,
                           file_actions=[(os.POSIX_SPAWN_DUP2, reading, 0),
                                         (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                                         (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)])
        finally:
            os.close(reading)
        self._owner = os.getpid()


LINKS: Final = LinkKeeper()
"""The keeper of this process."""
