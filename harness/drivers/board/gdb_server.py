"""A GDB server on a board's debug probe: what gdb's ``target remote`` and the launch files of editors connect to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.drivers.board.probes import open_session, translated
from harness.errors import PortTaken

DEFAULT_PORT = 8001
"""Where Microvisor's own tool had its server: launch files that were written for it work as they are."""


@contextmanager
def gdb_server(uid: str | None, name: str, *, port: int = DEFAULT_PORT) -> Iterator[GdbServer]:
    """Give a server that listens on loopback while the block runs. The board runs on until gdb attaches.

    Args:
        uid: unique id of the debug probe, real or virtual; None: the only one there is.
        name: what messages call the board.
        port: TCP port; 0: a free one.

    Raises:
        ProbeError: no such probe, one that is in use, or nothing answers behind it.
        PortTaken: something listens on the port already.
    """
    session = open_session(uid, name, {"gdbserver_port": port, "telnet_port": 0, "persist": True,
                                       "serve_local_only": True, "semihost_console_type": "console"})
    try:
        from pyocd.gdbserver import GDBServer

        with translated(name):
            try:
                server = GDBServer(session, core=0)
            except OSError as error:
                raise PortTaken(f"port {port} can't be listened on: {error.strerror or error}") from None
            server.start()
        running = GdbServer(server)
        try:
            yield running
        finally:
            server.stop()
    finally:
        with translated(name):
            session.close()


class GdbServer:
    """A server that listens."""

    def __init__(self, server: object) -> None:
        self._server = server

    def __repr__(self) -> str:
        return f"GdbServer(port={self.port})"

    @property
    def port(self) -> int:
        """The TCP port on loopback."""
        return int(self._server.port)  # type: ignore[attr-defined]  # pyOCD has no types

    @property
    def alive(self) -> bool:
        """Whether it still serves: it ends when the probe is lost."""
        return bool(self._server.is_alive())  # type: ignore[attr-defined]
