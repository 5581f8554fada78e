"""One channel of a timer: compare with an output, or capture of an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.virtual.board.peripherals.timer import Timer

FROZEN, ACTIVE, INACTIVE, TOGGLE, FORCE_INACTIVE, FORCE_ACTIVE, PWM1, PWM2 = range(8)
"""Output modes (CCMRx.OCxM)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pwm:
    """A waveform.

    Attributes:
        frequency_hz: periods a second.
        duty: how much of a period the pin is high, 0 to 1.
    """

    frequency_hz: float
    duty: float


class Channel:
    """A channel; its registers are the timer's.

    Attributes:
        compare: the compare value that counts now.
    """

    def __init__(self, timer: Timer, number: int) -> None:
        self._timer = timer
        self.number = number
        self.compare = 0
        self._reference = False
        self._edges = 0

    def __repr__(self) -> str:
        return f"Channel({self.number + 1} of {self._timer.name}, {'input' if self.is_input else 'output'})"

    def reset(self) -> None:
        self.compare = 0
        self._reference = False
        self._edges = 0

    # -- settings -----------------------------------------------------------------------------------------------------

    @property
    def _mode_bits(self) -> int:
        register = self._timer.values[f"CCMR{self.number // 2 + 1}"]
        return register >> 8 * (self.number % 2)

    @property
    def _enable_bits(self) -> int:
        """CCxE, CCxP, CCxNE, CCxNP from bit 0."""
        return self._timer.values["CCER"] >> 4 * self.number & 0xF

    @property
    def is_input(self) -> bool:
        return bool(self._mode_bits & 3)

    @property
    def mode(self) -> int:
        """OCxM; its fourth bit (combined modes) stands 12 bits above the others."""
        bits = self._mode_bits
        return bits >> 4 & 7 | bits >> 13 & 8

    @property
    def _register(self) -> str:
        return f"CCR{self.number + 1}"

    @property
    def is_preloaded(self) -> bool:
        """Whether a compare value waits for the next update event."""
        return not self.is_input and self.compare != self._timer.values[self._register]

    def configure(self) -> None:
        """Take what was written, as far as it is not preloaded."""
        if not self._mode_bits & 1 << 3 and not self.is_input:
            self.load()
        match self.mode:
            case 4:
                self._reference = False
            case 5:
                self._reference = True

    def load(self) -> None:
        """Take the preloaded compare value."""
        if not self.is_input:
            self.compare = self._timer.values[self._register]

    # -- compare ------------------------------------------------------------------------------------------------------

    def matched(self, times: int, *, told: bool) -> None:
        """CNT had the compare value so many times; ``told`` if CCxIF is set by any of them."""
        if self.is_input:
            return
        if told:
            self._timer.values["SR"] |= 2 << self.number
        match self.mode:
            case 1:
                self._reference = True
            case 2:
                self._reference = False
            case 3:
                self._reference ^= bool(times & 1)

    def generate(self) -> None:
        """EGR.CCxG: a match or a capture by software."""
        if self.is_input:
            self._capture()
        else:
            self._timer.values["SR"] |= 2 << self.number

    @property
    def reference(self) -> bool:
        """OCxREF at present; the timer has been synchronised."""
        timer = self._timer
        if self.mode in (PWM1, PWM2):
            count = timer.count
            active = count <= self.compare if timer.is_falling else count < self.compare
            return active == (self.mode == PWM1)
        return self._reference

    def level(self, *, complementary: bool) -> int | None:
        """Return the level of an output, None while it is not driven."""
        bits = self._enable_bits
        if self.is_input or not bits >> (2 if complementary else 0) & 1 or not self._timer.outputs_enabled:
            return None
        self._timer.sync()
        reference = self.reference
        if complementary:
            return int((not reference if bits & 1 else reference) ^ bool(bits & 8))
        return int(reference ^ bool(bits & 2))

    def waveform(self, *, complementary: bool) -> Pwm | None:
        """Return what an output does as long as nothing is changed; None if it is not driven, or stands still."""
        timer, bits = self._timer, self._enable_bits
        if self.level(complementary=complementary) is None or not timer.is_running:
            return None
        centre = bool(timer.centre_mode)
        frequency = timer.clock_hz / (timer.length * (2 if centre else 1))
        if self.mode == TOGGLE:
            return Pwm(frequency_hz=frequency / (1 if centre else 2), duty=0.5)
        if self.mode not in (PWM1, PWM2):
            return None
        falling = timer.is_falling and not centre
        active = min(self.compare + 1 if falling else self.compare, timer.length)
        duty = active / timer.length
        if (self.mode == PWM2) ^ bool(bits & (8 if complementary else 2)) ^ (complementary and bool(bits & 1)):
            duty = 1 - duty
        return Pwm(frequency_hz=frequency, duty=duty)

    # -- capture ------------------------------------------------------------------------------------------------------

    def edge(self, line: int, level: int) -> None:
        """Take an edge at the input of channel ``line``: CCxS selects the channel's own or its neighbour's."""
        selection = self._mode_bits & 3
        source = {1: self.number, 2: self.number ^ 1}.get(selection)
        if source == line and self._enable_bits & 1 and self.is_active_edge(level):
            self._edges += 1
            if self._edges % (1 << (self._mode_bits >> 2 & 3)) == 0:
                self._capture()

    def is_active_edge(self, level: int) -> bool:
        """Whether CCxP and CCxNP select the edge that leads to this level."""
        bits = self._enable_bits
        if bits & 0xA == 0xA:
            return True
        return bool(level) != bool(bits & 2)

    def _capture(self) -> None:
        timer, flag = self._timer, 2 << self.number
        timer.values[self._register] = timer.count
        if timer.values["SR"] & flag:
            timer.values["SR"] |= flag << 8  # CCxOF: the last one was not fetched
        timer.values["SR"] |= flag
