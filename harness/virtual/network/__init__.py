"""The virtual cellular network: registration, the SMS centre and the IP gateway."""

from harness.virtual.network.ip_gateway import Internet, Traffic
from harness.virtual.network.network import Network
from harness.virtual.network.settings import COMMAND_NUMBER, DEFAULT_CELL, NetworkSettings

__all__ = ["COMMAND_NUMBER", "DEFAULT_CELL", "Internet", "Network", "NetworkSettings", "Traffic"]
