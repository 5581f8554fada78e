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
    from harness.virtual.board.devices.ht16k33 import Ht16k33 as Ht16k33
    from harness.virtual.board.devices.i2c import I2cDevice as I2cDevice
    from harness.virtual.board.devices.lis3dh import Lis3dh as Lis3dh
    from harness.virtual.board.devices.mcp9808 import Mcp9808 as Mcp9808
    from harness.virtual.board.devices.registers import I2cRegisters as I2cRegisters
    from harness.virtual.board.devices.registers import SpiRegisters as SpiRegisters
    from harness.virtual.board.devices.spi import SpiDevice as SpiDevice
    from harness.virtual.board.devices.spi import SpiLoopback as SpiLoopback
    from harness.virtual.faults import Faults as Faults
    from harness.virtual.internet.internet import VirtualInternet as VirtualInternet
    from harness.virtual.network.network import Network as Network

_WHERE = {
    "BoardUnderTest": "harness.rig.device",
    "CloudClient": "harness.drivers.cloud",
    "Faults": "harness.virtual.faults",
    "Ht16k33": "harness.virtual.board.devices.ht16k33",
    "I2cDevice": "harness.virtual.board.devices.i2c",
    "I2cRegisters": "harness.virtual.board.devices.registers",
    "Lis3dh": "harness.virtual.board.devices.lis3dh",
    "Mcp9808": "harness.virtual.board.devices.mcp9808",
    "SpiDevice": "harness.virtual.board.devices.spi",
    "SpiLoopback": "harness.virtual.board.devices.spi",
    "SpiRegisters": "harness.virtual.board.devices.registers",
    "FirmwareShelf": "harness.rig.firmware",
    "Modem": "harness.drivers.modem",
    "Network": "harness.virtual.network.network",
    "Rig": "harness.rig.rig",
    "RigOpener": "harness.rig.opening",
    "VirtualInternet": "harness.virtual.internet.internet",
    "WebhookSink": "harness.drivers.webhook_sink",
}

__all__ = ["BoardUnderTest", "CloudClient", "Faults", "FirmwareShelf", "Ht16k33", "I2cDevice", "I2cRegisters", "Lis3dh",
           "Mcp9808", "Modem", "Network", "Rig", "RigOpener", "SpiDevice", "SpiLoopback", "SpiRegisters",
           "VirtualInternet", "WebhookSink"]


def __getattr__(name: str) -> object:
    """Import what is asked for when it is asked for: rig files are read without loading servers and emulators."""
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
