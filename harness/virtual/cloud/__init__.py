"""The virtual cloud: Super SIM, Programmable Wireless and Microvisor APIs over a real HTTP server.

:class:`Cloud` holds the resources and meets the network and the boards; :class:`CloudServer` is its HTTP front.
"""

from harness.virtual.cloud.choices import Choice, Choices
from harness.virtual.cloud.cloud import Cloud
from harness.virtual.cloud.http.server import CloudPorts, CloudServer, ServerUrls
from harness.virtual.cloud.machines import MACHINES
from harness.virtual.cloud.refusals import Refused

__all__ = ["MACHINES", "Choice", "Choices", "Cloud", "CloudPorts", "CloudServer", "Refused", "ServerUrls"]
