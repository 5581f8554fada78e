"""How the emulator is kept in step with time: a hook at the start of each block, compiled where that was possible.

Both hooks do the same; the compiled one spares a call into Python for every block, which makes code that computes some
thirty times as fast. It is an optional extension: where it was not built, the hook in Python serves.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Callable
from functools import cache
from typing import Any

from unicorn import arm_const as arm
from unicorn import unicorn_const as const
from unicorn.unicorn_py3.unicorn import HOOK_CODE_CFUNC, Uc, uclib

from harness.errors import InternalError
from harness.virtual.board.core.interface import VENEER_BASE
from harness.virtual.board.core.memory import VENEER_END

_MASKS = (arm.UC_ARM_REG_PRIMASK, arm.UC_ARM_REG_BASEPRI, arm.UC_ARM_REG_FAULTMASK, arm.UC_ARM_REG_CONTROL)
_DECIDE = ctypes.CFUNCTYPE(ctypes.c_int32)
_EXTENSION = "harness.virtual.board.core._pace"


class Pace(ctypes.Structure):
    """What hook and engine share. See ``struct pace`` in ``_pace.c``.

    Attributes:
        cycles: time so far.
        deadline: from when on to decide at each block start.
        block_end: address behind the block that executes.
        watch: whether to decide at every block start.
        silent: whether code executes outside of time.
        asked: cleared at the start of a watch: the compiled hook spares questions until a mask changes.
    """

    _fields_ = (
        ("cycles", ctypes.c_int64), ("deadline", ctypes.c_int64), ("block_end", ctypes.c_uint32),
        ("watch", ctypes.c_uint8), ("silent", ctypes.c_uint8), ("asked", ctypes.c_uint8), ("_spare", ctypes.c_uint8),
        ("_hidden_from", ctypes.c_uint32), ("_hidden_to", ctypes.c_uint32),
        ("_mask_registers", ctypes.c_int32 * 4), ("_masks", ctypes.c_uint32 * 4),
        ("_decide", _DECIDE), ("_read_register", ctypes.c_void_p),
    )
    cycles: int
    deadline: int
    block_end: int
    watch: int
    silent: int
    asked: int

    def __init__(self, decide: Callable[[], bool]) -> None:
        super().__init__()
        # Calls to Microvisor are entered and left without the application seeing a stop inside.
        self._hidden_from, self._hidden_to = VENEER_BASE, VENEER_END
        self._decide = _DECIDE(decide)
        self._mask_registers = (ctypes.c_int32 * 4)(*_MASKS)
        self._read_register = ctypes.cast(uclib.uc_reg_read, ctypes.c_void_p).value


@cache
def compiled_hook() -> ctypes.c_void_p | None:
    """Return the address of the compiled hook, or None if it was not built."""
    found = importlib.util.find_spec(_EXTENSION)
    if found is None or found.origin is None:
        return None
    try:
        library = ctypes.CDLL(found.origin)
    except OSError:
        return None
    compiled_hook.library = library  # type: ignore[attr-defined]  # it must stay loaded
    return ctypes.cast(library.harness_on_block, ctypes.c_void_p)


def add_block_hook(uc: Uc, pace: Pace, *, compiled: bool = True) -> Any:
    """Let the emulator follow ``pace``; return what must be kept as long as the emulator lives.

    Args:
        compiled: whether to take the compiled hook, if there is one.
    """
    hook = compiled_hook() if compiled else None
    kept: Any = pace
    if hook is None:
        kept = HOOK_CODE_CFUNC(_python_hook(pace))
        hook = ctypes.cast(kept, ctypes.c_void_p)
    identity = ctypes.c_size_t()
    # Straight to the library: the binding would put a function of its own before every call.
    if uclib.uc_hook_add(uc._uch, ctypes.byref(identity), const.UC_HOOK_BLOCK, hook, ctypes.byref(pace),
                         ctypes.c_uint64(1), ctypes.c_uint64(0)):
        raise InternalError("the emulator refused a hook")
    return kept


def _python_hook(pace: Pace) -> Callable[[object, int, int, object], None]:
    def on_block(_handle: object, address: int, size: int, _user: object) -> None:
        if pace.silent:
            return
        if ((pace.cycles >= pace.deadline or pace.watch) and not VENEER_BASE <= address < VENEER_END
                and pace._decide()):
            return
        pace.cycles += size >> 1
        pace.block_end = address + size

    return on_block
