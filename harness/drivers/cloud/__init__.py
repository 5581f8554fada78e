"""The cloud driver: typed resources over the REST APIs, the same for the real service and the virtual one."""

from harness.drivers.cloud.client import CloudClient
from harness.drivers.cloud.credentials import CloudUrls, Credentials
from harness.drivers.cloud.log_stream import LogEntry, LogStream, StreamWire
from harness.drivers.cloud.microvisor import App, Deployment, Device, Microvisor
from harness.drivers.cloud.supersim import Fleet, Fleets, IpCommand, Sim, SmsCommand, SuperSim

__all__ = [
    "App", "CloudClient", "CloudUrls", "Credentials", "Deployment", "Device", "Fleet", "Fleets", "IpCommand",
    "LogEntry", "LogStream", "Microvisor", "Sim", "SmsCommand", "StreamWire", "SuperSim",
]
