"""The cloud driver: typed resources over the REST APIs, the same for the real service and the virtual one."""

from harness.drivers.cloud.client import CloudClient
from harness.drivers.cloud.config_store import ConfigItem, ConfigStore
from harness.drivers.cloud.credentials import KORE_URLS, CloudUrls, Credentials
from harness.drivers.cloud.esim import ESimProfile, SettingsUpdate
from harness.drivers.cloud.log_stream import LogEntry, LogStream, StreamWire
from harness.drivers.cloud.microvisor import App, Deployment, Device, Microvisor
from harness.drivers.cloud.networks import Network, NetworkAccessProfile
from harness.drivers.cloud.supersim import Fleet, Fleets, IpCommand, Sim, SmsCommand, SuperSim
from harness.drivers.cloud.supersim_usage import BillingPeriod, IpAddress, UsageRecord
from harness.drivers.cloud.wireless import Command, RatePlan, Wireless, WirelessSim
from harness.drivers.cloud.wireless_usage import CommandsUsage, DataOctets, DataSession, WirelessUsage

__all__ = [
    "KORE_URLS", "App", "BillingPeriod", "CloudClient", "CloudUrls", "Command", "CommandsUsage", "ConfigItem",
    "ConfigStore", "Credentials", "DataOctets", "DataSession", "Deployment", "Device", "ESimProfile", "Fleet",
    "Fleets", "IpAddress", "IpCommand", "LogEntry", "LogStream", "Microvisor", "Network", "NetworkAccessProfile",
    "RatePlan", "SettingsUpdate", "Sim", "SmsCommand", "StreamWire", "SuperSim", "UsageRecord", "Wireless",
    "WirelessSim", "WirelessUsage",
]
