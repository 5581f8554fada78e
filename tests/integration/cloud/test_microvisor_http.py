"""Microvisor over real HTTP: uploads, deployments to a device on the uplink, log streams."""

from __future__ import annotations

import io
import threading
import zipfile
from functools import partial
from typing import TYPE_CHECKING

import pytest
import requests

from harness.clock import pause
from harness.errors import ApiError, BoardError, CloudUnreachable, TimeoutExpired
from harness.formats.bundle import MAX_BUNDLE_SIZE, create_bundle
from harness.virtual.uplink import (
    AppReported,
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
    ToDevice,
    UpdateFailed,
    Uplink,
)

if TYPE_CHECKING:
    from tests.integration.cloud.conftest import Stack

BUNDLE = create_bundle(b"\x00\x00\x04\x20" + bytes(range(256)) * 700)


class Kernel:
    """A device's end of the uplink that downloads and reports what it is aimed at."""

    def __init__(self, uplink: Uplink, sid: str, *, broken: bool = False) -> None:
        self.uplink = uplink
        self.sid = sid
        self.broken = broken
        self.got: list[ToDevice] = []
        self.app: str | None = None
        self.target: str | None = None
        self.layer = b""
        self.logging = False

    def connect(self) -> None:
        self.uplink.connect(self.sid, self)
        self.uplink.to_cloud(self.sid, Hello(app_sid=self.app, wake_reason=1))

    def log(self, text: bytes) -> None:
        self.uplink.to_cloud(self.sid, LogLine(microseconds=self.uplink.world.now() // 1_000, origin="app", text=text))

    def from_cloud(self, message: ToDevice) -> None:
        self.got.append(message)
        match message:
            case Target() if message.app_sid not in (self.app, self.target):  # it is told again after every Hello
                self.target = message.app_sid
                self.uplink.to_cloud(self.sid, FetchManifest(app_sid=message.app_sid))
            case Manifest():
                self.digest = next(iter(zipfile.ZipFile(io.BytesIO(BUNDLE)).namelist()))
                self._fetch(message.app_sid)
            case LayerChunk():
                self.layer += message.data
                if len(self.layer) < message.total:
                    self._fetch(message.app_sid)
                elif self.broken:
                    failed = UpdateFailed(app_sid=message.app_sid, code=7, reason="flash is worn")
                    self.uplink.to_cloud(self.sid, failed)
                else:
                    self.app = message.app_sid
                    self.uplink.to_cloud(self.sid, AppReported(app_sid=message.app_sid))
            case LogSettings():
                self.logging = message.enabled
            case _:
                pass

    def _fetch(self, app_sid: str) -> None:
        self.uplink.to_cloud(self.sid, FetchLayer(app_sid=app_sid, digest=self.digest, offset=len(self.layer),
                                                  size=50_000))


def kernel(stack: Stack, *, logging: bool = False, broken: bool = False) -> Kernel:
    return Kernel(stack.uplink, stack.cloud.add_device(unique_name="board", logging=logging), broken=broken)


# -- Apps ---------------------------------------------------------------------------------------------------------


def test_a_bundle_becomes_an_app(stack: Stack) -> None:
    app = stack.client.microvisor.upload(BUNDLE, unique_name="heartbeat")
    other = stack.client.microvisor.upload(BUNDLE)
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        assert app.manifest() == archive.read("manifest")
    assert app.hash.startswith("sha256:")
    assert stack.client.microvisor.app("heartbeat").data == app.data
    assert app.data["url"] == f"{stack.server.urls.microvisor}/v1/Apps/{app.sid}"
    assert [item.sid for item in stack.client.microvisor.apps()] == [other.sid, app.sid]
    app.delete()
    with pytest.raises(ApiError) as gone:
        app.refresh()
    assert gone.value.code == 20404


def test_curl_style_upload_is_201_and_the_canonical_host_gives_canonical_urls(stack: Stack) -> None:
    response = requests.post(stack.server.urls.upload + "/v1/Apps", files={"File": BUNDLE}, auth=stack.auth, timeout=10,
                             headers={"Host": "microvisor-upload.twilio.com"})
    assert response.status_code == 201
    assert response.json()["url"] == f"http://microvisor.twilio.com/v1/Apps/{response.json()['sid']}"


def _zip(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def _tampered() -> bytes:
    with zipfile.ZipFile(io.BytesIO(BUNDLE)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    return _zip(**{name: content if name == "manifest" else content[:-1] + b"!" for name, content in members.items()})


@pytest.mark.parametrize("content", [
    b"", b"no zip at all", _zip(readme=b"x"), _zip(manifest=b"\xff\xff"), BUNDLE[:-30], _tampered(),
], ids=["empty", "no zip", "no manifest", "bad manifest", "cut off", "wrong hash"])
def test_what_is_no_bundle_is_refused(stack: Stack, content: bytes) -> None:
    with pytest.raises(ApiError, match="not an application bundle") as refused:
        stack.client.microvisor.upload(content)
    assert (refused.value.status, refused.value.code) == (400, 20422)
    assert len(stack.cloud.apps.apps) == 0


def test_other_uploads_are_refused(stack: Stack) -> None:
    url = stack.server.urls.upload + "/v1/Apps"
    answers = [
        requests.post(url, data={"File": "x"}, auth=stack.auth, timeout=5),
        requests.post(url, files={"Other": BUNDLE}, auth=stack.auth, timeout=5),
        requests.post(url, files=[("File", BUNDLE), ("File", BUNDLE)], auth=stack.auth, timeout=5),
        *(requests.post(url, data=b"garbage", headers={"Content-Type": kind}, auth=stack.auth, timeout=5)
          for kind in ("multipart/form-data", "multipart/form-data; boundary=x")),
        requests.get(url, auth=stack.auth, timeout=5),
        requests.post(stack.server.urls.microvisor + "/v1/Apps", files={"File": BUNDLE}, auth=stack.auth, timeout=5),
        requests.post(url, files={"File": BUNDLE}, auth=("AC" + 32 * "0", "x"), timeout=5),
    ]
    assert [answer.status_code for answer in answers] == [415, 400, 400, 400, 400, 405, 405, 401]
    too_long = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(MAX_BUNDLE_SIZE * 2)}
    request = requests.Request("POST", url, headers=too_long, auth=stack.auth).prepare()
    request.headers["Content-Length"] = str(MAX_BUNDLE_SIZE * 2)
    with requests.Session() as session:
        answer = session.send(request, timeout=5)
    assert (answer.status_code, answer.json()["code"]) == (413, 20413)
    assert len(stack.cloud.apps.apps) == 0


# -- Devices ------------------------------------------------------------------------------------------------------


def test_an_app_is_deployed_to_a_device(stack: Stack) -> None:
    board = kernel(stack)
    board.connect()
    app = stack.client.microvisor.upload(BUNDLE)
    deployment = stack.client.microvisor.device("board").deploy(app)
    assert deployment.status == "pending"
    device = deployment.expect("up-to-date", within="60s").device
    assert (device.reported_sid, device.target_sid, device.update_error_code) == (app.sid, app.sid, 0)
    assert board.layer == b"\x00\x00\x04\x20" + bytes(range(256)) * 700
    assert device.deploy(app).status == "up-to-date"  # nothing is left to do
    with pytest.raises(ApiError) as used:
        app.delete()
    assert (used.value.status, used.value.code) == (409, 20409)


def test_a_device_that_was_offline_is_aimed_when_it_says_hello(stack: Stack) -> None:
    board = kernel(stack)
    app = stack.client.microvisor.upload(BUNDLE)
    deployment = stack.client.microvisor.device(board.sid).deploy(app.sid)
    with pytest.raises(TimeoutExpired, match="'pending', reported None"):
        deployment.expect(within="1h")
    board.connect()
    deployment.expect("up-to-date", within="10s")
    kinds = [type(message) for message in board.got]
    assert kinds[:3] == [ServerTime, LogSettings, Target]


def test_a_failed_update_is_told_with_its_code(stack: Stack) -> None:
    board = kernel(stack, broken=True, logging=True)
    board.connect()
    deployment = stack.client.microvisor.device("board").deploy(stack.client.microvisor.upload(BUNDLE))
    with pytest.raises(BoardError, match="update_error_code 7"):
        deployment.expect("up-to-date")
    with stack.client.microvisor.device("board").logs() as log:
        assert log.expect("flash is worn", within="1s").origin == "system"


def test_older_clients_say_app_sid(stack: Stack) -> None:
    board = kernel(stack)
    app = stack.client.microvisor.upload(BUNDLE)
    response = requests.post(f"{stack.server.urls.microvisor}/v1/Devices/{board.sid}", data={"AppSid": app.sid},
                             auth=stack.auth, timeout=5)
    assert response.json()["app"]["target_sid"] == app.sid


def test_restart_and_names(stack: Stack) -> None:
    board = kernel(stack)
    board.connect()
    device = stack.client.microvisor.device("board").restart()
    stack.clock.sleep("1s")
    assert board.got.count(Restart()) == 1
    assert device.rename("other").unique_name == "other"
    assert [item.sid for item in stack.client.microvisor.devices()] == [device.sid]
    for form in ({"TargetApp": "nothing"}, {"RestartApp": "maybe"}, {"LoggingEnabled": "1"}, {"UniqueName": 65 * "x"}):
        response = requests.post(f"{stack.server.urls.microvisor}/v1/Devices/other", data=form, auth=stack.auth,
                                 timeout=5)
        assert response.status_code in (400, 404)


# -- logs ---------------------------------------------------------------------------------------------------------


def test_logging_lasts_a_day_and_can_be_extended(stack: Stack) -> None:
    board = kernel(stack)
    board.connect()
    device = stack.client.microvisor.device("board").enable_logging()
    assert device.data["logging"] == {"enabled": True, "date_expires": "2026-01-02T00:00:00Z"}
    stack.clock.sleep("20h")
    device.enable_logging()
    stack.clock.sleep("20h")
    assert device.refresh().logging_enabled
    assert board.logging
    stack.clock.sleep("5h")
    assert device.refresh().data["logging"] == {"enabled": False, "date_expires": None}
    assert not board.logging


def test_a_log_is_followed_as_it_is_written(stack: Stack) -> None:
    board = kernel(stack, logging=True)
    board.connect()
    for number in range(100):
        stack.world.call_later(1 + number, partial(board.log, b"beat %d" % number), name="beat")
    device = stack.client.microvisor.device("board")
    with device.logs() as log:
        assert log.expect("beat 3", within="10s").text == "beat 3"
        assert stack.clock.now() == 4_050_000_000
        assert [entry.text for entry in log.entries] == ["beat 0", "beat 1", "beat 2", "beat 3"]
        assert log.expect("beat", within="1s").sequence == 1
        assert log.expect("beat", within="1s").sequence == 2
        mark = log.mark()
        assert log.expect("beat", within="10s", since=mark).text == "beat 4"
        assert log.expect("beat 99", within="200s").sequence == 100
        with pytest.raises(TimeoutExpired, match=r"'beat 100' in the log of board; saw instead: last entry 'beat 99'"):
            log.expect("beat 100", within="10s")
        with device.logs() as late:
            assert late.expect("beat 0", within="1s").timestamp == "2026-01-01T00:00:01.050000Z"
            assert len(late.entries) == 100
    with pytest.raises(CloudUnreachable, match="it was closed here"):
        log.expect("more", within="1s")
    assert stack.client.microvisor.log_streams() == ()


def test_bytes_that_are_no_text_are_shown(stack: Stack) -> None:
    board = kernel(stack, logging=True)
    board.connect()
    board.log(b"caf\xe9\n\x00 \xf0\x9f\x91\x8d")
    with stack.client.microvisor.device("board").logs() as log:
        assert log.expect("caf", within="1s").text == "caf\\xe9\n\x00 \N{THUMBS UP SIGN}"


def test_nothing_is_logged_while_logging_is_off(stack: Stack) -> None:
    board = kernel(stack)
    board.connect()
    board.log(b"unheard")
    stack.clock.sleep("1s")
    response = requests.get(f"{stack.server.urls.microvisor}/v1/Devices/board/Logs?follow=false", auth=stack.auth,
                            timeout=5)
    assert (response.status_code, response.text) == (200, "")
    assert response.headers["Content-Type"] == "application/x-ndjson"


def test_server_sent_events_and_after(stack: Stack) -> None:
    board = kernel(stack, logging=True)
    board.connect()
    for text in (b"a", b"b", b"c"):
        board.log(text)
    stack.clock.sleep("1s")
    response = requests.get(f"{stack.server.urls.microvisor}/v1/Devices/board/Logs?Follow=false&After=1",
                            auth=stack.auth, headers={"Accept": "text/event-stream"}, timeout=5)
    assert response.headers["Content-Type"] == "text/event-stream"
    assert [line for line in response.text.split("\n") if line.startswith("id")] == ["id: 2", "id: 3"]


def test_an_event_source_comes_back_where_it_was(stack: Stack) -> None:
    board = kernel(stack, logging=True)
    board.connect()
    for text in (b"a", b"b", b"c"):
        board.log(text)
    stack.clock.sleep("1s")
    url = f"{stack.server.urls.microvisor}/v1/Devices/board/Logs"
    for header, query, first in (("2", "", 3), ("1", "?After=2", 3), ("", "", 1), ("x", "", 1), ("99", "", None)):
        answer = requests.get(f"{url}{query}", params={"Follow": "false"}, auth=stack.auth, timeout=5,
                              headers={"Accept": "text/event-stream", "Last-Event-ID": header})
        ids = [int(line[4:]) for line in answer.text.split("\n") if line.startswith("id: ")]
        assert (ids[0] if ids else None) == first, header
        assert answer.text.startswith("retry: ")


@pytest.mark.parametrize(("accept", "silence"), [("text/event-stream", b": still here"), ("*/*", b"\n")])
def test_a_silent_stream_shows_that_it_lives(stack: Stack, accept: str, silence: bytes) -> None:
    kernel(stack, logging=True)
    stack.server.log_streams.heartbeat = 0.02
    url = f"{stack.server.urls.microvisor}/v1/Devices/board/Logs"
    with requests.get(url, auth=stack.auth, headers={"Accept": accept}, stream=True, timeout=5) as answer:
        seen = b""
        while seen.count(silence) < 3:
            piece = answer.raw.read1(4_096)
            assert piece
            seen += piece
    with stack.client.microvisor.device("board").logs() as log:
        pause(0.1)
        assert log.entries == ()
        assert not log.closed


def test_log_streams_of_nobody_are_404(stack: Stack) -> None:
    url = stack.server.urls.microvisor + "/v1/Devices/UV" + 32 * "0" + "/Logs"
    assert requests.get(url, auth=stack.auth, timeout=5).status_code == 404
    assert requests.get(url, timeout=5).status_code == 401


def test_stop_ends_streams_and_leaves_no_thread(stack: Stack) -> None:
    kernel(stack, logging=True)
    before = threading.active_count()
    log = stack.client.microvisor.device("board").logs()
    assert threading.active_count() == before + 1
    stack.server.stop()
    with pytest.raises(CloudUnreachable, match="the server ended it"):
        log.expect("anything", within="1s")
    log.close()
    assert threading.active_count() == before - 1
