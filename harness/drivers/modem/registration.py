"""Where a modem stands, and the wait for service, with what the modem tells of why there is none."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable

from harness.clock import NANOSECONDS, Clock, Duration, to_ns
from harness.drivers.modem.at_port import AtPort
from harness.drivers.modem.facts import RegistrationState, parse_registration
from harness.errors import CommandFailed, ModemError, PortLost, TimeoutExpired, UsageError

_POLL = "2s"  # between questions about registration, unless the modem speaks first


class Registration:
    """The registration of one modem.

    Args:
        prepare: called before the modem is asked; brings its settings back if it has restarted.
    """

    def __init__(self, port: AtPort, clock: Clock, prepare: Callable[[], None]) -> None:
        self._port = port
        self._clock = clock
        self._prepare = prepare

    def __repr__(self) -> str:
        return f"Registration({self._port!r})"

    def state(self) -> RegistrationState:
        """Return where the modem stands now; see :meth:`Modem.registration`."""
        states = []
        for query in self._port.dialect.registration:
            try:
                state = parse_registration(self._port.command(query).value(query.removeprefix("AT").rstrip("?") + ":"))
            except CommandFailed:
                continue
            if state.status.has_service:
                return state
            states.append(state)
        if not states:
            refused = ", ".join(self._port.dialect.registration)
            raise ModemError(f"{self._port.name} tells no registration: it refuses {refused}")
        return states[0]

    def wait(self, within: Duration) -> RegistrationState:
        """Wait for service; see :meth:`Modem.registered`."""
        span = to_ns(within)
        deadline = self._clock.now() + span
        while True:
            mark, state, problem = self._port.mark(), None, ""
            try:
                self._prepare()
                state = self.state()
                if state.status.has_service:
                    return state
            except (PortLost, UsageError):
                raise
            except (ModemError, TimeoutExpired) as error:  # as when it has just been switched on
                problem = str(error)
            left = deadline - self._clock.now()
            if left <= 0:
                saw = self._port.saw()
                raise TimeoutExpired(f"registration of {self._port.name}", within=span / NANOSECONDS,
                                     saw=", ".join([*(self._why_not(state) if state is not None else [problem]), saw]))
            self._wait_or(self._spoke_of_registration(mark), min(left, to_ns(_POLL)))

    def _why_not(self, state: RegistrationState) -> list[str]:
        """Return in words why there may be no service, as far as the modem tells."""
        told = [state.status.name.lower().replace("_", " ")]
        for question, prefix, word in (("AT+CPIN?", "+CPIN:", "SIM card"), ("AT+CEER", "+CEER:", "cause")):
            try:
                answer = self._port.command(question, within="5s").value(prefix)
                told += [f"{word}: {answer}"] if answer not in ("READY", "") else []
            except CommandFailed as failure:
                told += [f"{word}: {failure.result}"] if question == "AT+CPIN?" else []
            except (ModemError, TimeoutExpired):
                return told
        with contextlib.suppress(ModemError, TimeoutExpired):
            levels = self._port.command("AT+CESQ", within="5s").value("+CESQ:").split(",")
            told += ["no signal"] if levels and set(levels) <= {"99", "255"} else []
        return told

    def _spoke_of_registration(self, mark: int) -> Callable[[], bool]:
        prefixes = [query.removeprefix("AT").rstrip("?") + ":" for query in self._port.dialect.registration]
        anything = re.compile("")

        def spoke() -> bool:
            self._port.channel.check()
            return any(self._port.find_urc(prefix, mark, anything) for prefix in prefixes)

        return spoke

    def _wait_or(self, predicate: Callable[[], bool], nanoseconds: int) -> None:
        try:
            self._clock.wait(predicate, within=nanoseconds / NANOSECONDS, what="news of the registration")
        except TimeoutExpired:
            return
