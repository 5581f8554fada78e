"""One HTTP request on its way through the virtual internet, with its timeout."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Protocol

from harness.virtual.internet.addresses import is_address
from harness.virtual.internet.host import Host, Route, as_response, guarded
from harness.virtual.internet.http import fetch, port_of, split_url
from harness.virtual.internet.seams import HttpFailure, HttpOutcome, HttpRequest, HttpResponse
from harness.virtual.world import World

_LOOK_UP = 20_000_000
"""Until a name is known not to exist, in nanoseconds."""


class Hosts(Protocol):
    """What an exchange asks of the internet."""

    def find(self, host: str) -> Host | None: ...

    def route_of(self, host: Host, port: int) -> Route | None: ...


class HttpExchange:
    """Carries one request to its host and the answer back; ``done`` is called once."""

    def __init__(self, world: World, hosts: Hosts, request: HttpRequest,
                 done: Callable[[HttpOutcome], None]) -> None:
        self._world = world
        self._hosts = hosts
        self._request = request
        self._done: Callable[[HttpOutcome], None] | None = done
        self._timeout = world.call_at(world.now() + request.timeout_ms * 1_000_000,
                                      partial(self._finish, HttpFailure(reason="timed out")),
                                      name="internet.http timeout")

    def start(self) -> None:
        """Find the host, and let it answer."""
        parts = split_url(self._request.url)
        if parts is None:
            self._fail(0, "bad request")
            return
        assert parts.hostname is not None
        host = self._hosts.find(parts.hostname)
        if host is None:
            # a name that does not resolve is known at once; an address that nobody has just does not answer
            if not is_address(parts.hostname):
                self._fail(_LOOK_UP, "unknown host")
            return
        if host.http_handler is not None:
            self._later(host.latency, lambda: self._handle(host))
        elif (route := self._hosts.route_of(host, port_of(parts))) is not None:
            if parts.scheme.lower() == "http" and route.tls is not None and host.route(port_of(parts)) is None:
                route = Route(address=route.address)
            self._later(host.latency, lambda: self._world.outside(lambda: fetch(self._request, parts, route),
                                                                  partial(self._came_back, host)))
        else:
            self._fail(2 * host.latency, "refused")

    def _handle(self, host: Host) -> None:
        if self._done is None:
            return
        host.remember(self._request)
        handler = host.http_handler
        answer = guarded(self._world, host, "http", lambda: handler(self._request)) if handler is not None else None
        if answer is None:
            return  # the timeout will say so
        response = as_response(answer)
        self._later(host.latency, lambda: self._finish(response))

    def _came_back(self, host: Host, future: Future[HttpOutcome]) -> None:
        outcome = future.result()
        self._later(host.latency, lambda: self._finish(outcome))

    def _fail(self, delay: int, reason: str) -> None:
        self._later(delay, lambda: self._finish(HttpFailure(reason=reason)))

    def _finish(self, outcome: HttpOutcome) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        self._timeout.cancel()
        parts = split_url(self._request.url)
        self._world.journal.record(
            "internet", "http_answered" if isinstance(outcome, HttpResponse) else "http_failed",
            method=self._request.method, host=parts.hostname or "" if parts else "", path=parts.path if parts else "",
            **({"status": outcome.status, "octets": len(outcome.body)} if isinstance(outcome, HttpResponse)
               else {"reason": outcome.reason}))
        done(outcome)

    def _later(self, delay: int, action: Callable[[], None]) -> None:
        self._world.call_at(self._world.now() + delay, action, name="internet.http")
