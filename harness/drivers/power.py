"""The switch in a device's supply: whatever program a bench has for it."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Protocol

from harness.clock import NANOSECONDS, Duration, to_ns
from harness.errors import DeviceError, UsageError


class PowerSwitch(Protocol):
    """Switches one device off and on."""

    def off(self) -> None:
        """Take the supply away, or hold the device in reset."""

    def on(self) -> None:
        """Give the supply back."""


class CommandSwitch:
    """A switch that programs operate: ``uhubctl`` for USB hubs, a relay's own tool, ``curl`` for a socket outlet.

    Args:
        off, on: program and arguments of each; they are run as they are, without a shell.
        within: how long a program may take.

        >>> switch = CommandSwitch(off=["true"], on=["true"])
        >>> switch.off(); switch.on()
    """

    def __init__(self, *, off: Sequence[str], on: Sequence[str], within: Duration = "30s") -> None:
        if not off or not on:
            raise UsageError("a power switch needs a program for off and one for on")
        self._off = tuple(off)
        self._on = tuple(on)
        self._within = within

    def __repr__(self) -> str:
        return f"CommandSwitch(off={self._off!r}, on={self._on!r})"

    def off(self) -> None:
        """Run the program for off.

        Raises:
            DeviceError: there is no such program, it failed, or it took too long.
        """
        self._run(self._off)

    def on(self) -> None:
        """Run the program for on; see :meth:`off`."""
        self._run(self._on)

    def _run(self, command: tuple[str, ...]) -> None:
        words = " ".join(command)
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL,
                                  timeout=to_ns(self._within) / NANOSECONDS)
        except OSError as problem:
            raise DeviceError(f"power switch: can't run {words!r}: {problem}") from problem
        except subprocess.TimeoutExpired:
            raise DeviceError(f"power switch: {words!r} took longer than {self._within}") from None
        if done.returncode:
            said = (done.stderr or done.stdout).strip()[:200]
            raise DeviceError(f"power switch: {words!r} ended with exit code {done.returncode}: {said or 'no word'}")
