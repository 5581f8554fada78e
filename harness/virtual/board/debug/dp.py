"""The debug port of an SWD-DP version 2, and the transfers it passes on to access ports (ADIv5.2, chapter B2).

Pure: registers in, registers out. The probe hides the pipelining of AP reads, as hardware probes do: the answer to an
AP read is the word itself, and RDBUFF repeats it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from harness.errors import UsageError
from harness.virtual.board.core.interface import BusError
from harness.virtual.board.debug.operations import Fault

DPIDR = 0x0BE1_2477
"""Designer Arm (0x23B), DP version 2, part 0xBE."""
TARGETID = 0x0482_0041
"""Designer STMicroelectronics (0x020), part 0x4820: STM32U575/585."""
DLPIDR = 0x0000_0001
"""Data link protocol version 1 (SWD protocol version 2), instance 0."""
EVENTSTAT = 0x0000_0001
"""No event is pending: the bit is 1 when there is none."""

STICKYORUN, STICKYCMP, STICKYERR, READOK, WDATAERR = 1 << 1, 1 << 4, 1 << 5, 1 << 6, 1 << 7
CDBGPWRUPREQ, CDBGPWRUPACK, CSYSPWRUPREQ, CSYSPWRUPACK = 1 << 28, 1 << 29, 1 << 30, 1 << 31
_WRITABLE = 0x5400_0F0D | 0x003F_F000  # power and reset requests, TRNCNT, MASKLANE, TRNMODE, ORUNDETECT
_ABORT_CLEARS = {1 << 1: STICKYCMP, 1 << 2: STICKYERR, 1 << 3: WDATAERR, 1 << 4: STICKYORUN}

ABORT = DPIDR_ADDRESS = 0x0
BANKED = 0x4
SELECT = RESEND = 0x8
RDBUFF = TARGETSEL = 0xC


class AccessPort(Protocol):
    """What hangs behind the debug port at one APSEL. Methods raise BusError where the bus answers with an error."""

    def read(self, register: int) -> int:
        """Return the register at this offset (0x00 to 0xFC)."""

    def write(self, register: int, value: int) -> None:
        """Write the register at this offset."""

    def read_block(self, register: int, count: int) -> list[int]:
        """Return what ``count`` reads of one register give."""

    def write_block(self, register: int, values: Sequence[int]) -> None:
        """Write the values to one register, one after the other."""


class Dap:
    """Debug port and access ports of one chip.

    Args:
        ports: access ports by APSEL; all others read as zero and ignore writes.

        >>> hex(Dap({}).read_dp(0))
        '0xbe12477'
    """

    def __init__(self, ports: Mapping[int, AccessPort]) -> None:
        self._ports = dict(ports)
        self._control = 0
        self._select = 0
        self._last_read = 0

    def __repr__(self) -> str:
        return f"Dap(ctrl_stat=0x{self.control_status:08x}, select=0x{self._select:08x})"

    @property
    def control_status(self) -> int:
        """CTRL/STAT as a debugger reads it: power requests are acknowledged at once."""
        value = self._control
        value |= CDBGPWRUPACK if value & CDBGPWRUPREQ else 0
        value |= CSYSPWRUPACK if value & CSYSPWRUPREQ else 0
        return value

    def read_dp(self, address: int) -> int:
        """Return a DP register (0x0, 0x4, 0x8, 0xC; bank from SELECT).

        Raises:
            UsageError: not a register address.
        """
        if address == DPIDR_ADDRESS:
            return DPIDR
        if address == BANKED:
            banks = {0: self.control_status, 1: 0x40, 2: TARGETID, 3: DLPIDR, 4: EVENTSTAT}
            return banks.get(self._select & 0xF, 0)
        if address in (RESEND, RDBUFF):
            return self._last_read
        raise UsageError(f"a DP register address is 0x0, 0x4, 0x8 or 0xC, not 0x{address:x}")

    def write_dp(self, address: int, value: int) -> None:
        """Write a DP register (0x0, 0x4, 0x8, 0xC; bank from SELECT).

        Raises:
            UsageError: not a register address.
        """
        if address == ABORT:
            for bit, sticky in _ABORT_CLEARS.items():
                if value & bit:
                    self._control &= ~sticky
        elif address == BANKED:
            if self._select & 0xF == 0:
                self._control = (self._control & ~_WRITABLE) | (value & _WRITABLE)
        elif address == SELECT:
            self._select = value
        elif address != TARGETSEL:
            raise UsageError(f"a DP register address is 0x0, 0x4, 0x8 or 0xC, not 0x{address:x}")

    def read_ap(self, address: int) -> int:
        """Return the AP register that SELECT and A[3:2] of ``address`` name; raises Fault."""
        return self.read_ap_block(address, 1)[0]

    def write_ap(self, address: int, value: int) -> None:
        """Write the AP register that SELECT and A[3:2] of ``address`` name; raises Fault."""
        self.write_ap_block(address, (value,))

    def read_ap_block(self, address: int, count: int) -> list[int]:
        """Return what ``count`` reads of one AP register give; raises Fault."""
        port, register = self._selected(address)
        self._control &= ~READOK
        if port is None or not count:
            self._last_read = 0
            words = [0] * count
        else:
            try:
                words = port.read_block(register, count) if count > 1 else [port.read(register)]
            except BusError as error:
                raise self._failed(str(error)) from None
            self._last_read = words[-1]
        self._control |= READOK
        return words

    def write_ap_block(self, address: int, values: Sequence[int]) -> None:
        """Write the values to one AP register; raises Fault."""
        port, register = self._selected(address)
        if port is None:
            return
        try:
            if len(values) == 1:
                port.write(register, values[0])
            else:
                port.write_block(register, values)
        except BusError as error:
            raise self._failed(str(error)) from None

    def _selected(self, address: int) -> tuple[AccessPort | None, int]:
        if self._control & (STICKYERR | STICKYORUN | STICKYCMP | WDATAERR):
            raise Fault("the sticky error bit is set: clear it by ABORT first")
        if not self._control & CDBGPWRUPREQ:
            raise self._failed("the debug domain is not powered: request it in CTRL/STAT first")
        return self._ports.get(self._select >> 24), (self._select & 0xF0) | (address & 0xC)

    def _failed(self, message: str) -> Fault:
        self._control |= STICKYERR
        return Fault(message)
