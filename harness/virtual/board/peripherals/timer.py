"""Timers: counter, update, compare, capture and break (RM0456, chapters of TIM1 to TIM8 and TIM15 to TIM17).

Theory of operation. The counter is worked out from the cycle count when somebody looks; in time there are only events
that somebody waits for: an interrupt that is enabled, an edge of an output that is watched. So a running timer costs
nothing. The clock is HCLK through the prescaler. Of the slave modes only the reset mode on TI1 and TI2 is modelled;
dead time, DMA requests and the combined output modes are not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, Register
from harness.virtual.board.peripherals.base import Timer as Scheduled
from harness.virtual.board.peripherals.timer_channel import Channel

# CR1
CEN, UDIS, URS, OPM, DIR, ARPE, UIFREMAP = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 7, 1 << 11
_CMS_SHIFT = 5
# DIER, SR and EGR
UIE = UIF = UG = 1 << 0
COMIF, TIF, BIF, B2IF = 1 << 5, 1 << 6, 1 << 7, 1 << 8
BIE = BG = 1 << 7
_CC = 0x1E
# BDTR
BKE, AOE, MOE = 1 << 12, 1 << 14, 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerKind:
    """What one timer has.

    Attributes:
        irq: its update interrupt, or its only one.
        break_irq, trigger_irq, compare_irq: the others, of a timer that has four.
        bits: width of the counter.
        channels: how many it has.
        has_break: whether it has a break input, and so a main output enable.
    """

    base: int
    irq: int
    break_irq: int | None = None
    trigger_irq: int | None = None
    compare_irq: int | None = None
    bits: int = 16
    channels: int = 0
    has_break: bool = False


TIMERS: dict[str, TimerKind] = {
    "TIM1": TimerKind(base=0x4001_2C00, irq=42, break_irq=41, trigger_irq=43, compare_irq=44, channels=4,
                      has_break=True),
    "TIM2": TimerKind(base=0x4000_0000, irq=45, bits=32, channels=4),
    "TIM3": TimerKind(base=0x4000_0400, irq=46, bits=32, channels=4),
    "TIM4": TimerKind(base=0x4000_0800, irq=47, bits=32, channels=4),
    "TIM5": TimerKind(base=0x4000_0C00, irq=48, bits=32, channels=4),
    "TIM6": TimerKind(base=0x4000_1000, irq=49),
    "TIM7": TimerKind(base=0x4000_1400, irq=50),
    "TIM8": TimerKind(base=0x4001_3400, irq=52, break_irq=51, trigger_irq=53, compare_irq=54, channels=4,
                      has_break=True),
    "TIM15": TimerKind(base=0x4001_4000, irq=69, channels=2, has_break=True),
    "TIM16": TimerKind(base=0x4001_4400, irq=70, channels=1, has_break=True),
    "TIM17": TimerKind(base=0x4001_4800, irq=71, channels=1, has_break=True),
}
"""The timers of an STM32U585."""

_BASIC = (
    Register(name="CR1", offset=0x00, write=0x3BFF), Register(name="CR2", offset=0x04),
    Register(name="DIER", offset=0x0C), Register(name="SR", offset=0x10, write=0, clear_by_zero=0xFFFF_FFFF),
    Register(name="EGR", offset=0x14, write=0), Register(name="CNT", offset=0x24),
    Register(name="PSC", offset=0x28, write=0xFFFF), Register(name="ARR", offset=0x2C, reset=0xFFFF))


class Timer(Peripheral):
    """One timer.

    Attributes:
        on_output: called when an output may have another level or another waveform.
    """

    REGISTERS: ClassVar[tuple[Register, ...]] = (
        *_BASIC, Register(name="SMCR", offset=0x08), Register(name="CCMR1", offset=0x18),
        Register(name="CCMR2", offset=0x1C), Register(name="CCER", offset=0x20),
        Register(name="RCR", offset=0x30, write=0xFFFF), Register(name="CCR1", offset=0x34),
        Register(name="CCR2", offset=0x38), Register(name="CCR3", offset=0x3C), Register(name="CCR4", offset=0x40),
        Register(name="BDTR", offset=0x44), Register(name="CCR5", offset=0x48), Register(name="CCR6", offset=0x4C),
        Register(name="CCMR3", offset=0x50), Register(name="DTR2", offset=0x54), Register(name="ECR", offset=0x58),
        Register(name="TISEL", offset=0x5C), Register(name="AF1", offset=0x60), Register(name="AF2", offset=0x64),
        Register(name="OR1", offset=0x68), Register(name="DCR", offset=0x3DC), Register(name="DMAR", offset=0x3E0))

    def __init__(self, host: PeripheralHost, name: str, kind: TimerKind) -> None:
        self.kind = kind
        self.on_output: Callable[[], None] | None = None
        self.watched = 0
        """How many watch an output for its edges."""
        self._limit = (1 << kind.bits) - 1
        self._event: Scheduled | None = None
        super().__init__(host, name, kind.base)
        self.channels = tuple(Channel(self, number) for number in range(kind.channels))
        self.reset()

    def reset(self) -> None:
        if self._event is not None:
            self._event.cancel()
            self._event = None
        super().reset()
        self.values["ARR"] = self._limit
        self._since = self._host.cycles
        self._phase = self._psc = self._repetitions = 0
        self._falling = False
        self.arr = self._limit
        """The reload value that counts now."""
        for channel in self.channels:
            channel.reset()
        self._settle()

    # -- the counter --------------------------------------------------------------------------------------------------

    @property
    def clock_hz(self) -> float:
        """How often it counts."""
        return self._host.hclk_hz / (self._psc + 1)

    @property
    def period(self) -> int:
        """Cycles of HCLK between two overflows."""
        return (self._psc + 1) * self.length

    @property
    def is_running(self) -> bool:
        return bool(self.values["CR1"] & CEN) and self.arr > 0

    @property
    def centre_mode(self) -> int:
        """CR1.CMS: 0 edge-aligned; else centre-aligned, with compare flags when it counts down, up, or both."""
        return self.values["CR1"] >> _CMS_SHIFT & 3

    @property
    def is_falling(self) -> bool:
        """Whether it counts down at present."""
        return self._falling if self.centre_mode else bool(self.values["CR1"] & DIR)

    @property
    def length(self) -> int:
        """Counts from one overflow or underflow to the next."""
        return max(1, self.arr if self.centre_mode else self.arr + 1)

    @property
    def count(self) -> int:
        """CNT, as of the last :meth:`sync`."""
        return self.arr - self._phase if self.is_falling else self._phase

    def position(self, value: int) -> int | None:
        """Return how many counts into the present run CNT has this value, None if it never has."""
        place = self.arr - value if self.is_falling else value
        return place if 0 <= place < self.length else None

    def sync(self) -> None:
        """Let the counter come to the present: count, and note what fell due on the way."""
        now = self._host.cycles
        while self.is_running:
            prescaler = self._psc + 1
            ticks = (now - self._since) // prescaler
            left = self.length - self._phase
            if ticks < left:
                self._pass(self._phase, self._phase + ticks)
                self._phase += ticks
                self._since += ticks * prescaler
                return
            self._pass(self._phase, self.length - 1)
            self._since += left * prescaler
            self._wrap()
            self._skip((now - self._since) // ((self._psc + 1) * self.length))
        self._since = now

    def _pass(self, first: int, last: int) -> None:
        """Note the compare matches after ``first``, up to ``last``."""
        for channel in self.channels:
            place = self.position(channel.compare)
            if place is not None and first < place <= last:
                channel.matched(1, told=self.centre_mode in (0, 3) or self.is_falling == (self.centre_mode == 1))

    def _wrap(self) -> None:
        """Overflow or underflow."""
        self._phase = 0
        if self.centre_mode:
            self._falling = not self._falling
        if self._repetitions:
            self._repetitions -= 1
        else:
            self._update_event()
        self._pass(-1, 0)

    def _update_event(self) -> None:
        if self.values["CR1"] & UDIS:
            return
        self.values["SR"] |= UIF
        self._load()
        if self.values["CR1"] & OPM:
            self.values["CR1"] &= ~CEN
        if self.kind.has_break and self.values["BDTR"] & AOE:
            self.values["BDTR"] |= MOE

    def _load(self) -> None:
        """Take all preloaded values, as an update event does."""
        self._psc, self.arr = self.values["PSC"], self.values["ARR"]
        self._repetitions = self.values.get("RCR", 0)
        for channel in self.channels:
            channel.load()

    @property
    def _preloaded(self) -> bool:
        """Whether values wait for the next update event."""
        return (self._psc, self.arr) != (self.values["PSC"], self.values["ARR"]) or any(
            channel.is_preloaded for channel in self.channels)

    def _skip(self, runs: int) -> None:
        """Pass over whole runs of the counter that are all alike."""
        updates = not self.values["CR1"] & UDIS
        if updates and (self._preloaded or self.values["CR1"] & OPM):
            runs = min(runs, self._repetitions)  # the next update event changes something
        if runs < 4 or not self.is_running:
            return
        runs -= runs % 2  # both directions of a centre-aligned counter
        for channel in self.channels:
            rising, falling = (0 <= place < self.length for place in (channel.compare, self.arr - channel.compare))
            if self.centre_mode:
                channel.matched(runs // 2 * (rising + falling), told=(rising and self.centre_mode != 1) or (
                    falling and self.centre_mode != 2))
            elif falling if self.is_falling else rising:
                channel.matched(runs, told=True)
        if updates and runs > self._repetitions:
            self.values["SR"] |= UIF
        self._repetitions = (self._repetitions - runs) % (self.values.get("RCR", 0) + 1)
        self._since += runs * (self._psc + 1) * self.length

    # -- what is planned, and interrupts ------------------------------------------------------------------------------

    def _settle(self) -> None:
        """After any change: plan the next event, drive interrupts, tell of outputs."""
        if self._event is not None:
            self._event.cancel()
            self._event = None
        if self.is_running and (due := self._next_event()) is not None:
            self._event = self._host.schedule(max(due, self._host.cycles + 1), self._due)
        self._raise()
        if self.on_output is not None and self.channels:
            self.on_output()

    def _next_event(self) -> int | None:
        """Return the cycle of the next thing that anybody waits for."""
        prescaler, wanted = self._psc + 1, self.values["DIER"]
        wrap = self._since + (self.length - self._phase) * prescaler
        due = [wrap] if self.watched else []
        if not self.values["CR1"] & UDIS and (wanted & UIE or self.values["CR1"] & OPM or (
                self.channels and self._preloaded)):
            due.append(wrap + self._repetitions * self.length * prescaler)
        for channel in self.channels:
            if not channel.is_input and (self.watched or wanted >> 1 + channel.number & 1):
                place = self.position(channel.compare)
                if place is not None and place > self._phase:
                    due.append(self._since + (place - self._phase) * prescaler)
                else:
                    due.append(wrap)
        return min(due, default=None)

    def _due(self) -> None:
        self._event = None
        self.sync()
        self._settle()

    def _raise(self) -> None:
        active, kind = self.values["SR"] & self.values["DIER"], self.kind
        if self.values["SR"] & B2IF and self.values["DIER"] & BIE:
            active |= BIF
        if kind.break_irq is None or kind.trigger_irq is None or kind.compare_irq is None:
            self._host.set_irq(kind.irq, bool(active & 0xFF))
            return
        for irq, flags in ((kind.irq, UIF), (kind.break_irq, BIF), (kind.trigger_irq, COMIF | TIF),
                           (kind.compare_irq, _CC)):
            self._host.set_irq(irq, bool(active & flags))

    # -- from outside -------------------------------------------------------------------------------------------------

    def watch(self, number: int) -> None:
        """Let so many more (or fewer) watch the outputs for their edges."""
        self.watched += number
        self.sync()
        self._settle()

    @property
    def outputs_enabled(self) -> bool:
        """Whether outputs drive their pins at all: MOE, where there is one."""
        return not self.kind.has_break or bool(self.values["BDTR"] & MOE)

    def trip_break(self) -> None:
        """Assert the break input for a moment; without BKE nobody notices."""
        self._host.sync()
        self.sync()
        if self.kind.has_break and self.values["BDTR"] & BKE:
            self._break()
            self._settle()

    def _break(self) -> None:
        self.values["SR"] |= BIF
        self.values["BDTR"] &= ~MOE

    def input_changed(self, channel: int, level: int) -> None:
        """Take an edge at a channel's input."""
        self.sync()
        for capturing in self.channels:
            capturing.edge(channel, level)
        if self.values.get("SMCR", 0) & 0x1_0007 == 4 and self._is_trigger(channel, level):
            self._restart(UIF | TIF)
        self._settle()

    def _is_trigger(self, channel: int, level: int) -> bool:
        """Whether this edge is the one that SMCR.TS selects: 4 is any edge of TI1, 5 TI1FP1, 6 TI2FP2."""
        source = self.values["SMCR"] >> 4 & 7 | self.values["SMCR"] >> 17 & 0x18
        if source == 4:
            return channel == 0
        return source == 5 + channel and channel < 2 and self.channels[channel].is_active_edge(level)

    def _restart(self, flags: int) -> None:
        """Begin counting anew, with all preloaded values."""
        if not self.values["CR1"] & UDIS:
            self._load()
            if self.values["CR1"] & URS:
                flags &= ~UIF
        else:
            flags &= ~UIF
        self._phase = 0
        self._falling = False
        self._since = self._host.cycles
        self.values["SR"] |= flags

    # -- registers ----------------------------------------------------------------------------------------------------

    def effects(self, register: Register) -> tuple[Callable[[], int] | None, Callable[[int, int], None] | None]:
        reading, writing = super().effects(register)
        if register.name.startswith("CCR") and register.name[3] in "1234":
            number = int(register.name[3]) - 1
            return lambda: self._read_ccr(number), lambda value, mask: self._write_ccr(number, value, mask)
        if writing is None:
            return reading, lambda value, mask: self._write(register, value, mask)
        return reading, writing

    def _write(self, register: Register, value: int, mask: int) -> None:
        self.sync()
        self.store(register, value, mask)
        for channel in self.channels:
            channel.configure()
        self._settle()

    def write_cr1(self, value: int, mask: int) -> None:
        self.sync()
        before = self.count
        self.store_by_name("CR1", value, mask)
        if self.centre_mode:  # CR1.DIR is read-only then
            self.values["CR1"] &= ~DIR
        self._place(before)
        self._since = self._host.cycles
        self._settle()

    def read_cr1(self) -> int:
        self.sync()
        return self.values["CR1"] | (DIR if self.centre_mode and self._falling else 0)

    def read_sr(self) -> int:
        self.sync()
        return self.values["SR"]

    def write_sr(self, value: int, mask: int) -> None:
        self.sync()
        self.store_by_name("SR", value, mask)
        self._raise()

    def write_egr(self, value: int, mask: int) -> None:
        self.sync()
        if value & UG:
            self._restart(UIF)
        if value & BG and self.kind.has_break:
            self._break()
        self.values["SR"] |= value & (COMIF | TIF)
        for channel in self.channels:
            if value >> 1 + channel.number & 1:
                channel.generate()
        self._settle()

    def read_cnt(self) -> int:
        self.sync()
        copy = self.values["CR1"] & UIFREMAP and self.values["SR"] & UIF
        return self.count | (1 << 31 if copy else 0)

    def write_cnt(self, value: int, mask: int) -> None:
        self.sync()
        self._place((self.count & ~mask | value & mask) & self._limit)
        self._since = self._host.cycles
        self._settle()

    def _place(self, count: int) -> None:
        """Let CNT have this value, or the nearest one it can have."""
        place = self.arr - count if self.is_falling else count
        self._phase = max(0, min(place, self.length - 1))

    def write_psc(self, value: int, mask: int) -> None:
        self.sync()
        self.store_by_name("PSC", value, mask)  # works from the next update event on
        self._settle()

    def write_arr(self, value: int, mask: int) -> None:
        self.sync()
        count = self.count
        self.values["ARR"] = self.store_by_name("ARR", value, mask) & self._limit
        if not self.values["CR1"] & ARPE:
            self.arr = self.values["ARR"]
            self._place(count)
        self._settle()

    def _read_ccr(self, number: int) -> int:
        self.sync()
        if number < len(self.channels) and self.channels[number].is_input:
            self.values["SR"] &= ~(2 << number)
            self._raise()
        return self.values[f"CCR{number + 1}"]

    def _write_ccr(self, number: int, value: int, mask: int) -> None:
        self.sync()
        name = f"CCR{number + 1}"
        if number < len(self.channels) and self.channels[number].is_input:
            return  # read-only then
        self.values[name] = self.store_by_name(name, value, mask) & self._limit
        for channel in self.channels:
            channel.configure()
        self._settle()


class BasicTimer(Timer):
    """TIM6 and TIM7: a counter, and nothing else."""

    REGISTERS: ClassVar[tuple[Register, ...]] = _BASIC
