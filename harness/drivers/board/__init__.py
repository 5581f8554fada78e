"""The near end of the SWD wire: one driver for boards, real and virtual, through pyOCD."""

from harness.drivers.board.board import Board
from harness.drivers.board.breakpoints import Breakpoint
from harness.drivers.board.hang import raise_if_hung
from harness.drivers.board.pins import Pin
from harness.drivers.board.probes import ProbeInfo, list_probes
from harness.drivers.board.symbols import SymbolRef

__all__ = ["Board", "Breakpoint", "Pin", "ProbeInfo", "SymbolRef", "list_probes", "raise_if_hung"]
