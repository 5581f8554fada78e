"""Where the doors of running stacks are written; read without loading what is behind them."""

from __future__ import annotations

import json
from typing import Any, Final

from harness.errors import UsageError
from harness.runtime_dir import running_stacks

DOORS_FILE: Final = "doors.json"
"""In the folder of each running stack."""


def read_doors(name: str | None = None) -> dict[str, Any]:
    """Return the doors of a running stack as JSON values: the one of this name, or the only one there is.

    Raises:
        UsageError: none runs, none of this name does, or several do and none was named.
    """
    folders = {folder.name: folder for folder in running_stacks()}
    if name is None:
        if not folders:
            raise UsageError("no virtual stack is running: start one with 'mvh up'")
        if len(folders) > 1:
            raise UsageError(f"several stacks are running: name one of {', '.join(folders)} with --stack")
        name = next(iter(folders))
    if name not in folders:
        raise UsageError(f"no stack named {name!r} is running: there are {', '.join(folders) or 'none'}")
    try:
        doors: dict[str, Any] = json.loads((folders[name] / DOORS_FILE).read_text())
    except FileNotFoundError:
        raise UsageError(f"stack {name!r} is only starting: try again") from None
    return doors
