"""Wi-Fi configuration: kept by the kernel, used by nothing. The header lists no status besides OKAY for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.enums import MvStatus, MvWifiConfigMode
from harness.virtual.board.kernel.host import KernelHost

MAX_SSID = 32
"""Bytes of an SSID (IEEE 802.11, 9.4.2.2)."""

MAX_PASSWORD = 64
"""Bytes of a WPA passphrase or pre-shared key in hex."""


class Wifi:
    """The Wi-Fi configuration; it outlives restarts of the application, not of the board."""

    def __init__(self, host: KernelHost) -> None:
        self._host = host
        self.ssid = b""
        self.has_encryption = False

    def __repr__(self) -> str:
        return f"Wifi({self.ssid!r}, has_encryption={self.has_encryption})"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        return {"mvSetWifiConfig": self.set, "mvGetWifiConfig": self.get}

    # -- system calls --

    def set(self, params: int) -> MvStatus:
        memory = self._host.memory
        wanted = memory.unpack(structures.MvWifiConfig, params)
        if wanted.version != 1:
            return MvStatus.UNSUPPORTEDSTRUCTUREVERSION
        if wanted.config_mode == MvWifiConfigMode.CLEARNOW:
            self.ssid, self.has_encryption = b"", False
            self._host.record("wifi_config_cleared")
            return MvStatus.OKAY
        if wanted.config_mode != MvWifiConfigMode.APPLYNOW:
            return MvStatus.PARAMETERFAULT
        ssid, password = memory.string(wanted.wifi_ssid), memory.string(wanted.wifi_password)
        if len(ssid) > MAX_SSID or len(password) > MAX_PASSWORD:
            return MvStatus.INPUTTOOLONG
        self.ssid, self.has_encryption = ssid, bool(password)
        self._host.record("wifi_config_set", ssid=ssid.decode("utf-8", "replace"), has_encryption=self.has_encryption)
        return MvStatus.OKAY

    def get(self, params: int) -> MvStatus:
        memory = self._host.memory
        wanted = memory.unpack(structures.MvWifiConfigOut, params)
        if wanted.version != 1:
            return MvStatus.UNSUPPORTEDSTRUCTUREVERSION
        memory.check_write(wanted.ssid.data, wanted.ssid.size)
        memory.check_write(wanted.ssid.length, 4)
        memory.check_write(wanted.has_encryption, 1)
        if wanted.ssid.size < len(self.ssid):
            return MvStatus.INVALIDBUFFERSIZE
        memory.write(wanted.ssid.data, self.ssid)
        memory.write_uint(wanted.ssid.length, len(self.ssid))
        memory.write_uint(wanted.has_encryption, int(self.has_encryption), 1)
        return MvStatus.OKAY
