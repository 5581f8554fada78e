"""The server: uvicorn on four listening sockets, on a thread of its own; on demand also TLS and a proxy to it."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import ssl
import sys
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn
from starlette.types import Receive, Scope, Send

from harness.clock import Stopwatch
from harness.errors import InternalError, PortTaken, UsageError
from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.http.front import HOSTS, Front
from harness.virtual.cloud.http.oauth import PATH as TOKEN_PATH
from harness.virtual.cloud.http.protocol import CONNECTION_LIMIT, REQUEST_SECONDS, ApiProtocol
from harness.virtual.cloud.http.proxy import HEAD_LIMIT, ConnectProxy
from harness.virtual.cloud.http.streams import LogStreams
from harness.virtual.cloud.resources import Api

if TYPE_CHECKING:
    from harness.virtual.cloud.http.tls import ServerTls  # its import takes a while, and few need it

START_SECONDS = 10.0
STOP_SECONDS = 10.0
GRACE_SECONDS = 2.0
KEEP_ALIVE_SECONDS = 75


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudPorts:
    """TCP ports of the four hosts; 0 takes any that is free."""

    supersim: int = 0
    wireless: int = 0
    microvisor: int = 0
    upload: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsDoors:
    """How clients that know only the canonical host names come in.

    Attributes:
        https: the TLS door itself; which API is meant, the Host header tells.
        proxy: for ``HTTPS_PROXY`` and its like.
        ca_file: the certificate to trust.
    """

    https: str
    proxy: str
    ca_file: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerUrls:
    """Roots of the four hosts, without ``/v1`` and without a slash at the end."""

    supersim: str
    wireless: str
    microvisor: str
    upload: str

    @property
    def token(self) -> str:
        """Where bearer tokens are had, as at KORE."""
        return self.supersim + TOKEN_PATH


class CloudServer:
    """Serves a cloud over HTTP while it is started.

    Args:
        host: address to listen on; this machine only, unless told otherwise.
        ports: fixed ports, for stacks that people type URLs of.
        tls: serve the canonical host names by TLS too, with a proxy that leads to them; see :attr:`doors`.
        request_seconds: how long a client may take to send a request; slower ones are dropped.

    Example::

        with CloudServer(cloud) as server:
            requests.get(server.urls.supersim + "/v1/Sims", auth=(cloud.account_sid, cloud.auth_token))
    """

    def __init__(self, cloud: Cloud, host: str = "127.0.0.1", *, ports: CloudPorts | None = None,
                 tls: ServerTls | None = None, request_seconds: float = REQUEST_SECONDS) -> None:
        self.cloud = cloud
        self._host = host
        self._tls = tls
        self._request_seconds = request_seconds
        self._doors: TlsDoors | None = None
        self._wanted = ports or CloudPorts()
        self._urls: ServerUrls | None = None
        self._ports: dict[int, Api] = {}
        self._front: Front | None = None
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def __repr__(self) -> str:
        return f"CloudServer({self._urls!r})"

    def __enter__(self) -> CloudServer:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def urls(self) -> ServerUrls:
        """Where it listens.

        Raises:
            UsageError: it is not started.
        """
        if self._urls is None:
            raise UsageError("the cloud's server is not started")
        return self._urls

    @property
    def doors(self) -> TlsDoors:
        """Where the canonical host names are served by TLS.

        Raises:
            UsageError: it is not started, or has no TLS.
        """
        if self._doors is None:
            raise UsageError("the cloud's server is not started, or has no TLS")
        return self._doors

    @property
    def log_streams(self) -> LogStreams:
        """The open log streams: ``log_streams.sent(stream_id)`` is what the near end compares its count with.

        Raises:
            UsageError: it is not started.
        """
        if self._front is None:
            raise UsageError("the cloud's server is not started")
        return self._front.streams

    def start(self) -> None:
        """Listen, and return when requests are answered. No effect if it is started.

        Raises:
            PortTaken: a port is in use.
        """
        if self._thread is not None:
            return
        listening = self._listen()
        numbers = {api: item.getsockname()[1] for api, item in listening.items()}
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self._urls = ServerUrls(**{api.value: f"http://{shown}:{number}" for api, number in numbers.items()})
        self._ports = {number: api for api, number in numbers.items()}
        self._front = Front(self.cloud, self._ports)
        server = _Server(uvicorn.Config(
            self._application, http=ApiProtocol, loop="asyncio", ws="none", lifespan="off", interface="asgi3",
            log_config=None,
            log_level="critical", access_log=False, proxy_headers=False, server_header=False, date_header=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS))
        server.request_seconds = self._request_seconds
        self._server = server
        _allow_descriptors()
        if self._tls is not None:
            self._open_doors(server, self._tls)
        self._thread = threading.Thread(target=server.serve_on, args=(list(listening.values()),), name="cloud-http",
                                        daemon=True)
        self._thread.start()
        if not server.ready.wait(START_SECONDS):
            raise InternalError(f"the cloud's server did not come up within {START_SECONDS:g} s")

    def _open_doors(self, server: _Server, tls: ServerTls) -> None:
        secure, proxy = (_bound_socket("127.0.0.1", 0, what) for what in ("TLS", "the proxy"))
        target = ("127.0.0.1", secure.getsockname()[1])
        server.secure = (secure, tls.context)
        server.proxy = (proxy, ConnectProxy(HOSTS, target))
        self._doors = TlsDoors(https=f"https://127.0.0.1:{target[1]}", ca_file=str(tls.ca_file),
                               proxy=f"http://127.0.0.1:{proxy.getsockname()[1]}")

    def serve(self, cloud: Cloud) -> None:
        """Serve another cloud from now on, at the same URLs; log streams of the one before end.

        Raises:
            UsageError: it is not started.
        """
        if self._front is None:
            raise UsageError("the cloud's server is not started")
        self._front.streams.close()
        self.cloud = cloud
        self._front = Front(cloud, self._ports)

    async def _application(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self._front is not None
        await self._front(scope, receive, send)

    def stop(self) -> None:
        """End log streams, answer what is under way, close all ports. May be called twice."""
        if self._thread is None or self._server is None or self._front is None:
            return
        self._front.streams.close()
        self._server.request_stop()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            raise InternalError(f"the cloud's server did not stop within {STOP_SECONDS:g} s")
        self._thread = self._server = self._front = self._urls = self._doors = None

    def _listen(self) -> dict[Api, socket.socket]:
        listening: dict[Api, socket.socket] = {}
        with contextlib.ExitStack() as undo:
            for api in Api:
                port: int = getattr(self._wanted, api.value)
                item = undo.enter_context(_bound_socket(self._host, port, api.value))
                listening[api] = item
            undo.pop_all()
        return listening


def _bound_socket(host: str, port: int, what: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named because asyncio sets TCP_NODELAY only on sockets that say they are TCP.
    item = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    item.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        item.bind((host, port))
        item.listen(1_024)
    except OSError as error:
        item.close()
        raise PortTaken(f"can't listen on {host}:{port} for {what}: {error.strerror}") from None
    return item


def _allow_descriptors() -> None:
    """Let this process hold as many connections as the server does, as far as the machine's own limit goes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CONNECTION_LIMIT + 1_000
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard),
                                                    hard))


