"""A D-Bus daemon of the test's own, for programs that are driven over a bus."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.clock import Stopwatch, pause

NEEDED = ("dbus-daemon", "gdbus")

_CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/>
<allow user="*"/></policy></busconfig>
"""


def missing(*programs: str) -> str | None:
    """Return which of these programs, and of the bus's own, is not installed; None if all are."""
    return next((program for program in (*NEEDED, *programs) if shutil.which(program) is None), None)


class Bus:
    """One message bus and one service on it, called by gdbus."""

    def __init__(self, socket: Path, service: str) -> None:
        self._address = f"unix:path={socket}"
        self._service = service

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs to take this bus for the machine's and the session's."""
        return {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": self._address, "DBUS_SESSION_BUS_ADDRESS": self._address,
                "LC_ALL": "C.UTF-8"}

    def call(self, path: str, method: str, *arguments: str, seconds: int = 25) -> str:
        """Call a method and return the answer in GVariant text."""
        done = subprocess.run(["gdbus", "call", "--system", "--timeout", str(seconds), "--dest", self._service,
                               "--object-path", path, "--method", method, *arguments], capture_output=True, text=True,
                              timeout=seconds + 10, check=False, env=self.environment)
        assert done.returncode == 0, f"{method}: {done.stderr}"
        return done.stdout

    def answers(self, path: str, method: str, *arguments: str) -> bool:
        """Tell whether a method can be called yet."""
        return subprocess.run(["gdbus", "call", "--system", "--dest", self._service, "--object-path", path, "--method",
                               method, *arguments], capture_output=True, timeout=30, check=False,
                              env=self.environment).returncode == 0

    def wait_for(self, pattern: str, path: str, method: str, *arguments: str, seconds: float = 40) -> re.Match[str]:
        """Call a method until its answer has this pattern in it."""
        watch, said = Stopwatch(), ""
        while watch.seconds < seconds:
            said = self.call(path, method, *arguments)
            if (found := re.search(pattern, said)) is not None:
                return found
            pause(0.2)
        raise AssertionError(f"{method} answered nothing like {pattern!r} within {seconds} s: {said}")

    @contextmanager
    def signals(self, log: Path) -> Iterator[Path]:
        """Write the service's signals to a file meanwhile."""
        with log.open("wb") as file, subprocess.Popen(
                ["gdbus", "monitor", "--system", "--dest", self._service], stdout=file,
                env=self.environment) as monitor:
            try:
                wait_until(lambda: "owned by" in log.read_text(encoding="utf-8"), "signals")
                yield log
            finally:
                monitor.terminate()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait for a condition in real time."""
    watch = Stopwatch()
    while not condition():
        assert watch.seconds < seconds, f"no {what} within {seconds} s"
        pause(0.05)


@contextmanager
def message_bus(folder: Path, service: str) -> Iterator[Bus]:
    """A bus in this folder, which must have a short name."""
    socket, configuration = folder / "bus", folder / "bus.conf"
    configuration.write_text(_CONFIGURATION.format(socket=socket), encoding="utf-8")
    with subprocess.Popen(["dbus-daemon", f"--config-file={configuration}", "--nofork"]) as daemon:
        try:
            wait_until(socket.exists, "message bus")
            yield Bus(socket, service)
        finally:
            daemon.terminate()


@contextmanager
def program(log: Path, *command: str, env: Mapping[str, str] | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program meanwhile; what it says goes to a file. It is asked to end, and made to after a while."""
    with log.open("wb") as file, subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file,
                                                  env=env) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
