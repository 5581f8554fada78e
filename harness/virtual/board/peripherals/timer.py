"""Timers: the counter and its update event (RM0456, chapters TIM1/TIM8, TIM2 to TIM5, TIM15 to TIM17, TIM6/TIM7).

The counter is worked out from the cycle count when somebody looks; only an enabled update interrupt is an event in
time. Counting is upwards and clocked by HCLK through the prescaler. Compare and capture registers keep their values;
outputs and inputs of channels are not modelled.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, Register
from harness.virtual.board.peripherals.base import Timer as Scheduled

CEN, UDIS, URS, OPM, ARPE = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 7
UIE = UIF = UG = 1 << 0
BIF, BIE, BG = 1 << 7, 1 << 7, 1 << 7


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerKind:
    """What one timer has.

    Attributes:
        irq: its update interrupt.
        break_irq: its break interrupt, None if it has none.
        bits: width of the counter.
    """

    base: int
    irq: int
    break_irq: int | None = None
    bits: int = 16


TIMERS: dict[str, TimerKind] = {
    "TIM1": TimerKind(base=0x4001_2C00, irq=42, break_irq=41),
    "TIM2": TimerKind(base=0x4000_0000, irq=45, bits=32),
    "TIM3": TimerKind(base=0x4000_0400, irq=46, bits=32),
    "TIM4": TimerKind(base=0x4000_0800, irq=47, bits=32),
    "TIM5": TimerKind(base=0x4000_0C00, irq=48, bits=32),
    "TIM6": TimerKind(base=0x4000_1000, irq=49),
    "TIM7": TimerKind(base=0x4000_1400, irq=50),
    "TIM8": TimerKind(base=0x4001_3400, irq=52, break_irq=51),
    "TIM15": TimerKind(base=0x4001_4000, irq=69),
    "TIM16": TimerKind(base=0x4001_4400, irq=70),
    "TIM17": TimerKind(base=0x4001_4800, irq=71),
}
"""The timers of an STM32U585. TIM15 to TIM17 have one interrupt for everything."""


class Timer(Peripheral):
    """One timer."""

    REGISTERS = (
        Register(name="CR1", offset=0x00), Register(name="CR2", offset=0x04), Register(name="SMCR", offset=0x08),
        Register(name="DIER", offset=0x0C), Register(name="SR", offset=0x10, write=0, clear_by_zero=0xFFFF_FFFF),
        Register(name="EGR", offset=0x14), Register(name="CCMR1", offset=0x18), Register(name="CCMR2", offset=0x1C),
        Register(name="CCER", offset=0x20), Register(name="CNT", offset=0x24), Register(name="PSC", offset=0x28,
                                                                                       write=0xFFFF),
        Register(name="ARR", offset=0x2C, reset=0xFFFF), Register(name="RCR", offset=0x30),
        Register(name="CCR1", offset=0x34), Register(name="CCR2", offset=0x38), Register(name="CCR3", offset=0x3C),
        Register(name="CCR4", offset=0x40), Register(name="BDTR", offset=0x44), Register(name="CCR5", offset=0x48),
        Register(name="CCR6", offset=0x4C), Register(name="CCMR3", offset=0x50), Register(name="DTR2", offset=0x54),
        Register(name="ECR", offset=0x58), Register(name="TISEL", offset=0x5C), Register(name="AF1", offset=0x60),
        Register(name="AF2", offset=0x64),
    )

    def __init__(self, host: PeripheralHost, name: str, kind: TimerKind) -> None:
        self.kind = kind
        self._limit = (1 << kind.bits) - 1
        self._event: Scheduled | None = None
        self._since = 0
        self._count = 0
        self._psc = 0
        self._arr = self._limit
        super().__init__(host, name, kind.base)
        self.reset()

    def reset(self) -> None:
        if self._event is not None:
            self._event.cancel()
            self._event = None
        super().reset()
        self.values["ARR"] = self._limit
        self._since = self._host.cycles
        self._count = self._psc = 0
        self._arr = self._limit

    @property
    def period(self) -> int:
        """Cycles of HCLK between two update events."""
        return (self._psc + 1) * (self._arr + 1)

    @property
    def _running(self) -> bool:
        return bool(self.values["CR1"] & CEN) and self._arr > 0

    def _sync(self) -> None:
        """Let the counter come to the present: count, and note update events that fell due on the way."""
        now = self._host.cycles
        if self._running:
            ticks, rest = divmod(now - self._since, self._psc + 1)
            total = self._count + ticks
            wraps, self._count = divmod(total, self._arr + 1)
            self._since = now - rest
            if wraps and not self.values["CR1"] & UDIS:
                self.values["SR"] |= UIF
                if self.values["CR1"] & OPM:
                    self.values["CR1"] &= ~CEN
                    self._count = 0
                if (self._psc, self._arr) != (self.values["PSC"], self.values["ARR"]):
                    self._load()
        else:
            self._since = now

    def _load(self) -> None:
        """Take the preloaded prescaler and reload value, as an update event does."""
        self._psc, self._arr = self.values["PSC"], self.values["ARR"]
        self._count = min(self._count, self._arr)

    def _plan(self) -> None:
        """Set up the next update interrupt, if one is wanted."""
        if self._event is not None:
            self._event.cancel()
            self._event = None
        if self._running and self.values["DIER"] & UIE and not self.values["CR1"] & UDIS:
            due = self._since + (self._arr + 1 - self._count) * (self._psc + 1)
            self._event = self._host.schedule(due, self._due)
        self._raise()

    def _due(self) -> None:
        self._event = None
        self._sync()
        self._plan()

    def _raise(self) -> None:
        active = self.values["SR"] & self.values["DIER"]
        self._host.set_irq(self.kind.irq, bool(active & (UIF if self.kind.break_irq is not None else 0x5F | BIF)))
        if self.kind.break_irq is not None:
            self._host.set_irq(self.kind.break_irq, bool(active & BIF))

    # -- registers --

    def write_cr1(self, value: int, mask: int) -> None:
        self._sync()
        self.store_by_name("CR1", value, mask)
        self._since = self._host.cycles
        self._plan()

    def write_dier(self, value: int, mask: int) -> None:
        self._sync()
        self.store_by_name("DIER", value, mask)
        self._plan()

    def read_sr(self) -> int:
        self._sync()
        return self.values["SR"]

    def write_sr(self, value: int, mask: int) -> None:
        self._sync()
        self.store_by_name("SR", value, mask)
        self._raise()

    def write_egr(self, value: int, mask: int) -> None:
        self._sync()
        if value & UG and not self.values["CR1"] & UDIS:
            self._load()
            self._count = 0
            self._since = self._host.cycles
            if not self.values["CR1"] & URS:
                self.values["SR"] |= UIF
        if value & BG and self.kind.break_irq is not None:
            self.values["SR"] |= BIF
        self.values["SR"] |= value & 0x1E  # capture/compare events
        self._plan()

    def read_egr(self) -> int:
        return 0

    def read_cnt(self) -> int:
        self._sync()
        return self._count

    def write_cnt(self, value: int, mask: int) -> None:
        self._sync()
        self._count = min((self._count & ~mask | value & mask) & self._limit, self._arr)
        self._since = self._host.cycles
        self._plan()

    def write_psc(self, value: int, mask: int) -> None:
        self._sync()
        self.store_by_name("PSC", value, mask)  # works from the next update event on

    def write_arr(self, value: int, mask: int) -> None:
        self._sync()
        self.values["ARR"] = self.store_by_name("ARR", value, mask) & self._limit
        if not self.values["CR1"] & ARPE:
            self._arr = self.values["ARR"]
            self._count = min(self._count, self._arr)
        self._plan()
