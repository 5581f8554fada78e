"""USART, UART and LPUART: asynchronous mode, polled, by interrupt and by DMA, at the pace of the baud rate (RM0456).

What the application sends is heard in lines: the journal tells ``uart_line``, and listeners get every byte. What a test
sends arrives one character after another, each taking the time of its frame. The FIFO mode has its eight places and
thresholds; CTS reads as asserted. Synchronous, LIN, IrDA and smartcard modes and automatic baud rates are not modelled.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from harness.errors import UsageError
from harness.virtual.board.peripherals.base import DmaRequest, Peripheral, PeripheralHost, Register, Timer
from harness.virtual.board.peripherals.serial_line import MAX_INPUT as MAX_INPUT
from harness.virtual.board.peripherals.serial_line import SerialLine

# CR1
UE, RE, TE = 1 << 0, 1 << 2, 1 << 3
IDLEIE, RXNEIE, TCIE, TXEIE, PEIE = 1 << 4, 1 << 5, 1 << 6, 1 << 7, 1 << 8
PCE, M0, CMIE, OVER8, RTOIE, M1, FIFOEN, TXFEIE, RXFFIE = (
    1 << 10, 1 << 12, 1 << 14, 1 << 15, 1 << 26, 1 << 28, 1 << 29, 1 << 30, 1 << 31)
# CR2 and CR3
RTOEN = 1 << 23
EIE, DMAR, DMAT, OVRDIS, TXFTIE, RXFTIE = 1 << 0, 1 << 6, 1 << 7, 1 << 12, 1 << 23, 1 << 28
# ISR
PE, FE, NE, ORE, IDLE, RXNE, TC, TXE = (1 << bit for bit in range(8))
RTOF, BUSY, CMF, TEACK, REACK = 1 << 11, 1 << 16, 1 << 17, 1 << 21, 1 << 22
TXFE, RXFF, RXFT, TXFT = 1 << 23, 1 << 24, 1 << 26, 1 << 27

ERRORS = {"parity": PE, "framing": FE, "noise": NE}
"""What a test may send a character with."""

_CLEARABLE = PE | FE | NE | ORE | IDLE | TC | RTOF | CMF
_FIFO_FLAGS = TXE | RXNE | TXFE | RXFF | RXFT | TXFT
_DEPTH = 8
_THRESHOLDS = (1, 2, 4, 6, 7, 8)  # RXFTCFG and TXFTCFG: eighths of the FIFO
_PRESCALERS = (1, 2, 4, 6, 8, 10, 12, 16, 32, 64, 128, 256)
_STOP_HALVES = (2, 1, 4, 3)  # CR2.STOP in half bits
_DATA_BITS = {0: 8, M0: 9, M1: 7, M0 | M1: 8}


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
    """One serial interface.

    Args:
        clock_hz: tells the frequency of its kernel clock.

    Attributes:
        rx_request, tx_request: its lines to the DMA controller.
    """

    REGISTERS = (
        Register(name="CR1", offset=0x00), Register(name="CR2", offset=0x04), Register(name="CR3", offset=0x08),
        Register(name="BRR", offset=0x0C, write=0xF_FFFF), Register(name="GTPR", offset=0x10, write=0xFFFF),
        Register(name="RTOR", offset=0x14), Register(name="RQR", offset=0x18, write=0),
        Register(name="ISR", offset=0x1C, reset=TXE | TC, write=0), Register(name="ICR", offset=0x20, write=0),
        Register(name="RDR", offset=0x24, write=0), Register(name="TDR", offset=0x28, write=0x1FF),
        Register(name="PRESC", offset=0x2C, write=0xF), Register(name="AUTOCR", offset=0x30, write=0x000F_FFFF),
    )

    def __init__(self, host: PeripheralHost, name: str, kind: UsartKind, *, clock_hz: Callable[[], int]) -> None:
        self.kind = kind
        self.line = SerialLine(host, name)
        self.rx_request = DmaRequest()
        self.tx_request = DmaRequest()
        self._clock_hz = clock_hz
        self._shifting: Timer | None = None
        self._receiving: Timer | None = None
        self._silence: list[Timer] = []
        self._tx: deque[int] = deque()
        self._rx: deque[tuple[int, int]] = deque()
        super().__init__(host, name, kind.base)

    def reset(self) -> None:
        self._stop_transmitter()
        self._stop_receiver()
        self.line.flush()
        super().reset()
        self._update()

    # -- for tests ----------------------------------------------------------------------------------------------------

    def listen(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call ``listener`` with every byte the application sends; return what ends that."""
        return self.line.listen(listener)

    def send(self, data: bytes, *, error: str | None = None) -> int:
        """Let these bytes arrive at the application; return how many were taken (the rest has no room).

        Args:
            error: ``parity``, ``framing`` or ``noise``: what the application is told of each of them.

        Raises:
            UsageError: not one of these errors.
        """
        if error is not None and error not in ERRORS:
            raise UsageError(f"a character arrives with an error of {', '.join(ERRORS)}, not {error!r}")
        self._host.sync()
        taken = self.line.queue(data, 0 if error is None else ERRORS[error])
        self._next_input()
        return taken

    @property
    def baud(self) -> float:
        """Bits a second, as the application has set it; 0 before it has."""
        if not self.values["BRR"]:
            return 0.0
        numerator, denominator = self._bit
        return self._host.hclk_hz * denominator / numerator

    # -- time ---------------------------------------------------------------------------------------------------------

    @property
    def _bit(self) -> tuple[int, int]:
        """Cycles of HCLK that a bit takes, as a fraction."""
        divider = max(self.values["BRR"], 1)
        scale = 1
        if self.kind.low_power:
            scale = 256
        elif self.values["CR1"] & OVER8:
            divider, scale = max(divider & 0xFFF0 | (divider & 7) << 1, 1), 2
        prescaler = _PRESCALERS[min(self.values["PRESC"], 11)]
        return divider * prescaler * self._host.hclk_hz, scale * self._clock_hz()

    @property
    def character_cycles(self) -> int:
        """Cycles of HCLK that a frame takes: start bit, data with parity, stop bits."""
        halves = 2 + 2 * _DATA_BITS[self.values["CR1"] & (M0 | M1)] + _STOP_HALVES[self.values["CR2"] >> 12 & 3]
        numerator, denominator = self._bit
        return max(1, halves * numerator // (2 * denominator))

    # -- sending ------------------------------------------------------------------------------------------------------

    @property
    def _depth(self) -> int:
        return _DEPTH if self.values["CR1"] & FIFOEN else 1

    def _enabled(self, direction: int) -> bool:
        return self.values["CR1"] & (UE | direction) == UE | direction

    def _stop_transmitter(self) -> None:
        if self._shifting is not None:
            self._shifting.cancel()
            self._shifting = None
        self._tx.clear()

    def _next_output(self) -> None:
        if self._tx and self._shifting is None:
            byte = self._tx.popleft()
            self.values["ISR"] &= ~TC
            self._shifting = self.after(self.character_cycles, lambda: self._shifted(byte))

    def _shifted(self, byte: int) -> None:
        self._shifting = None
        self.line.sent(byte)
        if self._tx:
            self._next_output()
        else:
            self.values["ISR"] |= TC
        self._update()

    # -- receiving ----------------------------------------------------------------------------------------------------

    def _stop_receiver(self) -> None:
        if self._receiving is not None:
            self._receiving.cancel()
            self._receiving = None
        self._break_silence()
        self._rx.clear()

    def _break_silence(self) -> None:
        for timer in self._silence:
            timer.cancel()
        self._silence.clear()

    def _next_input(self) -> None:
        if self.line.input and self._receiving is None and self._enabled(RE):
            self._break_silence()
            self._receiving = self.after(self.character_cycles, self._arrived)

    def _arrived(self) -> None:
        self._receiving = None
        byte, flags = self.line.input.popleft()
        if _DATA_BITS[self.values["CR1"] & (M0 | M1)] - bool(self.values["CR1"] & PCE) < 8:
            byte &= 0x7F
        if len(self._rx) < self._depth:
            self._rx.append((byte, flags))
        elif self.values["CR3"] & OVRDIS:
            self._rx[-1] = byte, flags
        else:
            self.values["ISR"] |= ORE  # the old characters stay, the new one is lost
        self.values["ISR"] |= flags
        if byte == self.values["CR2"] >> 24:
            self.values["ISR"] |= CMF
        if self.line.input:
            self._next_input()
        else:
            self._silence.append(self.after(self.character_cycles, lambda: self._fell_silent(IDLE)))
            if self.values["CR2"] & RTOEN:
                numerator, denominator = self._bit
                wait = (self.values["RTOR"] & 0xFF_FFFF) * numerator // denominator
                self._silence.append(self.after(wait, lambda: self._fell_silent(RTOF)))
        self._update()

    def _fell_silent(self, flag: int) -> None:
        self.values["ISR"] |= flag
        self._update()

    # -- flags and interrupts -----------------------------------------------------------------------------------------

    def _update(self) -> None:
        """Derive the flags of the data registers, then interrupts and DMA requests."""
        control, control3, fifo = self.values["CR1"], self.values["CR3"], self.values["CR1"] & FIFOEN
        status = self.values["ISR"] & ~_FIFO_FLAGS
        status |= TXE if len(self._tx) < self._depth else 0
        status |= RXNE if self._rx else 0
        if fifo:
            status |= TXFE if not self._tx else 0
            status |= RXFF if len(self._rx) == _DEPTH else 0
            status |= RXFT if len(self._rx) >= _threshold(control3 >> 25) else 0
            status |= TXFT if _DEPTH - len(self._tx) >= _threshold(control3 >> 29) else 0
        status = status & ~(TEACK | REACK) | (TEACK if self._enabled(TE) else 0) | (REACK if self._enabled(RE) else 0)
        self.values["ISR"] = status
        active = (status & control & (IDLE | TC | TXE)) or (control & RXNEIE and status & (RXNE | ORE)) or (
            control & PEIE and status & PE) or (control & CMIE and status & CMF) or (
            control & RTOIE and status & RTOF) or (control3 & EIE and status & (ORE | NE | FE)) or (
            fifo and ((control & TXFEIE and status & TXFE) or (control & RXFFIE and status & RXFF) or (
                control3 & RXFTIE and status & RXFT) or (control3 & TXFTIE and status & TXFT)))
        self._host.set_irq(self.kind.irq, bool(active) and bool(control & UE))
        self.tx_request.set(bool(status & TXE and control3 & DMAT and self._enabled(TE)))
        self.rx_request.set(bool(status & RXNE and control3 & DMAR and self._enabled(RE)))

    # -- registers ----------------------------------------------------------------------------------------------------

    def read_isr(self) -> int:
        return self.values["ISR"] | (BUSY if self._receiving is not None else 0)

    def write_cr1(self, value: int, mask: int) -> None:
        before = self.values["CR1"]
        now = self.store_by_name("CR1", value, mask)
        if not now & UE:
            self._stop_transmitter()
            self._stop_receiver()
            self.values["ISR"] = TC | TXE
        elif not self._enabled(RE):
            self._stop_receiver()
        if (before ^ now) & FIFOEN:
            self._tx.clear()
            self._rx.clear()
        self._update()
        self._next_input()

    def write_cr3(self, value: int, mask: int) -> None:
        self.store_by_name("CR3", value, mask)
        self._update()

    def write_icr(self, value: int, mask: int) -> None:
        self.values["ISR"] &= ~(value & mask & _CLEARABLE)
        self._update()

    def write_rqr(self, value: int, mask: int) -> None:
        if value & 1 << 3:  # RXFRQ: drop what was received
            self._rx.clear()
        if value & 1 << 4:  # TXFRQ: drop what was not sent
            self._tx.clear()
        self._update()

    def read_rdr(self) -> int:
        if self._rx:
            self.values["RDR"] = self._rx.popleft()[0]
            self._update()
        return self.values["RDR"]

    def write_tdr(self, value: int, mask: int) -> None:
        byte = self.store_by_name("TDR", value, mask) & 0xFF
        if not self._enabled(TE):
            return
        if len(self._tx) == self._depth:
            self._tx[-1] = byte  # whoever does not look at TXE overwrites what waits
        else:
            self._tx.append(byte)
        self._next_output()
        self._update()


def _threshold(code: int) -> int:
    return _THRESHOLDS[min(code & 7, 5)]
