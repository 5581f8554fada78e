"""A proxy for clients that know only the canonical host names: CONNECT to those leads to the virtual cloud's TLS door.

Any other destination is refused with 403, so that a client pointed here talks to nobody else (RFC 9110 clause 9.3.6).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from http import HTTPStatus
from typing import Final

HEAD_LIMIT: Final = 16 << 10
"""Longest head of a request, in bytes."""
HEAD_SECONDS: Final = 10.0
"""How long a client may take for it."""
MAX_TUNNELS: Final = 1_024
_CHUNK: Final = 65_536
_CONNECT: Final = re.compile(rb"CONNECT (?P<host>[A-Za-z0-9.-]{1,253}):(?P<port>\d{1,5}) HTTP/1\.[01]\r?\n")


class ConnectProxy:
    """Serves one proxy port.

    Args:
        names: hosts that are led to the cloud, in lower case; port 443 only.
        target: port of the cloud's TLS door on this machine.
    """

    def __init__(self, names: Collection[str], target: tuple[str, int]) -> None:
        self._names = frozenset(names)
        self._target = target
        self._tunnels = 0

    def __repr__(self) -> str:
        return f"ConnectProxy(to {self._target[0]}:{self._target[1]}, {self._tunnels} tunnels)"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it, or the cloud, closes."""
        self._tunnels += 1
        try:
            if self._tunnels > MAX_TUNNELS:
                await _refuse(writer, 503, "too many connections through this proxy")
                return
            await self._tunnel(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass  # one of the two has gone
        finally:
            self._tunnels -= 1
            writer.close()

    async def _tunnel(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError:
            await _refuse(writer, 408, "no request came")
            return
        except asyncio.LimitOverrunError:
            await _refuse(writer, 431, f"the head of a request must have at most {HEAD_LIMIT} bytes")
            return
        match = _CONNECT.match(head)
        if match is None:
            await _refuse(writer, 405, "this proxy takes CONNECT only, for the cloud's HTTPS hosts")
            return
        host, port = match["host"].decode("ascii").lower(), int(match["port"])
        if host not in self._names or port != 443:
            await _refuse(writer, 403, f"{host}:{port} is not served here: this proxy leads to the virtual cloud only, "
                                       f"to port 443 of {', '.join(sorted(self._names))}")
            return
        far_reader, far_writer = await asyncio.open_connection(*self._target)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        there, back = asyncio.create_task(_pipe(reader, far_writer)), asyncio.create_task(_pipe(far_reader, writer))
        try:
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            far_writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(_CHUNK):
        writer.write(data)
        await writer.drain()


async def _refuse(writer: asyncio.StreamWriter, status: int, why: str) -> None:
    reason = HTTPStatus(status).phrase
    body = f"{why}\n".encode()
    writer.write(b"HTTP/1.1 %d %s\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
                 b"connection: close\r\n\r\n%b" % (status, reason.encode(), len(body), body))
    await writer.drain()
