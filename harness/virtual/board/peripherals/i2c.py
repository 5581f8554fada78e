"""I2C1 to I2C4 as controllers of a bus: polled, by interrupt and by DMA (RM0456, chapter I2C).

Theory of operation. A transfer is a chain of steps on the bus: a start with an address, bytes with their acknowledge
bits, a stop. Each takes the time that TIMINGR gives it; at its end flags are set, and the next step begins when the
application has done its part - until then the interface holds the clock, as in silicon. Target mode (OAR1, OAR2), PEC
and the SMBus side are not modelled: those registers keep what is written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.virtual.board.devices.i2c import BusFault, I2cBus, I2cDevice
from harness.virtual.board.peripherals.base import DmaRequest, Peripheral, PeripheralHost, Register, Timer

# CR1
PE, TXIE, RXIE, NACKIE, STOPIE, TCIE, ERRIE = 1 << 0, 1 << 1, 1 << 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7
TXDMAEN, RXDMAEN = 1 << 14, 1 << 15
# CR2
RD_WRN, ADD10, START, STOP, RELOAD, AUTOEND = 1 << 10, 1 << 11, 1 << 13, 1 << 14, 1 << 24, 1 << 25
# ISR
TXE, TXIS, RXNE, NACKF, STOPF, TC, TCR = 1 << 0, 1 << 1, 1 << 2, 1 << 4, 1 << 5, 1 << 6, 1 << 7
BERR, ARLO, TIMEOUT, BUSY = 1 << 8, 1 << 9, 1 << 12, 1 << 15

_CLEARABLE = 0x3F38
_ERRORS = 0x3F00
_TIMEOUTEN = 1 << 15


@dataclass(frozen=True, slots=True, kw_only=True)
class I2cKind:
    """Where one is, and its two interrupts."""

    base: int
    event_irq: int
    error_irq: int


I2CS: dict[str, I2cKind] = {
    "I2C1": I2cKind(base=0x4000_5400, event_irq=55, error_irq=56),
    "I2C2": I2cKind(base=0x4000_5800, event_irq=57, error_irq=58),
    "I2C3": I2cKind(base=0x4600_2800, event_irq=88, error_irq=89),
    "I2C4": I2cKind(base=0x4000_8400, event_irq=101, error_irq=100),
}


class I2c(Peripheral):
    """One interface.

    Args:
        clock_hz: tells the frequency of its kernel clock.

    Attributes:
        bus: the wires it controls, with what is attached to them.
        rx_request, tx_request: its lines to the DMA controller.
    """

    REGISTERS = (
        Register(name="CR1", offset=0x00, write=0xC0FF_DFFF), Register(name="CR2", offset=0x04, write=0x07FF_FFFF),
        Register(name="OAR1", offset=0x08, write=0x87FF), Register(name="OAR2", offset=0x0C, write=0x87FE),
        Register(name="TIMINGR", offset=0x10, write=0xF0FF_FFFF), Register(name="TIMEOUTR", offset=0x14,
                                                                          write=0x8FFF_9FFF),
        Register(name="ISR", offset=0x18, reset=TXE, write=0), Register(name="ICR", offset=0x1C, write=0),
        Register(name="PECR", offset=0x20, write=0), Register(name="RXDR", offset=0x24, write=0),
        Register(name="TXDR", offset=0x28, write=0xFF), Register(name="AUTOCR", offset=0x2C, write=0x00FF_00C0),
    )

    def __init__(self, host: PeripheralHost, name: str, kind: I2cKind, *, clock_hz: Callable[[], int]) -> None:
        self.kind = kind
        self.bus = I2cBus(name)
        self.rx_request = DmaRequest()
        self.tx_request = DmaRequest()
        self._clock_hz = clock_hz
        self._step: Timer | None = None
        self._target: I2cDevice | None = None
        self._left = 0
        super().__init__(host, name, kind.base)

    def reset(self) -> None:
        self._abandon()
        super().reset()
        self._update()

    @property
    def scl_cycles(self) -> int:
        """Cycles of HCLK that one bit takes, by TIMINGR."""
        timing = self.values["TIMINGR"]
        ticks = ((timing >> 28) + 1) * ((timing & 0xFF) + (timing >> 8 & 0xFF) + 2)
        return max(1, ticks * self._host.hclk_hz // self._clock_hz())

    # -- the bus, step by step ----------------------------------------------------------------------------------------

    def _later(self, bits: int, action: Callable[[], None]) -> None:
        """Let ``action`` happen after so many bits, or when the clock is let go."""
        if self._step is not None:
            self._step.cancel()
        self._step = self.after(bits * self.scl_cycles, lambda: self._perform(action))

    def _perform(self, action: Callable[[], None]) -> None:
        self._step = None
        if self.bus.fault is BusFault.CLOCK_HELD:
            self.bus.on_release = lambda: self._released(action)
            timeout = self.values["TIMEOUTR"]
            if timeout & _TIMEOUTEN:
                cycles = ((timeout & 0xFFF) + 1) * 2048 * self._host.hclk_hz // self._clock_hz()
                self._step = self.after(cycles, self._timed_out)
            return
        if self.bus.fault is not None:
            flag = ARLO if self.bus.fault is BusFault.ARBITRATION else BERR
            self.bus.release()
            self._lose(flag)
            return
        action()
        self._update()

    def _released(self, action: Callable[[], None]) -> None:
        self._host.sync()
        self._later(1, action)

    def _timed_out(self) -> None:
        self._step = None
        self._lose(TIMEOUT)

    def _lose(self, flag: int) -> None:
        """The transfer is over without a stop of ours."""
        self._abandon()
        self.values["CR2"] &= ~(START | STOP)
        self.values["ISR"] = self.values["ISR"] & ~(BUSY | TXIS | TC | TCR) | flag | TXE
        self._update()

    def _abandon(self) -> None:
        self.bus.on_release = None
        if self._step is not None:
            self._step.cancel()
            self._step = None
        if self._target is not None:
            self._target.stopped()
            self._target = None
        self._left = 0

    def _start(self) -> None:
        self.values["ISR"] = self.values["ISR"] & ~(TC | TCR | TXIS) | BUSY
        self._later(10, self._addressed)

    def _addressed(self) -> None:
        """The address was sent: nine bits after the start."""
        control = self.values["CR2"]
        self.values["CR2"] &= ~START
        address = control & 0x3FF if control & ADD10 else control >> 1 & 0x7F
        target = None if control & ADD10 else self.bus.find(address)
        if self._target is not None and target is not self._target:
            self._target.stopped()
        reading = bool(control & RD_WRN)
        if target is None or not target.started(reading=reading):
            self._target = None
            self._refused()
            return
        self._target = target
        self._left = control >> 16 & 0xFF
        self._go_on()

    def _refused(self) -> None:
        """Not acknowledged: a stop follows by itself."""
        self.values["ISR"] |= NACKF
        self._left = 0
        self._later(2, self._stopped)

    def _go_on(self) -> None:
        """Begin the next byte, or what follows the last."""
        control = self.values["CR2"]
        if self._target is None:
            return
        if control & STOP and not control & RD_WRN:
            self._later(2, self._stopped)
        elif not self._left:
            self._counted()
        elif control & RD_WRN:
            if not self.values["ISR"] & RXNE:
                self._later(9, self._received)
        elif self.values["ISR"] & TXE:
            self.values["ISR"] |= TXIS
        else:
            byte = self.values["TXDR"]
            self.values["ISR"] |= TXE
            self._later(9, lambda: self._sent(byte))

    def _sent(self, byte: int) -> None:
        assert self._target is not None
        self._left -= 1
        if self._target.write(byte):
            self._go_on()
        else:
            self._refused()

    def _received(self) -> None:
        assert self._target is not None
        self.values["RXDR"] = self._target.read() & 0xFF
        self.values["ISR"] |= RXNE
        self._left -= 1
        if not self._left:
            self._counted()

    def _counted(self) -> None:
        """NBYTES were transferred."""
        control = self.values["CR2"]
        if control & RELOAD:
            self.values["ISR"] |= TCR
        elif control & (AUTOEND | STOP):
            self._later(2, self._stopped)
        elif control & START:
            self._start()
        else:
            self.values["ISR"] |= TC

    def _stopped(self) -> None:
        if self._target is not None:
            self._target.stopped()
            self._target = None
        self.values["CR2"] &= ~STOP
        self.values["ISR"] = self.values["ISR"] & ~(BUSY | TXIS | TC | TCR) | STOPF
        if self.values["CR2"] & START:  # asked for meanwhile
            self._start()

    def _update(self) -> None:
        status, control = self.values["ISR"], self.values["CR1"]
        event = (status & TXIS and control & TXIE) or (status & RXNE and control & RXIE) or (
            status & NACKF and control & NACKIE) or (status & STOPF and control & STOPIE) or (
            status & (TC | TCR) and control & TCIE)
        self._host.set_irq(self.kind.event_irq, bool(event))
        self._host.set_irq(self.kind.error_irq, bool(status & _ERRORS and control & ERRIE))
        self.tx_request.set(bool(status & TXIS and control & TXDMAEN))
        self.rx_request.set(bool(status & RXNE and control & RXDMAEN))

    # -- registers ----------------------------------------------------------------------------------------------------

    def write_cr1(self, value: int, mask: int) -> None:
        if not self.store_by_name("CR1", value, mask) & PE:  # a software reset of the bus side
            self._abandon()
            self.values["ISR"] = TXE
            self.values["CR2"] &= ~(START | STOP)
        self._update()

    def write_cr2(self, value: int, mask: int) -> None:
        before = self.values["CR2"]
        now = self.store_by_name("CR2", value, mask)
        kept = before & (START | STOP)  # only the hardware clears these
        if not self.values["CR1"] & PE:
            self.values["CR2"] = now & ~(START | STOP)
            return
        self.values["CR2"] = now | kept
        status = self.values["ISR"]
        if now & START and not before & START and (not status & BUSY or status & TC):
            self._start()
        elif status & TCR and now >> 16 & 0xFF and mask & 0xFF_0000:
            self.values["ISR"] &= ~TCR
            self._left = now >> 16 & 0xFF
            self._go_on()
        elif now & STOP and not before & STOP:
            if status & (TC | TCR | TXIS):
                self.values["ISR"] &= ~(TC | TCR | TXIS)
                self._later(2, self._stopped)
            elif not status & BUSY:
                self.values["CR2"] &= ~STOP
        self._update()

    def write_isr(self, value: int, mask: int) -> None:
        if value & mask & TXE:  # flushes TXDR
            self.values["ISR"] |= TXE
        self._update()

    def write_icr(self, value: int, mask: int) -> None:
        self.values["ISR"] &= ~(value & mask & _CLEARABLE)
        self._update()

    def write_txdr(self, value: int, mask: int) -> None:
        self.store_by_name("TXDR", value, mask)
        waiting = self.values["ISR"] & TXIS
        self.values["ISR"] &= ~(TXE | TXIS)
        if waiting:
            self._go_on()
        self._update()

    def read_rxdr(self) -> int:
        if self.values["ISR"] & RXNE:
            self.values["ISR"] &= ~RXNE
            if self._target is not None and self._left and self._step is None:
                self._go_on()
            self._update()
        return self.values["RXDR"]
