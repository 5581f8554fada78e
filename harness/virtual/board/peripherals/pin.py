"""A pin of the chip, as tests see it: one level, made of all that drive it, and who watches it.

What drives a pin: the port itself in output mode, a peripheral in alternate function mode, a test from outside, a pull
resistor. An undriven pin without a pull reads as 0. A timer's output is a waveform: its level is worked out when
somebody looks, and its edges are events only while somebody watches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from harness.clock import NANOSECONDS
from harness.errors import UsageError
from harness.virtual.board.peripherals.base import Timer
from harness.virtual.board.peripherals.timer_channel import Pwm

if TYPE_CHECKING:
    from harness.virtual.board.peripherals.gpio import Port

PORTS = "ABCDEFGHI"
INPUT, OUTPUT, ALTERNATE, ANALOG = range(4)
_PULL_UP = 1
_MAX_PWM_HZ = 1_000_000

Watcher = Callable[[int], None]


class Waveform(Protocol):
    """An output of a timer."""

    def level(self) -> int | None:
        """Return the level at present, None while it is not driven."""

    def pwm(self) -> Pwm | None:
        """Return frequency and duty cycle, None while it stands still."""

    def watch(self, number: int) -> None:
        """Let so many more (or fewer) be told of its edges."""


class Pin:
    """One pin, as a test holds it: ``board.pin("PA5")``.

    Attributes:
        external: what the outside drives.
        waveforms, inputs: what its alternate functions are, by number.

    Example::

        led = board.pin("PA5")
        led.watch(lambda level: print("LED", level))
        board.pin("PC13").drive(1)      # a button
        assert board.pin("PA0").pwm.duty == 0.25
    """

    def __init__(self, port: Port, number: int) -> None:
        self._port = port
        self.number = number
        self.external: int | None = None
        self.waveforms: dict[int, Waveform] = {}
        self.inputs: dict[int, Watcher] = {}
        self._watchers: list[Watcher] = []
        self._watched: Waveform | None = None
        self._told: Pwm | None = None
        self._function: int | None = None
        self._generator: Timer | None = None
        self._level = 0
        self._changes = 0

    def __repr__(self) -> str:
        return f"Pin({self.name!r}, level={self._level}, mode={('input', 'output', 'alternate', 'analog')[self.mode]})"

    @property
    def name(self) -> str:
        """``PA5``."""
        return f"P{self._port.letter}{self.number}"

    @property
    def level(self) -> int:
        """0 or 1."""
        return self._level if self._waveform is None else self.resolve()

    @property
    def changes(self) -> int:
        """How often the level changed since power-on; of a waveform that nobody watches only its settings count."""
        return self._changes

    @property
    def pwm(self) -> Pwm | None:
        """Frequency and duty cycle of the timer output at this pin; None where there is none, or it stands still."""
        waveform = self._waveform
        return None if waveform is None else waveform.pwm()

    @property
    def mode(self) -> int:
        """MODER of this pin: 0 input, 1 output, 2 alternate function, 3 analog."""
        return self._port.values["MODER"] >> 2 * self.number & 3

    @property
    def is_open_drain(self) -> bool:
        """Whether its output only pulls down."""
        return bool(self._port.values["OTYPER"] >> self.number & 1)

    @property
    def alternate_function(self) -> int:
        """Number of the alternate function that is selected."""
        half, index = divmod(self.number, 8)
        return self._port.values["AFRH" if half else "AFRL"] >> 4 * index & 0xF

    def drive(self, level: int | None) -> None:
        """Drive the pin from outside, or let it go with None.

        Raises:
            UsageError: not 0, 1 or None.
        """
        if level not in (0, 1, None):
            raise UsageError(f"a pin is driven to 0 or 1, or let go with None, not {level!r}")
        self._stop_generator()
        self._port.drive(self, level)

    def drive_pwm(self, frequency_hz: float, duty: float = 0.5) -> None:
        """Drive the pin with a square wave, until :meth:`drive` or power-off.

        Args:
            frequency_hz: above 0, up to 1 MHz.
            duty: how much of a period it is high, above 0 and below 1.

        Raises:
            UsageError: out of range.
        """
        if not (0 < frequency_hz <= _MAX_PWM_HZ and 0 < duty < 1):
            raise UsageError(f"a square wave has up to {_MAX_PWM_HZ} Hz and a duty between 0 and 1, "
                             f"not {frequency_hz} and {duty}")
        self._stop_generator()
        period = NANOSECONDS / frequency_hz
        began = self._port.now_ns

        def step(edges: int) -> None:
            self._port.drive(self, 1 - edges % 2)
            due = round(period * ((edges + 1) // 2 + (0 if edges % 2 else duty)))
            self._generator = self._port.after_ns(began + due - self._port.now_ns, lambda: step(edges + 1))

        step(0)

    def _stop_generator(self) -> None:
        if self._generator is not None:
            self._generator.cancel()
            self._generator = None

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Call ``watcher`` with every new level; return what ends that."""
        self._watchers.append(watcher)
        self.route()

        def stop() -> None:
            if watcher in self._watchers:
                self._watchers.remove(watcher)
                self.route()

        return stop

    # -- for the port and for peripherals -----------------------------------------------------------------------------

    def drive_function(self, level: int | None) -> None:
        """For peripherals: the level of the alternate function's output, None if it has none."""
        self._function = level
        self._port.refresh(1 << self.number)

    @property
    def _waveform(self) -> Waveform | None:
        return self.waveforms.get(self.alternate_function) if self.mode == ALTERNATE and self.waveforms else None

    def route(self) -> None:
        """Listen to the edges of the waveform at this pin, if there is one and anybody wants to know."""
        waveform = self._waveform if self._watchers or self._port.edges_matter(self.number) else None
        if waveform is not self._watched:
            before, self._watched = self._watched, waveform
            if before is not None:
                before.watch(-1)
            if waveform is not None:
                waveform.watch(1)

    def resolve(self) -> int:
        """Return the level that all who drive the pin agree on; a push-pull output is stronger than the outside."""
        mode = self.mode
        driven: int | None = None
        if mode == OUTPUT:
            driven = self._port.values["ODR"] >> self.number & 1
        elif mode == ALTERNATE:
            waveform = self._waveform
            driven = self._function if waveform is None else waveform.level()
        if driven == 1 and self.is_open_drain:
            driven = None  # high means let go
        if driven is not None:
            return driven
        if self.external is not None:
            return self.external
        return int(mode != ANALOG and self._port.values["PUPDR"] >> 2 * self.number & 3 == _PULL_UP)

    def update(self) -> bool:
        """Take the resolved level; return whether it changed."""
        level = self.resolve()
        if level == self._level:
            return False
        self._level = level
        self._changes += 1
        if self.inputs and self.mode == ALTERNATE and (listener := self.inputs.get(self.alternate_function)):
            listener(level)
        return True

    def take_waveform(self) -> Pwm | None:
        """Return the waveform if it is another one than was returned before."""
        pwm = self.pwm
        changed = pwm != self._told
        self._told = pwm
        return pwm if changed else None

    @property
    def is_waving(self) -> bool:
        """Whether its edges are those of a waveform, which the journal does not tell one by one."""
        return self._told is not None

    def tell(self) -> bool:
        """Tell the watchers; return whether there are any."""
        for watcher in tuple(self._watchers):
            watcher(self._level)
        return bool(self._watchers)

    def power_on(self) -> None:
        """Forget the past of the chip; what the outside drives stays."""
        self._function = self._told = None
        self._changes = 0
        self._level = self.resolve()


def parse_pin(name: str) -> tuple[str, int]:
    """Return port and number of a pin name.

    Raises:
        UsageError: there is no such pin.
    """
    if len(name) >= 3 and name[0] == "P" and name[1] in PORTS and name[2:].isdecimal() and name[2:] == str(
            int(name[2:])) and int(name[2:]) < 16:
        return name[1], int(name[2:])
    raise UsageError(f"no pin {name!r}: pins are PA0 to PI15")
