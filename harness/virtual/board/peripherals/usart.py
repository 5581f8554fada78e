"""USART, UART and LPUART: asynchronous mode, polled and by interrupt, at the pace of the baud rate (RM0456, USART).

What the application sends is heard in lines: the journal tells ``uart_line``, and listeners get every byte. What a test
sends arrives one character after another. FIFO mode, DMA requests and synchronous modes are not modelled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, Register, Timer

UE, RE, TE = 1 << 0, 1 << 2, 1 << 3
RXNEIE, TCIE, TXEIE = 1 << 5, 1 << 6, 1 << 7
OVER8 = 1 << 15
PE, FE, NE, ORE, IDLE, RXNE, TC, TXE = (1 << bit for bit in range(8))
TEACK, REACK = 1 << 21, 1 << 22

MAX_LINE = 1024
"""Bytes after which a line is told although it has not ended."""

MAX_INPUT = 65536
_FLUSH_SECONDS_INVERSE = 10  # an unfinished line is told after 1/10 s of silence
_PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)


@dataclass(frozen=True, slots=True, kw_only=True)
class UsartKind:
    """Where one is and which interrupt it has; LPUART divides its clock by 1/256 steps."""

    base: int
    irq: int
    low_power: bool = False


USARTS: dict[str, UsartKind] = {
    "USART1": UsartKind(base=0x4001_3800, irq=61), "USART2": UsartKind(base=0x4000_4400, irq=62),
    "USART3": UsartKind(base=0x4000_4800, irq=63), "UART4": UsartKind(base=0x4000_4C00, irq=64),
    "UART5": UsartKind(base=0x4000_5000, irq=65), "LPUART1": UsartKind(base=0x4600_2400, irq=66, low_power=True),
}


class Usart(Peripheral):
    """One serial interface."""

    REGISTERS = (
        Register(name="CR1", offset=0x00), Register(name="CR2", offset=0x04), Register(name="CR3", offset=0x08),
        Register(name="BRR", offset=0x0C), Register(name="GTPR", offset=0x10), Register(name="RTOR", offset=0x14),
        Register(name="RQR", offset=0x18), Register(name="ISR", offset=0x1C, reset=TXE | TC, write=0),
        Register(name="ICR", offset=0x20), Register(name="RDR", offset=0x24, write=0),
        Register(name="TDR", offset=0x28, write=0x1FF), Register(name="PRESC", offset=0x2C, write=0xF),
        Register(name="AUTOCR", offset=0x30),
    )

    def __init__(self, host: PeripheralHost, name: str, kind: UsartKind) -> None:
        self.kind = kind
        self._shifting: Timer | None = None
        self._waiting: int | None = None
        self._receiving: Timer | None = None
        self._input: deque[int] = deque()
        self._line = bytearray()
        self._flush: Timer | None = None
        self._listeners: list[Callable[[int], None]] = []
        super().__init__(host, name, kind.base)

    def reset(self) -> None:
        for timer in (self._shifting, self._receiving):
            if timer is not None:
                timer.cancel()
        self._shifting = self._receiving = self._waiting = None
        self.flush()
        super().reset()

    # -- for tests --

    def listen(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call ``listener`` with every byte the application sends; return what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def send(self, data: bytes) -> int:
        """Let these bytes arrive at the application; return how many were taken (the rest has no room)."""
        self._host.sync()
        taken = data[:MAX_INPUT - len(self._input)]
        self._input += taken
        self._next_input()
        return len(taken)

    def flush(self) -> None:
        """Tell what was sent of an unfinished line."""
        if self._flush is not None:
            self._flush.cancel()
            self._flush = None
        if self._line:
            text = bytes(self._line).decode("utf-8", "replace").rstrip("\r\n")
            self._line.clear()
            self._host.record_fact("uart_line", uart=self.name, text=text)

    # -- inside --

    @property
    def character_cycles(self) -> int:
        """Cycles of HCLK that a character takes: start, 8 data and stop bit."""
        divider = max(self.values["BRR"], 1)
        prescaler = _PRESCALERS[min(self.values["PRESC"] & 0xF, 11)]
        if self.kind.low_power:
            return max(1, 10 * divider * prescaler // 256)
        if self.values["CR1"] & OVER8:
            divider = (divider & 0xFFF0 | (divider & 7) << 1) // 2
        return max(1, 10 * divider * prescaler)

    def _enabled(self, direction: int) -> bool:
        return self.values["CR1"] & (UE | direction) == UE | direction

    def _shift(self, byte: int) -> None:
        self.values["ISR"] &= ~TC
        self._shifting = self._host.schedule(self._host.cycles + self.character_cycles, lambda: self._shifted(byte))

    def _shifted(self, byte: int) -> None:
        self._shifting = None
        self._heard(byte)
        if self._waiting is not None:
            following, self._waiting = self._waiting, None
            self.values["ISR"] |= TXE
            self._shift(following)
        else:
            self.values["ISR"] |= TC
        self._update()

    def _heard(self, byte: int) -> None:
        self._line.append(byte)
        if byte == 0x0A or len(self._line) >= MAX_LINE:
            self.flush()
        else:
            if self._flush is not None:
                self._flush.cancel()
            self._flush = self._host.schedule(self._host.cycles + self._host.hclk_hz // _FLUSH_SECONDS_INVERSE,
                                              self.flush)
        for listener in tuple(self._listeners):
            listener(byte)
        if self._listeners:
            self._host.posted()

    def _next_input(self) -> None:
        if self._input and self._receiving is None and self._enabled(RE):
            self._receiving = self._host.schedule(self._host.cycles + self.character_cycles, self._arrived)

    def _arrived(self) -> None:
        self._receiving = None
        byte = self._input.popleft()
        if self.values["ISR"] & RXNE:
            self.values["ISR"] |= ORE  # the old character stays, the new one is lost
        else:
            self.values["RDR"] = byte
            self.values["ISR"] |= RXNE
        if not self._input:
            self.values["ISR"] |= IDLE
        self._update()
        self._next_input()

    def _update(self) -> None:
        status, control = self.values["ISR"], self.values["CR1"]
        active = status & control & (TXE | TC | IDLE) or (control & RXNEIE and status & (RXNE | ORE)) or (
            self.values["CR3"] & 1 and status & (ORE | NE | FE))
        self._host.set_irq(self.kind.irq, bool(active) and bool(control & UE))

    # -- registers --

    def write_cr1(self, value: int, mask: int) -> None:
        self.store_by_name("CR1", value, mask)
        acknowledged = (TEACK if self._enabled(TE) else 0) | (REACK if self._enabled(RE) else 0)
        self.values["ISR"] = self.values["ISR"] & ~(TEACK | REACK) | acknowledged
        self._update()
        self._next_input()

    def write_cr3(self, value: int, mask: int) -> None:
        self.store_by_name("CR3", value, mask)
        self._update()

    def write_icr(self, value: int, mask: int) -> None:
        self.values["ISR"] &= ~(value & mask & (PE | FE | NE | ORE | IDLE | TC))
        self._update()

    def read_icr(self) -> int:
        return 0

    def write_rqr(self, value: int, mask: int) -> None:
        if value & 1 << 3:  # RXFRQ: drop what was received
            self.values["ISR"] &= ~RXNE
            self._update()

    def read_rqr(self) -> int:
        return 0

    def read_rdr(self) -> int:
        self.values["ISR"] &= ~RXNE
        self._update()
        return self.values["RDR"]

    def write_tdr(self, value: int, mask: int) -> None:
        byte = self.store_by_name("TDR", value, mask) & 0xFF
        if not self._enabled(TE):
            return
        if self._shifting is None:
            self._shift(byte)
        else:
            self._waiting = byte
            self.values["ISR"] &= ~TXE
        self._update()
