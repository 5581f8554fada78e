"""A small HTTP load generator: N keep-alive connections, one request at a time on each, for a number of requests.

Run as a program of its own so that it does not share an interpreter with the server:
``python load.py HOST PORT CONNECTIONS REQUESTS`` with the raw request on standard input; prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time


class _Connection(asyncio.Protocol):
    """Sends the request again whenever a whole answer has arrived."""

    def __init__(self, request: bytes, times: list[float], budget: list[int], done: asyncio.Future[None]) -> None:
        self.request, self.times, self.budget, self.done = request, times, budget, done
        self.buffer = b""
        self.began = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        if self.budget[0] <= 0:
            self.transport.close()
            return
        self.budget[0] -= 1
        self.began = time.perf_counter()
        self.transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, body = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(body) >= length:
            if not head.startswith(b"HTTP/1.1 2"):
                raise SystemExit(f"not a 2xx answer: {head[:60]!r} {body[:200]!r}")
            self.times.append(time.perf_counter() - self.began)
            self.buffer = b""
            self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def _load(host: str, port: int, connections: int, requests: int, request: bytes) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    times: list[float] = []
    budget = [requests]
    began = time.perf_counter()
    finished = []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        finished.append(done)
        await loop.create_connection(lambda done=done: _Connection(request, times, budget, done), host, port)  # type: ignore[misc]
    await asyncio.gather(*finished)
    took = time.perf_counter() - began
    times.sort()
    return {"rate": len(times) / took, "p50_ms": times[len(times) // 2] * 1e3,
            "p99_ms": times[len(times) * 99 // 100] * 1e3, "requests": len(times)}


if __name__ == "__main__":
    host, port, connections, requests = sys.argv[1], *map(int, sys.argv[2:5])
    print(json.dumps(asyncio.run(_load(host, port, connections, requests, sys.stdin.buffer.read()))))
