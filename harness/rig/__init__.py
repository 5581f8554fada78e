"""Rigs: what a rig file describes, opened as near ends that a test holds. The only room that opens both sides."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.drivers.cloud import CloudClient as CloudClient
    from harness.drivers.modem import Modem as Modem
    from harness.drivers.webhook_sink import WebhookSink as WebhookSink
    from harness.rig.device import BoardUnderTest as BoardUnderTest
    from harness.rig.firmware import FirmwareShelf as FirmwareShelf
    from harness.rig.opening import RigOpener as RigOpener
    from harness.rig.rig import Rig as Rig
    from harness.virtual.faults import Faults as Faults
    from harness.virtual.internet.internet import VirtualInternet as VirtualInternet
    from harness.virtual.network.network import Network as Network

_WHERE = {
    "BoardUnderTest": "harness.rig.device",
    "CloudClient": "harness.drivers.cloud",
    "Faults": "harness.virtual.faults",
    "FirmwareShelf": "harness.rig.firmware",
    "Modem": "harness.drivers.modem",
    "Network": "harness.virtual.network.network",
    "Rig": "harness.rig.rig",
    "RigOpener": "harness.rig.opening",
    "VirtualInternet": "harness.virtual.internet.internet",
    "WebhookSink": "harness.drivers.webhook_sink",
}

__all__ = ["BoardUnderTest", "CloudClient", "Faults", "FirmwareShelf", "Modem", "Network", "Rig", "RigOpener",
           "VirtualInternet", "WebhookSink"]


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: rig files are read without loading servers and emulators."""
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
