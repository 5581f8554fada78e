"""RNG: random words, drawn from the seed of the world (RM0456, chapter RNG)."""

from __future__ import annotations

from collections import deque

from harness.virtual.board.peripherals.base import Peripheral, PeripheralHost, Register, Timer

RNG_BASE = 0x420C_0800
RNG_IRQ = 94

RNGEN, IE, CONDRST, CONFIGLOCK = 1 << 2, 1 << 3, 1 << 30, 1 << 31
DRDY, CECS, SECS, CEIS, SEIS = 1 << 0, 1 << 1, 1 << 2, 1 << 5, 1 << 6

_BATCH = 4
_BATCH_CYCLES = 412
"""Cycles from one batch of words to the next."""
_CONFIGURATION = 0x03FF_FFA0


class Rng(Peripheral):
    """The generator: four words at a time, equal in equal runs."""

    REGISTERS = (
        Register(name="CR", offset=0x00, reset=0x0080_0D00, write=CONDRST | CONFIGLOCK | _CONFIGURATION | RNGEN | IE),
        Register(name="SR", offset=0x04, write=0, clear_by_zero=CEIS | SEIS), Register(name="DR", offset=0x08, write=0),
        Register(name="NSCR", offset=0x0C, reset=0x0003_FFFF, write=0x0003_FFFF),
        Register(name="HTCR", offset=0x10, reset=0x0000_72AC))

    def __init__(self, host: PeripheralHost) -> None:
        self._words: deque[int] = deque()
        self._filling: Timer | None = None
        self._stream = host.random("rng")
        super().__init__(host, "RNG", RNG_BASE)

    def reset(self) -> None:
        self._stop()
        super().reset()
        self._update()

    def fail_seed(self) -> None:
        """Let the noise source fail its test: no more words until the application conditions it anew."""
        self._host.sync()
        self._stop()
        self.values["SR"] |= SECS | SEIS
        self._update()

    def _stop(self) -> None:
        if self._filling is not None:
            self._filling.cancel()
            self._filling = None
        self._words.clear()

    def _fill(self) -> None:
        ready = self.values["CR"] & (RNGEN | CONDRST) == RNGEN and not self.values["SR"] & (SECS | SEIS)
        if ready and not self._words and self._filling is None:
            self._filling = self.after(_BATCH_CYCLES, self._filled)

    def _filled(self) -> None:
        self._filling = None
        self._words.extend(self._stream.getrandbits(32) for _ in range(_BATCH))
        self._update()

    def _update(self) -> None:
        self.values["SR"] = self.values["SR"] & ~DRDY | (DRDY if self._words else 0)
        active = self.values["CR"] & IE and self.values["SR"] & (DRDY | CEIS | SEIS)
        self._host.set_irq(RNG_IRQ, bool(active))

    # -- registers ----------------------------------------------------------------------------------------------------

    def write_cr(self, value: int, mask: int) -> None:
        before = self.values["CR"]
        if before & CONFIGLOCK or not (value | before) & CONDRST:
            mask &= ~(_CONFIGURATION | CONFIGLOCK)  # settings change only while the conditioning is reset
        now = self.store_by_name("CR", value, mask)
        if now & CONDRST:
            self._stop()
            self.values["SR"] &= ~SECS
        if not now & RNGEN:
            self._stop()
        self._fill()
        self._update()

    def write_sr(self, value: int, mask: int) -> None:
        self.store_by_name("SR", value, mask)
        self._fill()
        self._update()

    def read_dr(self) -> int:
        if not self._words:
            return 0
        word = self._words.popleft()
        self._fill()
        self._update()
        return word
