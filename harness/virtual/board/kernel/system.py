"""Small calls: clocks, identity, wake reason, protected registers, restart, power, system LED."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from harness.virtual.board.kernel.enums import MvDeepSleepMode, MvPowerSavingMode, MvRestartMode, MvStatus, MvWakeReason
from harness.virtual.board.kernel.host import KernelHost

DEVICE_ID_SIZE = 34
"""Bytes of a device SID: ``UV`` and 32 hex digits, no terminator."""


class Situation(Protocol):
    """What these calls ask of the rest of the kernel."""

    def is_network_up(self) -> bool: ...

    def check_in_seconds(self) -> int | None:
        """Return after how long the device has to show itself, None if never."""

    def apply_staged_update(self) -> bool:
        """Install what was downloaded and return True; False if nothing was."""

    def is_updating(self) -> bool: ...


class System:
    """The calls about the device itself."""

    def __init__(self, host: KernelHost, situation: Situation) -> None:
        self._host = host
        self._situation = situation
        self._boot = host.now()
        self._wall_offset: int | None = None
        self.wake_reason = MvWakeReason.COLDBOOT
        self.led = True

    def __repr__(self) -> str:
        return f"System(wake_reason={self.wake_reason.name}, up={self.microseconds() / 1e6:.6f}s)"

    def calls(self) -> Mapping[str, Callable[..., MvStatus]]:
        """Return the system calls that end here."""
        clocks = self._host.clocks
        return {
            "mvGetMicroseconds": self.get_microseconds, "mvGetWallTime": self.get_wall_time,
            "mvGetSysClk": lambda hz: self._put(hz, clocks.sysclk), "mvGetHClk": lambda hz: self._put(hz, clocks.hclk),
            "mvGetPClk1": lambda hz: self._put(hz, clocks.pclk1), "mvGetPClk2": lambda hz: self._put(hz, clocks.pclk2),
            "mvGetDeviceId": self.get_device_id, "mvGetWakeReason": self.get_wake_reason,
            "mvPeriphPeek32": self.peek, "mvPeriphPoke32": self.poke, "mvNoOp": lambda: MvStatus.OKAY,
            "mvRestart": self.restart, "mvPowerSave": self.power_save, "mvDeepSleep": self.deep_sleep,
            "mvSystemLedEnable": self.enable_led,
        }

    def microseconds(self) -> int:
        """Return the time since the kernel started."""
        return (self._host.now() - self._boot) // 1_000

    @property
    def has_wall_time(self) -> bool:
        """Whether the cloud has told the time."""
        return self._wall_offset is not None

    def set_wall_time(self, unix_microseconds: int) -> None:
        """Take the time the cloud tells."""
        self._wall_offset = unix_microseconds - self.microseconds()

    def _put(self, address: int, value: int, size: int = 4) -> MvStatus:
        self._host.memory.write_uint(address, value, size)
        return MvStatus.OKAY

    # -- system calls --

    def get_microseconds(self, ms: int) -> MvStatus:
        return self._put(ms, self.microseconds(), 8)

    def get_wall_time(self, usec: int) -> MvStatus:
        if self._wall_offset is None:
            return MvStatus.TIMENOTSET
        return self._put(usec, self._wall_offset + self.microseconds(), 8)

    def get_device_id(self, buf: int, len: int) -> MvStatus:
        if len != DEVICE_ID_SIZE:
            return MvStatus.INVALIDBUFFERSIZE
        self._host.memory.write(buf, self._host.device_sid.encode("ascii"))
        return MvStatus.OKAY

    def get_wake_reason(self, mode: int) -> MvStatus:
        if self._host.in_handler:
            return MvStatus.UNAVAILABLE
        return self._put(mode, int(self.wake_reason), 1)

    def peek(self, reg: int, output: int) -> MvStatus:
        value = self._host.read_register(reg)
        return MvStatus.PERIPHERALACCESSFAULT if value is None else self._put(output, value)

    def poke(self, reg: int, mask: int, xorvalue: int) -> MvStatus:
        return MvStatus.OKAY if self._host.poke_register(reg, mask, xorvalue) else MvStatus.PERIPHERALACCESSFAULT

    def restart(self, mode: int) -> MvStatus:
        if self._host.in_handler:
            return MvStatus.UNAVAILABLE
        if mode != MvRestartMode.AUTOAPPLYUPDATE:
            return MvStatus.PARAMETERFAULT
        if self._situation.is_updating():
            return MvStatus.MICROVISORBUSY
        if not self._host.apply_kernel_update() and not self._situation.apply_staged_update():
            self._host.restart_application(MvWakeReason.REMOTEAPPLICATIONRESTART)
        return MvStatus.OKAY

    def power_save(self, mode: int) -> MvStatus:
        self._host.doze(False)
        if self._host.in_handler:
            return MvStatus.UNAVAILABLE
        if mode not in tuple(MvPowerSavingMode):
            return MvStatus.PARAMETERFAULT
        if self._situation.is_network_up():
            return MvStatus.MICROVISORBUSY
        if mode == MvPowerSavingMode.SLEEP:
            self._host.doze(True)
        else:
            self._host.stop_until_interrupt()
        return MvStatus.OKAY

    def deep_sleep(self, mode: int) -> MvStatus:
        if self._host.in_handler:
            return MvStatus.UNAVAILABLE
        if mode not in tuple(MvDeepSleepMode):
            return MvStatus.PARAMETERFAULT
        if self._situation.is_network_up():
            return MvStatus.MICROVISORBUSY
        self._host.deep_sleep(self._situation.check_in_seconds(), shutdown=mode == MvDeepSleepMode.SHUTDOWN)
        return MvStatus.OKAY

    def enable_led(self, enable: int) -> MvStatus:
        if self._host.in_handler or enable not in (0, 1):
            return MvStatus.UNAVAILABLE
        if self.led != bool(enable):
            self.led = bool(enable)
            self._host.record("system_led_enabled" if enable else "system_led_disabled")
        return MvStatus.OKAY