class _Server(uvicorn.Server):
    """uvicorn without its polling: it tells when it is up, and stops when it is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = threading.Event()
        self.request_seconds = REQUEST_SECONDS
        self.secure: tuple[socket.socket, ssl.SSLContext] | None = None
        self.proxy: tuple[socket.socket, ConnectProxy] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    def serve_on(self, sockets: list[socket.socket]) -> None:
        asyncio.run(self.serve(sockets=sockets))

    def request_stop(self) -> None:
        """Stop, from any thread."""
        if self._loop is not None and self._stop is not None:
            with contextlib.suppress(RuntimeError):  # it has stopped by itself
                self._loop.call_soon_threadsafe(self._stop.set)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        await super().startup(sockets=sockets)
        if self.secure is not None:
            self.servers.append(await self._loop.create_server(self._connection, sock=self.secure[0],
                                                               ssl=self.secure[1]))
        if self.proxy is not None:
            self.servers.append(await asyncio.start_server(self.proxy[1].serve, sock=self.proxy[0], limit=HEAD_LIMIT))
        self.ready.set()

    def _connection(self) -> asyncio.Protocol:
        assert self._loop is not None
        return ApiProtocol(config=self.config, server_state=self.server_state, app_state=self.lifespan.state,
                           _loop=self._loop)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the ports, let requests under way be answered, then close all connections."""
        for listening in self.servers:
            listening.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        watch = Stopwatch()
        while self.server_state.connections and watch.seconds < GRACE_SECONDS:
            await asyncio.sleep(0.002)
        for task in self.server_state.tasks:
            task.cancel()
        for listening in self.servers:
            if sys.version_info >= (3, 13):
                listening.abort_clients()
            await listening.wait_closed()

    async def main_loop(self) -> None:
        assert self._stop is not None
        await self.on_tick(0)
        while not self._stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), min(1.0, self.request_seconds / 4))
            for connection in tuple(self.server_state.connections):
                if isinstance(connection, ApiProtocol):
                    connection.drop_if_slow(self.request_seconds)
