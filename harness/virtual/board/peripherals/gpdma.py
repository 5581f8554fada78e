"""GPDMA1: sixteen channels that move data on request, in blocks and in linked lists (RM0456, chapter GPDMA).

Theory of operation. A channel serves a request line, or itself in memory-to-memory transfers. Each service is an event
some cycles after the line rose; it moves one burst, and another follows while the line stays high. Events fall between
two blocks of the application, so a transfer never happens in the middle of an instruction's effects. Triggers, the
two-dimensional addressing of channels 12 to 15 and port arbitration are not modelled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from harness.virtual.board.core.interface import BusError
from harness.virtual.board.peripherals.base import WORD, DmaRequest, Peripheral, PeripheralHost, Register, Timer

GPDMA1_BASE = 0x4002_0000
CHANNELS = 16
IRQS = (*range(29, 37), *range(80, 88))
"""Interrupt of each channel."""

# CR
EN, RESET, SUSP, LSM = 1 << 0, 1 << 1, 1 << 2, 1 << 16
# SR
IDLEF, TCF, HTF, DTEF, ULEF, USEF, SUSPF = 1 << 0, 1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13
# TR1
SINC, DINC = 1 << 3, 1 << 19
# TR2
SWREQ, DREQ = 1 << 9, 1 << 10

_FLAGS = 0x7F00
_LATENCY = 4
"""Cycles of HCLK from a request to its transfer."""
_BEATS_AT_ONCE = 64  # of a memory-to-memory transfer, between two looks at anything else
_UPDATES = ((31, "TR1"), (30, "TR2"), (29, "BR1"), (28, "SAR"), (27, "DAR"), (26, "TR3"), (25, "BR2"), (16, "LLR"))
_ROWS: tuple[tuple[str, int, int, int], ...] = (
    ("LBAR", 0x50, 0, 0xFFFF_0000), ("FCR", 0x5C, 0, 0), ("SR", 0x60, IDLEF, 0), ("CR", 0x64, 0, 0x00C3_7F07),
    ("TR1", 0x90, 0, WORD), ("TR2", 0x94, 0, WORD), ("BR1", 0x98, 0, WORD), ("SAR", 0x9C, 0, WORD),
    ("DAR", 0xA0, 0, WORD), ("TR3", 0xA4, 0, 0x1FFF_1FFF), ("BR2", 0xA8, 0, WORD), ("LLR", 0xCC, 0, 0xFE01_FFFC))

_PLACES = {f"C{number}{row[0]}": (number, row[0]) for number in range(CHANNELS) for row in _ROWS}


class Channel:
    """One channel; its registers lie in the controller's block."""

    def __init__(self, dma: Gpdma, number: int) -> None:
        self._dma = dma
        self._number = number
        self._service: Timer | None = None
        self._line: DmaRequest | None = None
        self._block = 0  # bytes of the block when it began
        self._fifo = bytearray()

    def __repr__(self) -> str:
        state = "active" if self["CR"] & EN else "idle"
        return f"Channel({self._number}, {state}, {self['BR1'] & 0xFFFF} bytes left)"

    def __getitem__(self, register: str) -> int:
        return self._dma.values[f"C{self._number}{register}"]

    def __setitem__(self, register: str, value: int) -> None:
        self._dma.values[f"C{self._number}{register}"] = value & WORD

    def reset(self) -> None:
        """Stop; registers are the controller's business."""
        self._rest()
        self._fifo.clear()

    # -- registers ----------------------------------------------------------------------------------------------------

    def write_cr(self, value: int, mask: int) -> None:
        before = self["CR"]
        now = self._dma.store_by_name(f"C{self._number}CR", value, mask)
        if now & RESET and before & (EN | SUSP) != EN:
            self.reset()
            now &= ~(EN | SUSP)
        else:
            now |= before & EN  # only the hardware clears it
        self["CR"] = now = now & ~RESET
        if now & EN and not before & EN:
            self._begin()
        elif now & EN and now & SUSP and not before & SUSP:
            self._rest()
            self["SR"] |= SUSPF
        elif now & EN and not now & SUSP and before & SUSP:
            self._watch()
        self._dma.update(self._number)

    def read_sr(self) -> int:
        active = self["CR"] & EN and not self["CR"] & SUSP
        return self["SR"] & ~IDLEF | (0 if active else IDLEF)

    def write_fcr(self, value: int, mask: int) -> None:
        self["SR"] &= ~(value & mask & _FLAGS)
        self._dma.update(self._number)

    @property
    def pending(self) -> bool:
        """Whether a flag is up whose interrupt is enabled."""
        return bool(self["SR"] & self["CR"] & _FLAGS)

    # -- transfers ----------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._fifo.clear()
        if not self["BR1"] & 0xFFFF:
            if not self["LLR"]:
                self._fail(USEF)
                return
            if not self._load_item():
                return
        self._open_block()

    def _open_block(self) -> None:
        """Check the settings of a block and wait for its first request."""
        self._block = self["BR1"] & 0xFFFF
        source, destination = self._widths()
        if (self["TR1"] & 3 == 3 or self["TR1"] >> 16 & 3 == 3 or not self._block or self._block % source
                or self["SAR"] % source or self["DAR"] % destination):
            self._fail(USEF)
            return
        self._watch()

    def _widths(self) -> tuple[int, int]:
        return 1 << min(self["TR1"] & 3, 2), 1 << min(self["TR1"] >> 16 & 3, 2)

    def _watch(self) -> None:
        """Listen to the request line, and serve it if it is high already."""
        self._rest()
        if not self["TR2"] & SWREQ:
            self._line = self._dma.requests.get(self["TR2"] & 0x7F)
            if self._line is None:
                return  # nothing of ours ever asks
            self._line.listener = self._wanted
        self._wanted()

    def _rest(self) -> None:
        if self._service is not None:
            self._service.cancel()
            self._service = None
        if self._line is not None:
            if self._line.listener == self._wanted:
                self._line.listener = None
            self._line = None

    def _wanted(self) -> None:
        if self._service is None and self["CR"] & (EN | SUSP) == EN and (
                self["TR2"] & SWREQ or (self._line is not None and self._line.active)):
            self._service = self._dma.after(_LATENCY, self._serve)

    def _serve(self) -> None:
        self._service = None
        if not self["TR2"] & SWREQ and (self._line is None or not self._line.active):
            return  # somebody else took the byte
        if self["TR2"] & SWREQ:
            beats = _BEATS_AT_ONCE
        else:
            low = 20 if self["TR2"] & DREQ else 4
            beats = (self["TR1"] >> low & 0x3F) + 1
        try:
            for _ in range(beats):
                if not self._beat():
                    break
        except BusError:
            self._fail(DTEF)
            return
        if self["CR"] & EN and self._service is None:
            if self["TR2"] & SWREQ:
                self._service = self._dma.after(2 * beats, self._serve)
            else:
                self._wanted()
        self._dma.update(self._number)

    def _beat(self) -> bool:
        """Move one item of the source's width; return whether more of this block remains."""
        source, destination = self._widths()
        data = self._dma.fetch(self["SAR"], source)
        if self["TR1"] & SINC:
            self["SAR"] += source
        self._fifo += self._aligned(data, source, destination)
        while len(self._fifo) >= destination:
            item = int.from_bytes(self._fifo[:destination], "little")
            del self._fifo[:destination]
            self._dma.bring(self["DAR"], destination, item)
            if self["TR1"] & DINC:
                self["DAR"] += destination
        left = (self["BR1"] & 0xFFFF) - source
        self["BR1"] = self["BR1"] & ~0xFFFF | left
        if left * 2 <= self._block < (left + source) * 2 and self._tells():
            self["SR"] |= HTF
        if left > 0:
            return True
        self._finish_block()
        return False

    def _aligned(self, data: int, source: int, destination: int) -> bytes:
        """What PAM makes of an item on its way to another width."""
        padding = self["TR1"] >> 11 & 3
        if source == destination or padding >= 2:  # packed and unpacked by the FIFO
            return data.to_bytes(source, "little")
        if source < destination:
            if padding == 1 and data >> 8 * source - 1:
                data |= -1 << 8 * source & (1 << 8 * destination) - 1
            return data.to_bytes(destination, "little")
        if padding == 1:
            data >>= 8 * (source - destination)
        return (data & (1 << 8 * destination) - 1).to_bytes(destination, "little")

    def _tells(self) -> bool:
        """Whether this item's events are told (TCEM): all but those before the last of a list in mode 3."""
        return self["TR2"] >> 30 != 3 or not self["LLR"]

    def _finish_block(self) -> None:
        if self._tells():
            self["SR"] |= TCF
        repeats = self["BR1"] >> 16 & 0x7FF if self._number >= 12 else 0
        if repeats:
            self["BR1"] = self["BR1"] - (1 << 16) & ~0xFFFF | self._block
            return
        if not self["LLR"]:
            self._stop()
        elif self["CR"] & LSM:
            if self._load_item():
                self._stop()
        elif self._load_item():
            self._open_block()

    def _load_item(self) -> bool:
        """Fetch the registers of the next item of the list; return whether that worked."""
        link = self["LLR"]
        address = self["LBAR"] | link & 0xFFFC
        try:
            for bit, register in _UPDATES:
                if link >> bit & 1 and (self._number >= 12 or register not in ("TR3", "BR2")):
                    self[register] = self._dma.fetch(address, 4)
                    address += 4
        except BusError:
            self._fail(ULEF)
            return False
        if not link >> 16 & 1:
            self["LLR"] = 0
        return True

    def _stop(self) -> None:
        self._rest()
        self["CR"] &= ~EN

    def _fail(self, flag: int) -> None:
        self._stop()
        self["SR"] |= flag
        self._dma.update(self._number)


