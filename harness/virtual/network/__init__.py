"""The virtual cellular network: cells and registration, the SMS centre, the IP gateway and the way to the internet."""

from harness.virtual.network.cells import SignalCurve
from harness.virtual.network.ip_gateway import Traffic
from harness.virtual.network.network import Network
from harness.virtual.network.settings import COMMAND_NUMBER, DEFAULT_CELL, NetworkSettings

__all__ = ["COMMAND_NUMBER", "DEFAULT_CELL", "Network", "NetworkSettings", "SignalCurve", "Traffic"]
