"""The virtual modem: AT engine, dialects as data, SIM card, message stores, sockets and its port."""

from __future__ import annotations

from harness.virtual.modem.modem import VirtualModem
from harness.virtual.modem.profile import Profile, load_profile, profile_names, read_profile
from harness.virtual.modem.pty_endpoint import PtyEndpoint
from harness.virtual.modem.sim_card import SimCard

__all__ = ["Profile", "PtyEndpoint", "SimCard", "VirtualModem", "load_profile", "profile_names", "read_profile"]