class Gpdma(Peripheral):
    """The controller.

    Args:
        requests: the lines by the number that TR2.REQSEL selects.
    """

    SIZE = 0x1000
    REGISTERS = (
        Register(name="SECCFGR", offset=0x00, write=0), Register(name="PRIVCFGR", offset=0x04, write=0xFFFF),
        Register(name="RCFGLOCKR", offset=0x08, write=0), Register(name="MISR", offset=0x0C, write=0),
        Register(name="SMISR", offset=0x10, write=0),
        *(Register(name=f"C{channel}{name}", offset=offset + 0x80 * channel, reset=reset, write=write)
          for channel in range(CHANNELS) for name, offset, reset, write in _ROWS))

    def __init__(self, host: PeripheralHost, requests: Mapping[int, DmaRequest]) -> None:
        self.requests = requests
        self.channels = tuple(Channel(self, number) for number in range(CHANNELS))
        super().__init__(host, "GPDMA1", GPDMA1_BASE)

    def effects(self, register: Register) -> tuple[Callable[[], int] | None, Callable[[int, int], None] | None]:
        if register.name not in _PLACES:
            return super().effects(register)
        number, name = _PLACES[register.name]
        channel = self.channels[number]
        match name:
            case "SR":
                return channel.read_sr, None
            case "CR":
                return None, channel.write_cr
            case "FCR":
                return None, channel.write_fcr
        return None, partial(self._write_settings, channel, register)

    def reset(self) -> None:
        for channel in self.channels:
            channel.reset()
        super().reset()
        for number in range(CHANNELS):
            self.update(number)

    def fetch(self, address: int, size: int) -> int:
        """Read as a bus master; raises BusError."""
        return self._host.read_bus(address & WORD, size)

    def bring(self, address: int, size: int, value: int) -> None:
        """Write as a bus master; raises BusError."""
        self._host.write_bus(address & WORD, size, value)

    def update(self, number: int) -> None:
        """Drive the interrupt line of a channel."""
        self._host.set_irq(IRQS[number], self.channels[number].pending)

    def read_misr(self) -> int:
        return sum(1 << number for number, channel in enumerate(self.channels) if channel.pending)

    def _write_settings(self, channel: Channel, register: Register, value: int, mask: int) -> None:
        """Settings of a transfer are write-protected while the channel is at work (RM0456, GPDMA programming)."""
        if channel["CR"] & (EN | SUSP) != EN:
            self.store(register, value, mask)
