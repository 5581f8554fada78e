"""The virtual internet of a rig: hosts as the rig file maps them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from harness.errors import RigFileError
from harness.rig.model import HostTable, RigFile
from harness.virtual.internet.host import Host, TlsFarEnd
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.world import World


def build_internet(world: World, file: RigFile) -> VirtualInternet:
    """Return the virtual internet with the hosts of a rig file.

    Raises:
        RigFileError: a handler that can't be imported, or two hosts with one address.
    """
    internet = VirtualInternet(world, latency=f"{file.internet.latency}ns")
    for name in file.internet.allow:
        internet.allow(name)
    for table in file.host:
        _add(internet, table)
    return internet


def _add(internet: VirtualInternet, table: HostTable) -> None:
    host: Host = internet.add_host(table.name, address=table.address, answers_ping=table.ping)
    if table.latency is not None:
        host.delay(f"{table.latency}ns")
    tls = TlsFarEnd(ca_file=table.tls_ca, server_name=table.tls_name) if table.tls else None
    if table.forward is not None:
        host.forward(table.forward, tls=tls)
    for port, target in table.ports.items():
        host.forward(target, port=int(port), tls=tls)
    if table.http is not None:
        host.on_http(_load(table.name, table.http))
    for port, handler in table.udp.items():
        host.on_udp(int(port), _load(table.name, handler))
    for port, handler in table.tcp.items():
        host.on_tcp(int(port), _load(table.name, handler))


def _load(host: str, where: str) -> Any:
    module, _, name = where.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise RigFileError(f"host {host!r}: no handler {where!r}: {error}") from None
