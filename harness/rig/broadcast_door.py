"""Cell broadcasts over the admin side of a running stack, as plain data for the command line and other programs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from harness.errors import UsageError

if TYPE_CHECKING:
    from harness.virtual.cloud.cloud import AdminRoute
    from harness.virtual.network import Network
    from harness.virtual.network.cell_broadcast import Broadcast

PATH: Final = "/broadcasts"
"""Below the admin side's root."""


class _Wanted(BaseModel):
    """What a request asks for; :meth:`harness.virtual.network.Network.broadcast` says what it means."""

    model_config = ConfigDict(extra="forbid", strict=True)

    text: str | None = None
    data: str | None = Field(default=None, pattern=r"^([0-9A-Fa-f]{2})*$")
    message_id: int
    cells: list[int | str] | None = None
    serial: int | None = None
    coding: int | None = Field(default=None, ge=0, le=255)
    language: str = ""
    repeat: int = 1
    every: str = "30s"


def routes(network: Network) -> dict[tuple[str, str], AdminRoute]:
    """Return what the admin side answers about the broadcasts of a network."""

    def listed(query: Mapping[str, str], body: bytes) -> object:
        return {"broadcasts": [_described(broadcast) for broadcast in network.broadcasts]}

    def begun(query: Mapping[str, str], body: bytes) -> object:
        try:
            wanted = _Wanted.model_validate(json.loads(body))
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(f"{'.'.join(map(str, first['loc'])) or 'the body'}: {first['msg']}") from None
        except ValueError:
            raise UsageError("the body must be a JSON object") from None
        if (wanted.text is None) == (wanted.data is None):
            raise UsageError("either text, or data in hexadecimal, must be given")
        content = wanted.text if wanted.text is not None else bytes.fromhex(wanted.data or "")
        cells = None if wanted.cells is None else [_identity(cell) for cell in wanted.cells]
        return _described(network.broadcast(content, message_id=wanted.message_id, cells=cells, serial=wanted.serial,
                                            coding=wanted.coding, language=wanted.language, repeat=wanted.repeat,
                                            every=wanted.every))

    def stopped(query: Mapping[str, str], body: bytes) -> object:
        serial = query.get("serial")
        found = [broadcast for broadcast in network.broadcasts
                 if serial is None or str(broadcast.serial_number) == serial]
        if serial is not None and not found:
            raise UsageError(f"no broadcast with serial number {serial[:10]} is on the air")
        for broadcast in found:
            broadcast.stop()
        return {"stopped": len(found)}

    return {("GET", PATH): listed, ("POST", PATH): begun, ("DELETE", PATH): stopped}


def _identity(cell: int | str) -> int:
    """Return a cell's identity, which may be written as a number of either base."""
    try:
        return cell if isinstance(cell, int) else int(cell, 0)
    except ValueError:
        raise UsageError(f"a cell's identity is a number, like 7 or 0x7, not {str(cell)[:20]!r}") from None


def _described(broadcast: Broadcast) -> dict[str, object]:
    return {"serial": broadcast.serial_number, "message_id": broadcast.message_id, "pages": len(broadcast.pages),
            "cells": sorted(broadcast.cells), "rounds_left": broadcast.rounds_left}
