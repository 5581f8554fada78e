"""How long a module takes for what is asked of it: as fast as it goes, as modules do, or as slow as their makers allow.

Keys are names of commands with the sign of the form that takes the time (``+CFUN=``, ``+CPIN?``; without a sign: every
form), and stages: ``plain`` (any other command), ``scan`` (+COPS=?), ``socket`` (from OK to the result), ``power-down``
(from OK to the end), ``acknowledgement`` (how long +CNMA is waited for), and what is added to the boot sequence:
``boot`` before its first step, ``sim`` before the SIM card is ready, ``ready`` before its last step. A command that
waits for the network takes at least its time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final, Literal

from harness.clock import to_ns
from harness.errors import UsageError
from harness.formats.at import Form
from harness.virtual.modem.profile import BootStep, Profile

Pace = Literal["quick", "typical", "longest"]
"""``quick``: the profile's ``[timing]`` alone, which leaves out what only costs time."""

PACES: Final = ("quick", "typical", "longest")


def _table(**texts: str) -> dict[str, int]:
    return {key: to_ns(value) for key, value in texts.items()}


TYPICAL: Final[Mapping[str, int]] = _table(**{
    "plain": "5ms", "boot": "2s", "sim": "800ms", "ready": "2s", "&W": "30ms", "+CRSM=": "15ms", "+CSIM=": "15ms",
    "+CPIN?": "10ms", "+CPIN=": "300ms", "+CLCK=": "200ms", "+CPWD=": "300ms", "+CFUN=": "600ms", "+COPS=": "2s",
    "+CGATT=": "1s", "+CGACT=": "500ms", "+CMGS=": "900ms", "+CMSS=": "900ms", "+CMGW=": "60ms", "+CMGL=": "40ms",
    "+CMGD=": "40ms", "D": "300ms", "socket": "150ms",
})
"""What the standard's commands take (3GPP TS 27.005 and TS 27.007) where a profile's ``[typical]`` says nothing."""

LONGEST: Final[Mapping[str, int]] = _table(**{
    "plain": "300ms", "boot": "3s", "sim": "5s", "ready": "10s", "+CPIN?": "5s", "+CPIN=": "5s", "+CLCK=": "5s",
    "+CPWD=": "5s", "+CFUN=": "15s", "+COPS=": "180s", "scan": "180s", "+CGATT=": "140s", "+CGACT=": "150s",
    "+CMGS=": "120s", "+CMSS=": "120s", "+CMGL=": "25s", "+CMGD=": "25s",
})
"""The most that they may take where a profile's ``[longest]`` says nothing."""


class Timings:
    """The times of one modem.

    Args:
        scale: factor on the times of commands.

    Raises:
        UsageError: no such pace.
    """

    def __init__(self, profile: Profile, pace: str, scale: float) -> None:
        if pace not in PACES:
            raise UsageError(f"the pace of a modem is one of {', '.join(PACES)}, not {pace!r}")
        more = {"quick": {}, "typical": {**TYPICAL, **profile.typical},
                "longest": {**TYPICAL, **profile.typical, **LONGEST, **profile.longest}}[pace]
        self.pace = pace
        self._stages: dict[str, int] = {**profile.timing, **more}
        self._plain = round(self._stages.get("plain", 0) * scale)
        self._commands: dict[tuple[str, Form], int] = {}
        for key, span in self._stages.items():
            name = key.rstrip("=?")
            forms = (Form(key[len(name):]),) if name != key else tuple(Form)
            for form in forms:
                self._commands[name, form] = round(span * scale)

    def __repr__(self) -> str:
        return f"Timings({self.pace!r})"

    def command(self, name: str, form: Form) -> int:
        """Return what a command takes in nanoseconds, scaled."""
        return self._commands.get((name, form), self._plain)

    def stage(self, name: str, default: int = 0) -> int:
        """Return what a stage takes in nanoseconds, not scaled."""
        return self._stages.get(name, default)

    def boot(self, steps: tuple[BootStep, ...]) -> tuple[BootStep, ...]:
        """Return a boot sequence with what comes on top."""
        def later(step: BootStep, number: int) -> BootStep:
            more = self.stage("boot") if number == 0 else 0
            more += self.stage("sim") if step.action == "sim" else 0
            more += self.stage("ready") if number == len(steps) - 1 else 0
            return replace(step, after=step.after + more) if more else step

        return tuple(later(step, number) for number, step in enumerate(steps))
