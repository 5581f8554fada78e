"""SPI1 to SPI3 as controllers of a bus: polled, by interrupt and by DMA (RM0456, chapter SPI).

Both FIFOs hold bytes, as in silicon: a frame takes one, two or four of them, and an access to TXDR or RXDR moves as
many as it is wide. Frames are exchanged at the pace of the kernel clock through the divider. The role of a target
(MASTER = 0), hardware CRC and the mode fault are not modelled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from harness.virtual.board.devices.spi import SpiBus
from harness.virtual.board.peripherals.base import DmaRequest, Peripheral, PeripheralHost, Register, Timer

# CR1
SPE, MASRX, CSTART, CSUSP, HDDIR = 1 << 0, 1 << 8, 1 << 9, 1 << 10, 1 << 11
# CFG1
RXDMAEN, TXDMAEN, BPASS = 1 << 14, 1 << 15, 1 << 31
# CFG2
MASTER, LSBFRST = 1 << 22, 1 << 23
_COMM_SHIFT = 17
# SR
RXP, TXP, DXP, EOT, TXTF, UDR, OVR, SUSP, TXC, RXWNE = (1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 11,
                                                        1 << 12, 1 << 15)

_CLEARABLE = EOT | TXTF | UDR | OVR | 0x380 | SUSP
_INTERRUPTS = 0x3FF
_FULL_DUPLEX, _SEND_ONLY, _RECEIVE_ONLY, _HALF_DUPLEX = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class SpiKind:
    """Where one is, its interrupt, and the bytes that each of its FIFOs holds."""

    base: int
    irq: int
    fifo: int = 16


SPIS: dict[str, SpiKind] = {
    "SPI1": SpiKind(base=0x4001_3000, irq=59), "SPI2": SpiKind(base=0x4000_3800, irq=60),
    "SPI3": SpiKind(base=0x4600_2000, irq=99, fifo=8),
}


class Spi(Peripheral):
    """One interface.

    Args:
        clock_hz: tells the frequency of its kernel clock.

    Attributes:
        bus: the wires it controls, with what is attached to them.
        rx_request, tx_request: its lines to the DMA controller.
    """

    REGISTERS = (
        Register(name="CR1", offset=0x00, write=0x1_F901), Register(name="CR2", offset=0x04, write=0xFFFF),
        Register(name="CFG1", offset=0x08, reset=0x0007_0007, write=0xF05F_C3FF | 0x1E0),
        Register(name="CFG2", offset=0x0C, write=0xF7FE_E0FF),
        Register(name="IER", offset=0x10, write=_INTERRUPTS),
        Register(name="SR", offset=0x14, reset=TXC | TXP, write=0),
        Register(name="IFCR", offset=0x18, write=0), Register(name="AUTOCR", offset=0x1C, write=0x3F_0000),
        Register(name="TXDR", offset=0x20, write=0), Register(name="RXDR", offset=0x30, write=0),
        Register(name="CRCPOLY", offset=0x40, reset=0x107), Register(name="TXCRC", offset=0x44, write=0),
        Register(name="RXCRC", offset=0x48, write=0), Register(name="UDRDR", offset=0x4C))

    def __init__(self, host: PeripheralHost, name: str, kind: SpiKind, bus: SpiBus, *,
                 clock_hz: Callable[[], int]) -> None:
        self.kind = kind
        self.bus = bus
        self.rx_request = DmaRequest()
        self.tx_request = DmaRequest()
        self._clock_hz = clock_hz
        self._tx = bytearray()
        self._rx = bytearray()
        self._frame: Timer | None = None
        self._left = 0  # frames until the end of the transfer
        self._to_push = 0  # frames that TXDR still takes of this transfer
        super().__init__(host, name, kind.base)

    def reset(self) -> None:
        if self.values["CR1"] & SPE:
            self.bus.end()
        self._clear()
        super().reset()
        self._update()

    # -- settings -----------------------------------------------------------------------------------------------------

    @property
    def bits(self) -> int:
        """Bits of a frame."""
        return max(4, (self.values["CFG1"] & 0x1F) + 1)

    @property
    def _size(self) -> int:
        """Bytes that a frame takes in a FIFO."""
        return 1 if self.bits <= 8 else 2 if self.bits <= 16 else 4

    @property
    def _packet(self) -> int:
        """Frames that a FIFO must have, or have room for, before it says so (CFG1.FTHLV)."""
        return (self.values["CFG1"] >> 5 & 0xF) + 1

    @property
    def frame_cycles(self) -> int:
        """Cycles of HCLK that a frame takes."""
        config = self.values["CFG1"]
        divider = 1 if config & BPASS else 2 << (config >> 28 & 7)
        return max(1, self.bits * divider * self._host.hclk_hz // self._clock_hz())

    @property
    def _mode(self) -> int:
        mode = self.values["CFG2"] >> _COMM_SHIFT & 3
        if mode == _HALF_DUPLEX:
            return _SEND_ONLY if self.values["CR1"] & HDDIR else _RECEIVE_ONLY
        return mode

    # -- frames -------------------------------------------------------------------------------------------------------

    def _clear(self) -> None:
        if self._frame is not None:
            self._frame.cancel()
            self._frame = None
        self._tx.clear()
        self._rx.clear()
        self._left = self._to_push = 0

    def _go_on(self) -> None:
        """Begin the next frame, if there is one to exchange."""
        if self._frame is not None or self.values["CR1"] & (SPE | CSTART) != SPE | CSTART:
            return
        if not self.values["CFG2"] & MASTER or (self.values["CR2"] and not self._left):
            return
        if self._mode == _RECEIVE_ONLY:
            if len(self._rx) + self._size > self.kind.fifo and (self.values["CR1"] & MASRX or not self.values["CR2"]):
                return  # the clock waits for room
        elif len(self._tx) < self._size:
            return
        self.values["SR"] &= ~TXC
        self._frame = self.after(self.frame_cycles, self._exchanged)

    def _exchanged(self) -> None:
        self._frame = None
        ones = (1 << self.bits) - 1
        sent = ones
        if self._mode != _RECEIVE_ONLY:
            sent = int.from_bytes(self._tx[:self._size], "little") & ones
            del self._tx[:self._size]
        heard = self._ordered(self.bus.transfer(self._ordered(sent), self.bits) & ones)
        if self._mode != _SEND_ONLY:
            if len(self._rx) + self._size > self.kind.fifo:
                self.values["SR"] |= OVR
            else:
                self._rx += heard.to_bytes(self._size, "little")
        if self._left:
            self._left -= 1
            if not self._left:
                self.values["SR"] |= EOT | TXC
                self.values["CR1"] &= ~CSTART
        elif not self._tx:
            self.values["SR"] |= TXC
        self._go_on()
        self._update()

    def _ordered(self, value: int) -> int:
        """A frame as it is on the wire, or back: the other way round if LSBFRST."""
        if not self.values["CFG2"] & LSBFRST:
            return value
        return int(format(value, f"0{self.bits}b")[::-1], 2)

    def _update(self) -> None:
        config, size = self.values["CFG1"], self._size
        enabled = bool(self.values["CR1"] & SPE)
        status = self.values["SR"] & ~(RXP | TXP | DXP | RXWNE | 3 << 13 | 0xFFFF << 16)
        room = self.kind.fifo - len(self._tx)
        packet = min(self._packet * size, self.kind.fifo)
        counted = bool(self.values["CR2"])
        if room >= packet and (not enabled or not counted or self._to_push):
            status |= TXP
        if len(self._rx) >= packet:
            status |= RXP
        if status & (RXP | TXP) == RXP | TXP:
            status |= DXP
        status |= RXWNE if len(self._rx) >= 4 else 0
        status |= (len(self._rx) % 4 // size & 3) << 13 | (self._left & 0xFFFF) << 16
        self.values["SR"] = status
        self._host.set_irq(self.kind.irq, bool(status & self.values["IER"] & _INTERRUPTS))
        self.tx_request.set(bool(enabled and config & TXDMAEN and status & TXP))
        self.rx_request.set(bool(config & RXDMAEN and status & RXP))

    # -- registers ----------------------------------------------------------------------------------------------------

    def read(self, offset: int, size: int) -> int:
        if offset & ~3 != 0x30:
            return super().read(offset, size)
        data = bytes(self._rx[:size])
        del self._rx[:size]
        self._go_on()
        self._update()
        return int.from_bytes(data, "little")

    def write_cr1(self, value: int, mask: int) -> None:
        before = self.values["CR1"]
        now = self.store_by_name("CR1", value, mask) | before & CSTART
        if not now & SPE:
            self._clear()
            now &= ~CSTART
            self.values["SR"] = self.values["SR"] & _CLEARABLE | TXC
            if before & SPE:
                self.bus.end()
        else:
            if not before & SPE:
                self._left = self._to_push = self.values["CR2"]
                self.bus.begin()
            if value & mask & CSTART:
                now |= CSTART
        self.values["CR1"] = now
        if value & mask & CSUSP and now & CSTART:
            self.values["CR1"] &= ~CSTART
            self.values["SR"] |= SUSP
        self._go_on()
        self._update()

    def write_cfg1(self, value: int, mask: int) -> None:
        if self.values["CR1"] & SPE:  # only the DMA enables can be changed then
            mask &= RXDMAEN | TXDMAEN
        self.store_by_name("CFG1", value, mask)
        self._update()

    def write_cfg2(self, value: int, mask: int) -> None:
        if not self.values["CR1"] & SPE:
            self.store_by_name("CFG2", value, mask)

    def write_cr2(self, value: int, mask: int) -> None:
        if not self.values["CR1"] & SPE:
            self.store_by_name("CR2", value, mask)
            self._update()

    def write_ier(self, value: int, mask: int) -> None:
        self.store_by_name("IER", value, mask)
        self._update()

    def write_ifcr(self, value: int, mask: int) -> None:
        self.values["SR"] &= ~(value & mask & _CLEARABLE)
        self._update()

    def write_txdr(self, value: int, mask: int) -> None:
        width = mask.bit_count() // 8
        data = (value >> (mask & -mask).bit_length() - 1).to_bytes(4, "little")[:width]
        frames = max(1, width // self._size)
        data = data.ljust(frames * self._size, b"\0")[:frames * self._size]
        if not self.values["CR1"] & SPE or len(self._tx) + len(data) > self.kind.fifo:
            return  # lost, as in silicon
        if self.values["CR2"]:
            if not self._to_push:
                return
            self._to_push = max(0, self._to_push - frames)
            if not self._to_push:
                self.values["SR"] |= TXTF
        self._tx += data
        self._go_on()
        self._update()
