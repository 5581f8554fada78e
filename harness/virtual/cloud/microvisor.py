"""Microvisor: Apps, Devices and what boards ask for over the uplink."""

from __future__ import annotations

from harness.clock import to_ns
from harness.errors import UsageError
from harness.formats.bundle import Bundle
from harness.formats.sid import is_sid
from harness.virtual.cloud.account import Account
from harness.virtual.cloud.agenda import Due
from harness.virtual.cloud.config_stores import ConfigStores, look_up
from harness.virtual.cloud.logbook import LogBooks
from harness.virtual.cloud.machines import APP_UPDATE, By, UpdateStatus
from harness.virtual.cloud.parameters import Arguments
from harness.virtual.cloud.records import App, Device
from harness.virtual.cloud.refusals import CONFLICT, Refused, not_found
from harness.virtual.cloud.store import Collection
from harness.virtual.uplink import (
    AppReported,
    ConfigValues,
    FetchConfig,
    FetchLayer,
    FetchManifest,
    Hello,
    LayerChunk,
    LogLine,
    LogSettings,
    Manifest,
    Restart,
    ServerTime,
    Target,
    ToCloud,
    UpdateFailed,
    Uplink,
)

CHUNK = 64 << 10
"""Most bytes of a layer in one answer."""


class Apps:
    """The Apps of one account."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self.apps: Collection[App] = Collection("Apps", unique=("unique_name",), limit=1_000)

    def __repr__(self) -> str:
        return f"Apps({len(self.apps)})"

    def app(self, key: str) -> App:
        """Return an App by its SID or unique name."""
        found = self.apps.find(key)
        if found is None:
            raise not_found(f"/Apps/{key}")
        return found

    def create(self, bundle: Bundle, unique_name: str | None) -> App:
        """Keep a bundle that was read and verified."""
        self.apps.check("unique_name", unique_name, code=self._account.choices.duplicate)
        app = self.apps.add(App(**self._account.stamp("KA"), unique_name=unique_name, hash=bundle.app_hash,
                                bundle=bundle))
        self._account.record("app_uploaded", device=app.sid, hash=app.hash)
        return app


class Devices:
    """The Devices of one account: what they should run, what they run, and their logs."""

    def __init__(self, account: Account, apps: Apps, uplink: Uplink, configs: ConfigStores,
                 secrets: ConfigStores) -> None:
        self._account = account
        self._apps = apps
        self._uplink = uplink
        self._configs = configs
        self._secrets = secrets
        self.logs = LogBooks()
        self.devices: Collection[Device] = Collection(
            "Devices", unique=("unique_name",), indexed=("target_sid", "reported_sid"), limit=100_000)
        account.agenda.on(Due.DEVICE_LOGGING, self._logging_over)

    def __repr__(self) -> str:
        return f"Devices({len(self.devices)})"

    def device(self, key: str) -> Device:
        """Return a Device by its SID or unique name."""
        found = self.devices.find(key)
        if found is None:
            raise not_found(f"/Devices/{key}")
        return found

    def add(self, sid: str | None, unique_name: str | None, *, logging: bool) -> Device:
        """Put a board into the account.

        Raises:
            UsageError: the SID is malformed, or SID or name are taken.
        """
        if sid is not None and not is_sid(sid, "UV"):
            raise UsageError(f"{sid!r} is not the SID of a device: UV and 32 hexadecimal digits")
        if sid is not None and self.devices.get(sid):
            raise UsageError(f"there is a device {sid} already")
        if unique_name is not None and self.devices.by("unique_name", unique_name):
            raise UsageError(f"there is a device named {unique_name!r} already")
        stamp = self._account.stamp("UV")
        if sid is not None:
            stamp["sid"] = sid
        device = self.devices.add(Device(**stamp, unique_name=unique_name))
        self.logs.add(device.sid)
        self._account.record("device_added", device=device.sid, unique_name=unique_name)
        if logging:
            self._enable_logging(device, True)
        return device

    # -- what clients ask -------------------------------------------------------------------------------------------

    def delete_app(self, key: str) -> None:
        """Forget an App that no Device targets or runs."""
        app = self._apps.app(key)
        used = self.devices.count({"target_sid": app.sid}) or self.devices.count({"reported_sid": app.sid})
        if used and self._account.choices.app_in_use == "conflict":
            raise Refused(CONFLICT, f"{app.sid} is targeted or run by a Device")
        self._apps.apps.remove(app)
        self._account.record("app_deleted", device=app.sid)

    def update(self, key: str, arguments: Arguments) -> Device:
        """Name a Device, aim it at an App, switch its logging, restart its App."""
        device = self.device(key)
        name = arguments.text("UniqueName") or None
        if "UniqueName" in arguments:
            self.devices.check("unique_name", name, code=self._account.choices.duplicate, but=device)
        app = None
        if arguments.given("TargetApp"):
            app = self._apps.apps.find(arguments.required("TargetApp"))
            if app is None:
                raise self._account.unknown("TargetApp", arguments.required("TargetApp"))

        if "UniqueName" in arguments:
            self.devices.change(device, self._account.now(), unique_name=name)
        if app is not None:
            self._target(device, app)
        if "LoggingEnabled" in arguments:
            self._enable_logging(device, arguments.flag("LoggingEnabled", False))
        if arguments.flag("RestartApp", False):
            self._account.record("device_restarted", device=device.sid, online=self._uplink.is_online(device.sid))
            self._uplink.to_device(device.sid, Restart())
        return device

    def _target(self, device: Device, app: App) -> None:
        now = self._account.now()
        status = UpdateStatus.UP_TO_DATE if device.reported_sid == app.sid else UpdateStatus.PENDING
        APP_UPDATE.move(device.update_status, status, By.API)
        self.devices.change(device, now, target_sid=app.sid, target_hash=app.hash, date_targeted=now,
                            update_status=status, update_error_code=0)
        self._account.record("device_targeted", device=device.sid, app=app.sid, status=status.value)
        self._uplink.to_device(device.sid, Target(app_sid=app.sid))

    def _enable_logging(self, device: Device, enabled: bool) -> None:
        expires = None
        if enabled:
            end = self._account.world.now() + to_ns(self._account.choices.device_logging)
            self._account.agenda.set(Due.DEVICE_LOGGING, device.sid, end)
            expires = self._account.calendar_at(end)
        else:
            self._account.agenda.cancel(Due.DEVICE_LOGGING, device.sid)
        changed = enabled != device.logging_enabled
        self.devices.change(device, self._account.now(), log_expires=expires)
        if changed:
            self._account.record("device_logging_enabled" if enabled else "device_logging_disabled", device=device.sid)
            self._uplink.to_device(device.sid, LogSettings(enabled=enabled))

    def _logging_over(self, sid: str) -> None:
        device = self.devices.get(sid)
        if device is not None:
            self._enable_logging(device, False)

    def restored(self) -> None:
        """Go on after the Devices were taken up again: boards that are there learn what they should do."""
        self.logs.match(device.sid for device in self.devices)
        for device in self.devices:
            self._uplink.to_device(device.sid, LogSettings(enabled=device.logging_enabled))
            if device.target_sid is not None and device.target_sid != device.reported_sid:
                self._uplink.to_device(device.sid, Target(app_sid=device.target_sid))

    # -- what boards say --------------------------------------------------------------------------------------------

    def from_device(self, device_sid: str, message: ToCloud) -> None:
        """Take a message of a board; boards of nobody are not answered."""
        device = self.devices.get(device_sid)
        if device is None:
            self._account.record("unknown_device_ignored", device=device_sid)
            return
        match message:
            case Hello():
                self._hello(device, message)
            case LogLine():
                if device.logging_enabled:
                    self.logs[device.sid].append(self._account.now(), message.origin, message.text,
                                                 microseconds=message.microseconds)
            case FetchManifest():
                app = self._apps.apps.get(message.app_sid)
                data = b"" if app is None else app.bundle.manifest_bytes
                self._uplink.to_device(device.sid, Manifest(app_sid=message.app_sid, data=data))
            case FetchLayer():
                self._layer(device, message)
            case AppReported():
                self._reported(device, message.app_sid)
            case UpdateFailed():
                self._failed(device, message)
            case FetchConfig():
                self._config(device, message)

    def _config(self, device: Device, asked: FetchConfig) -> None:
        values = tuple(look_up(self._configs, self._secrets, device.account_sid, device.sid, key) for key in asked.keys)
        self._account.record("config_fetched", device=device.sid, keys=len(values),
                             found=sum(value is not None for value in values))
        self._uplink.to_device(device.sid, ConfigValues(request=asked.request, values=values))

    def _hello(self, device: Device, message: Hello) -> None:
        self._account.record("device_connected", device=device.sid, wake_reason=message.wake_reason)
        if message.app_sid is not None and message.app_sid != device.reported_sid:
            self._reported(device, message.app_sid)
        unix = self._account.now().timestamp()
        self._uplink.to_device(device.sid, ServerTime(unix_microseconds=round(unix * 1_000_000)))
        self._uplink.to_device(device.sid, LogSettings(enabled=device.logging_enabled))
        if device.target_sid is not None:
            self._uplink.to_device(device.sid, Target(app_sid=device.target_sid))

    def _layer(self, device: Device, asked: FetchLayer) -> None:
        app = self._apps.apps.get(asked.app_sid)
        content = (app.bundle.layer(asked.digest) if app is not None else None) or b""
        size = max(0, min(asked.size, CHUNK))
        data = content[asked.offset:asked.offset + size] if asked.offset >= 0 else b""
        self._uplink.to_device(device.sid, LayerChunk(app_sid=asked.app_sid, digest=asked.digest, offset=asked.offset,
                                                      data=data, total=len(content)))

    def _reported(self, device: Device, app_sid: str) -> None:
        now = self._account.now()
        changes: dict[str, object] = {"reported_sid": app_sid, "date_reported": now}
        if app_sid == device.target_sid:
            APP_UPDATE.move(device.update_status, UpdateStatus.UP_TO_DATE, By.DEVICE)
            changes |= {"update_status": UpdateStatus.UP_TO_DATE, "update_error_code": 0}
        self.devices.change(device, now, **changes)
        self._account.record("app_reported", device=device.sid, app=app_sid, status=device.update_status.value)

    def _failed(self, device: Device, message: UpdateFailed) -> None:
        self._account.record("app_update_failed", device=device.sid, app=message.app_sid, code=message.code,
                             reason=message.reason)
        if message.app_sid == device.target_sid and device.update_status is not UpdateStatus.UP_TO_DATE:
            APP_UPDATE.move(device.update_status, UpdateStatus.ERROR, By.DEVICE)
            self.devices.change(device, self._account.now(), update_status=UpdateStatus.ERROR,
                                update_error_code=message.code)
        if device.logging_enabled:
            self.logs[device.sid].append(self._account.now(), "system", f"update failed: {message.reason}".encode())
