"""How commands talk: people get colour and words, machines get one JSON value a line."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rich.console import Console


def console() -> Console:
    """Return the console for people: colour only on a terminal."""
    return Console(highlight=False, soft_wrap=True)


def reader_gone() -> None:
    """Let what is written to the standard output from now on go nowhere, with what waits to be written.

    Whoever read it has gone. Without this the interpreter tries to write the rest when it ends, and ends with code 120.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def print_json(value: Any) -> None:
    """Write one JSON value as one line and flush, so that a reading program has it at once."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()
