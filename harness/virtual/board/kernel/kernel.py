"""The Microvisor kernel of one board, from power-on to power-off.

It answers the application's system calls, keeps the connection to the cloud, replaces and restarts the application.
All services live as long as the power is on; what belongs to one run of the application is forgotten when that ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.clock import Duration
from harness.errors import BundleError
from harness.formats.bundle import AppBody, Manifest
from harness.virtual.board.flash import FlashStore
from harness.virtual.board.kernel.app_test import AppTest
from harness.virtual.board.kernel.channels import Channels
from harness.virtual.board.kernel.config_channel import ConfigCalls
from harness.virtual.board.kernel.crash import Backoff
from harness.virtual.board.kernel.crash_report import DEFAULT_STACK_BYTES, CrashReport
from harness.virtual.board.kernel.dispatch import Dispatcher, Registers
from harness.virtual.board.kernel.enums import (
    MvEventType,
    MvNetworkReason,
    MvSystemNotificationSource,
    MvWakeReason,
)
from harness.virtual.board.kernel.external_flash import ExternalFlash
from harness.virtual.board.kernel.fast_interrupts import FastInterrupts
from harness.virtual.board.kernel.host import ApplicationControl, KernelHost
from harness.virtual.board.kernel.http_channel import HttpCalls
from harness.virtual.board.kernel.logging import ServerLogging
from harness.virtual.board.kernel.memory import is_readable
from harness.virtual.board.kernel.mqtt_calls import MqttCalls
from harness.virtual.board.kernel.network import Network, Policy
from harness.virtual.board.kernel.notifications import Notifications
from harness.virtual.board.kernel.opaque_channel import OpaqueCalls
from harness.virtual.board.kernel.system import System
from harness.virtual.board.kernel.system_notifications import SystemNotifications
from harness.virtual.board.kernel.update import INSTALL_TIME, Updater
from harness.virtual.board.kernel.wifi import Wifi
from harness.virtual.uplink import ConfigValues, Hello, LayerChunk, LogSettings, Restart, ServerTime, Target, ToDevice
from harness.virtual.uplink import Manifest as ManifestMessage

CRASH_REPORT_TIME = "10s"
"""How long a crash stays a reason to be connected once it could be reported."""

DEEP_SLEEP_ENDS = frozenset(reason for reason in MvWakeReason if reason >= MvWakeReason.DEEPSLEEPCHECKIN)
KERNEL_ERRORS = frozenset((MvWakeReason.MICROVISORCRASH, MvWakeReason.MICROVISORWATCHDOG,
                           MvWakeReason.MICROVISOROUTOFMEMORY, MvWakeReason.MICROVISORERROR))


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSettings:
    """What a test may choose of the kernel.

    Attributes:
        connect_delay: from wanting the network to being connected.
        strict_notifications: whether a notification record that was not consumed is kept.
        kernel_version: what a bundle's minimum kernel version is compared with.
        testing: whether the board is in application testing mode.
    """

    connect_delay: Duration = "2s"
    strict_notifications: bool = False
    kernel_version: int = 1
    testing: bool = False


class Kernel:
    """The kernel while the power is on.

    Args:
        host: the board's services.
        control: starts and stops the application.
        store: the flash chips.
    """

    def __init__(self, host: KernelHost, control: ApplicationControl, store: FlashStore,
                 settings: KernelSettings) -> None:
        self._host = host
        self._control = control
        self._store = store
        self._cold_boot = True
        self._kernel_error = False
        self._crash_to_report = False
        self._policies: AppBody | None = None
        self.backoff = Backoff()
        self.system = System(host, self)
        self.notifications = Notifications(host, microseconds=self.system.microseconds,
                                           strict=settings.strict_notifications,
                                           is_fast=lambda irq: self.fast_interrupts.is_fast(irq))
        self.fast_interrupts = FastInterrupts(host, is_notification=self.notifications.uses, vector=self._vector,
                                              end_application=control.crash_application)
        self.logging = ServerLogging(host, microseconds=self.system.microseconds, is_online=self.is_online)
        self.network = Network(host, self.notifications, self, delay=settings.connect_delay)
        self.system_notifications = SystemNotifications(host, self.notifications)
        self.update = Updater(host, store, self, kernel_version=settings.kernel_version)
        self.app_test = AppTest(host, active=settings.testing and not store.record.tested,
                                finished=self._testing_finished)
        self.channels = Channels(host, self.notifications, self.network, available=lambda: not self.app_test.active)
        self.opaque = OpaqueCalls(host, self.channels, microseconds=self.system.microseconds,
                                  logging_enabled=lambda: self.logging.enabled)
        self.http = HttpCalls(host, self.channels)
        self.config = ConfigCalls(host, self.channels)
        self.mqtt = MqttCalls(host, self.channels)
        self.external_flash = ExternalFlash(host, store)
        self.wifi = Wifi(host)
        services = (self.system, self.notifications, self.fast_interrupts, self.logging, self.network,
                    self.system_notifications, self.channels, self.opaque, self.http, self.config, self.mqtt,
                    self.external_flash, self.wifi, self.app_test)
        self.dispatcher = Dispatcher(host, {name: call for service in services
                                            for name, call in service.calls().items()})

    def __repr__(self) -> str:
        return f"Kernel({self.network.status.name}, {self.update!r}, {self.dispatcher!r})"

    # -- what the board says ------------------------------------------------------------------------------------------

    def boot(self, reason: MvWakeReason, *, recovered: bool) -> None:
        """Begin. ``recovered`` if an update was completed on the way up."""
        self._cold_boot = reason not in DEEP_SLEEP_ENDS
        self._kernel_error = reason in KERNEL_ERRORS
        self._load_policies()
        if reason is MvWakeReason.DEEPSLEEPCHECKIN:
            self.network.check_in()
        self.network.update()
        installed = self._store.installed
        if recovered and installed is not None:
            self.update.report(installed.app_sid)

    @property
    def stack_bytes(self) -> int:
        """How many bytes of the stack a crash report holds."""
        crash = self._policies.crash if self._policies is not None else None
        return (crash.stack_bytes if crash is not None else 0) or DEFAULT_STACK_BYTES

    def application_started(self, reason: MvWakeReason) -> None:
        """Take note that the application starts anew."""
        self.system.wake_reason = reason
        self.backoff.started(self._host.now())

    def application_stopped(self) -> None:
        """Forget what belonged to the application that ran."""
        self.fast_interrupts.reset()
        self.channels.reset()
        self.notifications.reset()
        self.system_notifications.reset()
        self.logging.reset()
        self.external_flash.reset()
        self.app_test.reset()
        self.network.reset()

    def application_changed(self) -> None:
        """Take note that another application is in flash."""
        self.backoff.forget()
        self._load_policies()
        self.network.update()

    def system_call(self, slot: int, registers: Registers) -> None:
        """Answer a call of the application."""
        self.dispatcher.call(slot, registers)

    def crashed(self, report: CrashReport) -> None:
        """Take note that the application crashed, tell the cloud, and start it again later."""
        self._crash_to_report = True
        self.logging.system(f"APPLICATION_CRASHED {report.text}")
        self.logging.system("\n".join(("CRASH_REPORT", *report.lines())))
        self.network.update()
        delay = self.backoff.crashed(self._host.now())
        self._host.record("restart_scheduled", after_ms=delay // 1_000_000)
        self._host.call_later(delay / 1e9, self._restart_crashed, "restart after crash")

    def from_cloud(self, message: ToDevice) -> None:
        """Take a message of the cloud."""
        match message:
            case Target():
                self.update.target(message.app_sid)
            case ManifestMessage():
                self.update.manifest(message)
            case LayerChunk():
                self.update.chunk(message)
            case Restart():
                self._host.record("restart_requested")
                self._host.restart_application(MvWakeReason.REMOTEAPPLICATIONRESTART)
            case LogSettings():
                if self.logging.enabled != message.enabled:
                    self._host.record("logging_enabled" if message.enabled else "logging_disabled")
                self.logging.enabled = message.enabled
                self.opaque.logging_changed()
            case ConfigValues():
                self.config.values(message)
            case ServerTime():
                self._take_time(message.unix_microseconds)

    # -- what the services ask ----------------------------------------------------------------------------------------

    def is_online(self) -> bool:
        return self.network.is_connected

    def is_network_up(self) -> bool:
        return self.network.is_connected

    def check_in_seconds(self) -> int | None:
        return self.network.policy.check_in_seconds or None

    def apply_staged_update(self) -> bool:
        return self.update.apply()

    def is_updating(self) -> bool:
        return self._control.is_stopped

    def reasons(self) -> MvNetworkReason:
        """Return the kernel's own reasons to be connected."""
        reasons = MvNetworkReason.NOTCONNECTING
        for reason, holds in ((MvNetworkReason.RTCNOTSET, not self.system.has_wall_time),
                              (MvNetworkReason.KERNELERROR, self._kernel_error),
                              (MvNetworkReason.APPLICATIONERROR, self._crash_to_report),
                              (MvNetworkReason.COLDBOOTCONNECTION, self._cold_boot),
                              (MvNetworkReason.FETCHINGUPDATE, self.update.is_fetching),
                              (MvNetworkReason.DEBUGGERATTACHED, self._host.debugger_attached),
                              (MvNetworkReason.NOAPPLICATIONCODE, self._store.installed is None)):
            if holds:
                reasons |= reason
        return reasons

    def connected(self) -> None:
        """The connection is there: say hello, ask for what is missing, send what waits."""
        self._cold_boot = False
        self._host.go_online()
        installed = self._store.installed
        self._host.send(Hello(app_sid=installed.app_sid if installed else None,
                              wake_reason=int(self.system.wake_reason)))
        if not self._host.has_uplink:
            self._take_time(self._host.unix_microseconds())
        self.update.connected()
        self.logging.flush()
        if self._crash_to_report:
            self._host.call_later(CRASH_REPORT_TIME, self._crash_reported, "crash report")
        if self._kernel_error:
            self._host.call_later(CRASH_REPORT_TIME, self._kernel_error_reported, "kernel error report")

    def disconnected(self) -> None:
        """The connection is gone."""
        self.channels.network_lost(self.network.status)
        self._host.go_offline()
        self.update.disconnected()

    def network_released(self, handle: int) -> None:
        self.channels.network_released(handle)

    def network_changed(self) -> None:
        self.system_notifications.tell(MvSystemNotificationSource.NETWORK, MvEventType.NETWORKSTATUSCHANGED)

    def politeness_seconds(self) -> int:
        policy = self._policies.update if self._policies is not None else None
        return policy.maximum_politeness_s if policy is not None and self._control.is_running else 0

    def update_downloaded(self) -> None:
        self.system_notifications.tell(MvSystemNotificationSource.UPDATE, MvEventType.UPDATEDOWNLOADED)

    def update_phase_changed(self) -> None:
        self.network.update()

    def system_log(self, text: str) -> None:
        self.logging.system(text)

    def stop_application(self) -> None:
        self._control.stop_application()

    def start_installed(self) -> None:
        self.application_changed()
        self._control.start_application(MvWakeReason.APPLICATIONUPDATE)

    # -- inside -------------------------------------------------------------------------------------------------------

    def _take_time(self, unix_microseconds: int) -> None:
        self.system.set_wall_time(unix_microseconds)
        self.network.update()

    def _restart_crashed(self) -> None:
        if self._control.is_running or self._control.is_stopped:
            return  # somebody else has started another one, or is about to
        self._control.start_application(MvWakeReason.APPLICATIONCRASH)
        if self.network.is_connected:
            self._host.call_later(CRASH_REPORT_TIME, self._crash_reported, "crash report")

    def _crash_reported(self) -> None:
        if self._control.is_running:
            self._crash_to_report = False
            self.network.update()

    def _kernel_error_reported(self) -> None:
        self._kernel_error = False
        self.network.update()

    def _testing_finished(self, status: int) -> None:
        self._control.stop_application()
        if status == 0:
            self._host.call_later(INSTALL_TIME, self._install_final, "install of the final application")

    def _install_final(self) -> None:
        self.app_test.active = False
        application = self._store.install_final()
        if application is None:
            self._host.record("no_final_application")
        else:
            self._host.record("final_application_installed", app=application.app_sid)
            self.start_installed()

    def _vector(self, irq: int) -> int:
        """Return the handler address of an interrupt, 0 if the vector table is not in application memory."""
        at = self._host.vector_table + 4 * (16 + irq)
        return self._host.memory.read_uint(at) & ~1 if is_readable(at, 4) else 0

    def _load_policies(self) -> None:
        installed = self._store.installed
        self._policies = None
        if installed is not None and installed.manifest:
            try:
                self._policies = Manifest.decode(installed.manifest).app
            except BundleError as error:  # a record of another version of ours
                self._host.record("manifest_unreadable", reason=str(error))
        crash = self._policies.crash if self._policies is not None else None
        self.backoff.set_bounds(crash.minimum_restart_ms if crash else 0, crash.maximum_restart_ms if crash else 0)
        if self._policies is None:
            self.network.policy = Policy()
        else:
            connectivity = self._policies.connectivity
            self.network.policy = Policy(
                grace_seconds=connectivity.grace_time_s if connectivity is not None else 0,
                check_in_seconds=connectivity.minimum_check_in_s if connectivity is not None else 0)
