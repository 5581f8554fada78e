"""Finding a debug probe and opening a session on it, and what pyOCD's errors mean. All contact with pyOCD begins here.

pyOCD costs half a second to import, so it is imported when a board is connected and not before.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from harness.errors import BoardError, ProbeError

_OPTIONS: Mapping[str, object] = {
    "connect_mode": "attach",  # neither halt nor reset: a test looks at what runs
    "resume_on_disconnect": True,
    "target_override": "stm32u585",
    "vector_catch": "n",  # a fault is the kernel's to report; tests wait for that, debuggers have another default
    "reset.post_delay": 0.0,  # pyOCD polls for the end of a reset anyway
    "warning.cortex_m_default": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProbeInfo:
    """A debug probe that is there.

    Attributes:
        uid: unique id: what a rig file names.
        description: vendor and product.
        target: pyOCD's target type of the board it sits on, None where the probe does not know.
    """

    uid: str
    description: str
    target: str | None

    def __str__(self) -> str:
        return f"{self.uid} ({self.description})"


def load_pyocd() -> None:
    """Import pyOCD, make the target type known and keep pyOCD's log to itself unless the user set its level."""
    with warnings.catch_warnings():
        # pyOCD and its USB libraries use deprecated names of others at import; nothing a user of ours could change.
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", PendingDeprecationWarning)
        import harness.drivers.stm32u585  # noqa: F401  # registers the target type, and loads all of pyOCD
    logger = logging.getLogger("pyocd")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)


def list_probes() -> list[ProbeInfo]:
    """Return the debug probes that are there, in the order of their unique ids.

    Raises:
        ProbeError: pyOCD can't look for them.
    """
    load_pyocd()
    with translated("debug probes"):
        return sorted((_info(probe) for probe in _connected(None)), key=lambda info: info.uid)


def open_session(uid: str | None, name: str, options: Mapping[str, object]) -> Any:
    """Return an open pyOCD session on the probe ``uid``, or on the only one there is.

    Args:
        uid: unique id of the probe, or an unambiguous part of it.
        name: what messages call the board.
        options: pyOCD session options beside ours.

    Raises:
        ProbeError: no such probe, several, one that is in use, or nothing answers behind it.
    """
    load_pyocd()
    from pyocd.core import exceptions
    from pyocd.core.session import Session

    with translated(name):
        probe = _choose(uid, name)
        # pyOCD changes to its project folder; naming the present one keeps it from changing ours.
        session = Session(probe, options={"project_dir": os.getcwd(), **_OPTIONS, **options})
        try:
            session.open()
        except BaseException as error:
            session.close()
            if probe.is_open:
                probe.close()
            if isinstance(error, exceptions.Error) and not isinstance(error, exceptions.ProbeError):
                # pyOCD says "target not detected" and has the reason in the cause.
                raise exceptions.ProbeError(f"can't attach: {error.__cause__ or error}") from error
            raise
    return session


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Turn pyOCD's errors into ours; messages begin with the name of the board."""
    from pyocd.core import exceptions

    try:
        yield
    except exceptions.ProbeError as error:
        text = str(error)
        raise ProbeError(text if text.startswith(name) else f"{name}: {text}") from error
    except exceptions.TransferFaultError as error:
        where = f"0x{error.fault_address:08x}" if error.fault_address is not None else "that address"
        raise BoardError(f"{name}: nothing answers at {where}") from error
    except exceptions.TransferError as error:
        raise ProbeError(f"{name}: the board does not answer on SWD: {error or type(error).__name__}") from error
    except exceptions.CoreRegisterAccessError as error:
        raise BoardError(f"{name}: core registers can be used only while the core is halted: {error}") from error
    except exceptions.Error as error:
        raise BoardError(f"{name}: {error or type(error).__name__}") from error


def _choose(uid: str | None, name: str) -> Any:
    from pyocd.core import exceptions

    try:
        found = _connected(uid)
    except exceptions.Error as error:  # a uid of the form type:id with a type that no plug-in brings
        raise ProbeError(f"{name}: {error}; there is {_what_is_there()}") from error
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(str(_info(probe)) for probe in found)
        raise ProbeError(f"{name}: several debug probes fit {uid or 'no unique id'!r}, name one of: {listed}")
    if uid is None:
        raise ProbeError(f"{name}: no debug probe is connected")
    raise ProbeError(f"{name}: there is no debug probe {uid!r}; there is {_what_is_there()}")


def _what_is_there() -> str:
    return ", ".join(str(_info(probe)) for probe in _connected(None)) or "none at all"


def _connected(uid: str | None) -> list[Any]:
    from pyocd.probe.aggregator import DebugProbeAggregator

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # USB libraries again, at first use
        found: list[Any] = list(DebugProbeAggregator.get_all_connected_probes(uid))
    exact = [probe for probe in found if probe.unique_id == uid]
    return exact or sorted(found, key=lambda probe: str(probe.unique_id))


def _info(probe: Any) -> ProbeInfo:
    board = probe.associated_board_info
    return ProbeInfo(uid=probe.unique_id, description=probe.description, target=board.target if board else None)
