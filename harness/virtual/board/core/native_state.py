"""The compiled core as Python sees it: its state, its functions, and where they come from.

The extension is optional and has no Python in it: it is a plain shared library that is loaded by ctypes, gets the
addresses of the emulator's functions from the binding that has it loaded, and keeps all of its state in one structure
that belongs to Python. Layout: ``native/core.h``.
"""

from __future__ import annotations

import ctypes
import importlib.util
from ctypes import c_int16, c_int32, c_int64, c_uint8, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any

from unicorn.unicorn_py3.unicorn import uclib

from harness.errors import InternalError
from harness.virtual.board.core.exceptions import EXCEPTIONS
from harness.virtual.board.core.registers import CONTROL

_EXTENSION = "harness.virtual.board.core._native"
_SET = c_uint64 * 3

SYSTEM_CALL = ctypes.CFUNCTYPE(None, c_uint32)
FAULTED = ctypes.CFUNCTYPE(None, c_uint32, c_int32)
RESET_REQUESTED = ctypes.CFUNCTYPE(None)
HALTED = ctypes.CFUNCTYPE(None, c_uint32)
TRACED = ctypes.CFUNCTYPE(None, c_uint32, c_uint32, c_int64)


class Client(ctypes.Structure):
    """What the compiled core asks of Python: ``struct client``."""

    _fields_ = (("system_call", SYSTEM_CALL), ("faulted", FAULTED), ("reset_requested", RESET_REQUESTED),
                ("halted", HALTED), ("traced", TRACED))


class UnicornFunctions(ctypes.Structure):
    """Addresses of the emulator's functions: ``struct unicorn``."""

    _NAMES = ("emu_start", "emu_stop", "reg_read", "reg_write", "hook_add", "mmio_map", "mem_protect", "ctl")
    _fields_ = tuple((name, c_void_p) for name in _NAMES)

    def __init__(self) -> None:
        super().__init__()
        for name in self._NAMES:
            setattr(self, name, ctypes.cast(getattr(uclib, f"uc_{name}"), c_void_p).value)


def _fields(kind: Any, names: str) -> tuple[tuple[str, Any], ...]:
    return tuple((name, kind) for name in names.split())


class State(ctypes.Structure):
    """Everything the compiled core knows: ``struct core``, where the members are explained."""

    _fields_ = (
        *_fields(c_int64, "cycles alarm deadline limit"),
        ("block_end", c_uint32), *_fields(c_uint8, "watch silent asked code_in_ram"), ("masks_seen", c_uint32 * 4),
        *_fields(c_void_p, "emulator unicorn client ram flash"),
        *_fields(c_uint8, "state running stop_requested waits_for_event wants_reset announces_reset awaits_reset "
                          "imprecise halt_on_reset debug_enabled event locked_up invalid_state sleeps_on_exit "
                          "has_resumed_at limits_used trace_enabled trace_hooked skip_idle stop"),
        *_fields(c_uint32, "wants_halt resumed_at failed detail fault_address exit_count"), ("exits", c_void_p),
        *_fields(_SET, "pending active enabled lines"), ("priority", c_int16 * (EXCEPTIONS + 3)),
        *_fields(c_uint32, "group_mask vtor prigroup scr ccr cfsr hfsr dfsr mmfar bfar cpacr demcr fpccr fpcar fpdscr "
                           "tick_control tick_reload tick_value tick_flag"),
        *_fields(c_int64, "tick_anchor counter_offset"), ("counter_enabled", c_uint32),
        ("recorded", c_uint32 * (CONTROL + 1)), *_fields(c_uint64, "trace_hash trace_count"),
        ("probe_at", c_int64), *_fields(c_uint32, "probe_pause mask_interrupts"),
        *_fields(c_uint64, "idle_skips idle_cycles"),
    )


@cache
def library() -> ctypes.CDLL | None:
    """Return the compiled core, or None if it was not built.

    Raises:
        InternalError: it was built from other sources than these.
    """
    found = importlib.util.find_spec(_EXTENSION)
    if found is None or found.origin is None:
        return None
    try:
        native = ctypes.CDLL(found.origin)
    except OSError:
        return None
    native.harness_core_size.restype = c_uint64
    if native.harness_core_size() != ctypes.sizeof(State):
        raise InternalError("the compiled CPU core is of another version than its Python side: install again")
    pointer = c_void_p
    for name, result, arguments in (
            ("attach", c_int32, ()), ("reset", None, ()), ("run", c_int32, (c_int64,)), ("step", None, ()),
            ("halt", None, (c_uint32,)), ("resume", None, ()), ("next_wake", c_int64, ()), ("pend", None, (c_uint32,)),
            ("unpend", None, (c_uint32,)), ("set_line", None, (c_uint32, c_int32)),
            ("foresee", c_int32, (pointer,)), ("private_read", c_uint32, (c_uint32, c_uint32)),
            ("private_write", None, (c_uint32, c_uint32, c_uint32))):
        function = getattr(native, f"harness_core_{name}")
        function.restype, function.argtypes = result, (pointer, *arguments)
    native.harness_core_event_hook.restype = pointer
    return native


@cache
def unicorn_functions() -> UnicornFunctions:
    """Return the table of the emulator's functions; it lives as long as the process."""
    return UnicornFunctions()
