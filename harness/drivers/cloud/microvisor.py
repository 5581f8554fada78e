"""Microvisor at the near end: Apps, Devices, deployments."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from harness.clock import Clock, Duration
from harness.drivers.cloud.config_store import ConfigStore
from harness.drivers.cloud.log_stream import LogStream
from harness.drivers.cloud.resource import CloudResource, poll, segment
from harness.drivers.cloud.transport import Transport
from harness.errors import BoardError, CloudError


class App(CloudResource):
    """An application that was uploaded."""

    collection = "Apps"

    @property
    def hash(self) -> str:
        """``algorithm:value`` of the manifest."""
        return self._text("hash")

    @property
    def unique_name(self) -> str | None:
        """Its name, if it has one."""
        return self._optional("unique_name")

    def manifest(self) -> bytes:
        """Return the encoded manifest.

        Raises:
            ApiError, CloudUnreachable: as :meth:`refresh`.
        """
        return base64.b64decode(self._transport.get(f"{self._url}/Manifest")["encoded_bytes"])

    def delete(self) -> None:
        """Delete it.

        Raises:
            ApiError: a Device targets or runs it, or it is gone.
            CloudUnreachable: there was no answer.
        """
        self._transport.delete(self._url)


class Device(CloudResource):
    """A board, as the cloud sees it."""

    collection = "Devices"

    def __init__(self, transport: Transport, root: str, data: Any, streams: Callable[[LogStream], None]) -> None:
        super().__init__(transport, root, data)
        self._streams = streams

    @property
    def unique_name(self) -> str | None:
        """Its name, if it has one."""
        return self._optional("unique_name")

    @property
    def configs(self) -> ConfigStore:
        """Its own Configs."""
        return ConfigStore(self._transport, f"{self._url}/Configs", "configs")

    @property
    def secrets(self) -> ConfigStore:
        """Its own Secrets."""
        return ConfigStore(self._transport, f"{self._url}/Secrets", "secrets")

    @property
    def update_status(self) -> str:
        """``up-to-date``, ``pending`` or ``error``."""
        return str(self._app()["update_status"])

    @property
    def update_error_code(self) -> int:
        """Why the last update failed, 0 if it did not."""
        return int(self._app().get("update_error_code") or 0)

    @property
    def target_sid(self) -> str | None:
        """The App it should run."""
        return self._app().get("target_sid")

    @property
    def reported_sid(self) -> str | None:
        """The App it said that it runs."""
        return self._app().get("reported_sid")

    @property
    def logging_enabled(self) -> bool:
        """Whether the cloud takes log messages of it."""
        logging = self.data.get("logging")
        return isinstance(logging, dict) and bool(logging.get("enabled"))

    def deploy(self, app: App | str) -> Deployment:
        """Aim the Device at an App, given as such or by SID or unique name; it downloads and starts it by itself.

        Raises:
            ApiError: the API refused, and nothing changed.
            CloudUnreachable: there was no answer; it may have changed nevertheless.
        """
        self._update({"TargetApp": app if isinstance(app, str) else app.sid})
        return Deployment(self, self.target_sid or "", self._transport.clock)

    def restart(self) -> Device:
        """Restart the App, if the Device is online.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer.
        """
        return self._update({"RestartApp": "true"})

    def rename(self, unique_name: str) -> Device:
        """Give it a name.

        Raises:
            ApiError: the name is taken or malformed.
            CloudUnreachable: there was no answer.
        """
        return self._update({"UniqueName": unique_name})

    def enable_logging(self, enabled: bool = True) -> Device:
        """Let the cloud take its log messages for the next 24 hours, or stop that.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer.
        """
        return self._update({"LoggingEnabled": str(enabled).lower()})

    def logs(self, *, enable: bool = True) -> LogStream:
        """Follow its log: a stream that begins with what the cloud still has.

        Args:
            enable: whether to enable logging first, if it is not.

        Raises:
            ApiError: the API refused.
            CloudUnreachable: there was no answer.
        """
        if enable and not self.refresh().logging_enabled:
            self.enable_logging()
        stream = LogStream(self._transport, f"{self._url}/Logs", device=self.unique_name or self.sid)
        self._streams(stream)
        return stream

    def _update(self, form: dict[str, str]) -> Device:
        self.data = self._transport.post(self._url, form)
        return self

    def _app(self) -> dict[str, Any]:
        app = self.data.get("app")
        if not isinstance(app, dict):
            raise CloudError(f"the API told nothing of the App of {self.sid}")
        return app


class Deployment:
    """An App on its way to a Device."""

    def __init__(self, device: Device, app_sid: str, clock: Clock) -> None:
        self._clock = clock
        self.device = device
        self.app_sid = app_sid

    def __repr__(self) -> str:
        return f"Deployment({self.app_sid!r} to {self.device.sid!r}, {self.status!r})"

    @property
    def status(self) -> str:
        """``update_status`` of the Device when it was last fetched."""
        return self.device.update_status

    def expect(self, status: str = "up-to-date", *, within: Duration = "60s") -> Deployment:
        """Wait for an update status and return the deployment.

        Raises:
            TimeoutExpired: it was not reached in time.
            BoardError: the Device could not install the App; the message has the error code.
            ApiError, CloudUnreachable: as :meth:`Device.refresh`.
        """
        device = self.device

        def ask() -> bool:
            device.refresh()
            if device.target_sid != self.app_sid:
                raise CloudError(f"{device.sid} was aimed at {device.target_sid} meanwhile")
            if device.update_status == status:
                return status != "up-to-date" or device.reported_sid == self.app_sid
            if device.update_status == "error":
                raise BoardError(f"{device.sid} could not install {self.app_sid}: "
                                 f"update_error_code {device.update_error_code}")
            return False

        poll(self._clock, ask, within=within, what=f"update status {status!r} of {device.sid}",
             saw=lambda: f"{device.update_status!r}, reported {device.reported_sid}")
        return self


class Microvisor:
    """The Microvisor API and its upload host."""

    def __init__(self, transport: Transport, root: str, upload_root: str) -> None:
        self._transport = transport
        self._root = root
        self._upload_root = upload_root
        self._open: list[LogStream] = []
        self.configs = ConfigStore(transport, f"{root}/v1/Configs", "configs")
        self.secrets = ConfigStore(transport, f"{root}/v1/Secrets", "secrets")

    def __repr__(self) -> str:
        return f"Microvisor({self._root!r})"

    def upload(self, bundle: bytes | Path, *, unique_name: str | None = None) -> App:
        """Upload an application bundle and return the App.

        Raises:
            ApiError: the API refused: no bundle, or the name is taken.
            CloudUnreachable: there was no answer; it may have been uploaded nevertheless.
        """
        content = bundle if isinstance(bundle, bytes) else bundle.read_bytes()
        form = {"UniqueName": unique_name} if unique_name else None
        data = self._transport.post(f"{self._upload_root}/v1/Apps", form,
                                    files={"File": ("bundle.zip", content, "application/zip")})
        return App(self._transport, self._root, data)

    def app(self, key: str) -> App:
        """Return an App by SID or unique name.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        return App(self._transport, self._root, self._transport.get(f"{self._root}/v1/Apps/{segment(key)}"))

    def apps(self) -> Iterator[App]:
        """Give the Apps, newest first."""
        for data in self._transport.pages(f"{self._root}/v1/Apps", "apps"):
            yield App(self._transport, self._root, data)

    def device(self, key: str) -> Device:
        """Return a Device by SID or unique name.

        Raises:
            ApiError: there is none.
            CloudUnreachable: there was no answer.
        """
        data = self._transport.get(f"{self._root}/v1/Devices/{segment(key)}")
        return Device(self._transport, self._root, data, self._open.append)

    def devices(self) -> Iterator[Device]:
        """Give the Devices, newest first."""
        for data in self._transport.pages(f"{self._root}/v1/Devices", "devices"):
            yield Device(self._transport, self._root, data, self._open.append)

    def log_streams(self) -> tuple[LogStream, ...]:
        """Return the log streams that are open."""
        self._open[:] = [stream for stream in self._open if not stream.closed]  # in place: Devices hold this list
        return tuple(self._open)
