"""The cloud driver's way to a server: errors by class, repetitions, proxy and certificates, secrets."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.clock import VirtualClock
from harness.drivers.cloud import KORE_URLS, CloudClient, CloudUrls, Credentials
from harness.errors import (
    AccessDenied,
    ApiError,
    CloudUnreachable,
    Conflict,
    NotFound,
    ServiceFailed,
    TooManyRequests,
)
from harness.journal import Journal
from harness.virtual.cloud import CloudServer
from harness.virtual.cloud.http.front import HOSTS
from harness.virtual.cloud.http.tls import make_tls

if TYPE_CHECKING:
    from tests.integration.cloud.conftest import Stack

ICCID = "8988307000000000001"
PAGE = (b'{"configs":[{"key":"k","value":"v","date_updated":"2026-01-01T00:00:00Z"}],"meta":{"key":"configs",'
        b'"next_page_url":null}}')


class Script:
    """A server that answers connection after connection as it was told: bytes, or nothing and hang up.

    Attributes:
        requests: first lines, in the order they came.
    """

    def __init__(self, *answers: bytes) -> None:
        self.requests: list[bytes] = []
        self._answers = list(answers)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for answer in self._answers:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5)
                data = b""
                while b"\r\n\r\n" not in data:
                    data += connection.recv(65_536)
                self.requests.append(data.split(b"\r\n", 1)[0])
                connection.sendall(answer)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes who waits for a connection
        self._socket.close()
        self._thread.join(5)


def _answer(status: int, body: bytes = b"{}", headers: bytes = b"", *, length: int | None = None) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n%b\r\n%b" % (
        status, len(body) if length is None else length, headers, body)


@pytest.fixture
def scripted() -> Iterator[Callable[..., tuple[Script, CloudClient, VirtualClock]]]:
    opened: list[tuple[Script, CloudClient]] = []

    def make(*answers: bytes) -> tuple[Script, CloudClient, VirtualClock]:
        script, clock = Script(*answers), VirtualClock()
        client = CloudClient(CloudUrls(supersim=script.url, wireless=script.url, microvisor=script.url,
                                       upload=script.url),
                             Credentials(user="AC1", password="a-long-secret"), clock, Journal(now=clock.now))
        opened.append((script, client))
        return script, client, clock

    yield make
    for script, client in opened:
        client.close()
        script.close()


# -- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "kind"), [
    (400, ApiError), (401, AccessDenied), (403, AccessDenied), (404, NotFound), (409, Conflict), (415, ApiError),
    (500, ServiceFailed), (503, ServiceFailed)])
def test_errors_have_a_class_and_the_apis_code(scripted: Callable[..., tuple[Script, CloudClient, VirtualClock]],
                                               status: int, kind: type[ApiError]) -> None:
    body = b'{"code":20404,"message":"no","more_info":"https://x","status":%d}' % status
    _, client, _ = scripted(*4 * [_answer(status, body)])
    with pytest.raises(ApiError) as refused:
        client.microvisor.configs.get("k")
    assert type(refused.value) is kind
    assert (refused.value.status, refused.value.code, refused.value.more_info) == (status, 20404, "https://x")


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"code":"x"}', b'{"code":null,"message":null}', b"\xff"])
def test_an_error_without_the_apis_body_is_one_too(
        scripted: Callable[..., tuple[Script, CloudClient, VirtualClock]], body: bytes) -> None:
    _, client, _ = scripted(_answer(404, body))
    with pytest.raises(NotFound) as refused:
        client.microvisor.configs.get("k")
    assert refused.value.code == 0


# -- repetitions ------------------------------------------------------------------------------------------------------


def test_pauses_grow_and_the_services_wish_counts(
        scripted: Callable[..., tuple[Script, CloudClient, VirtualClock]]) -> None:
    script, client, clock = scripted(_answer(503), _answer(429), _answer(500), _answer(200, PAGE))
    assert [item.key for item in client.microvisor.configs] == ["k"]
    assert len(script.requests) == 4
    assert clock.now() == 1_400_000_000  # 0.2 s, 0.4 s, 0.8 s
    _, client, clock = scripted(_answer(429, headers=b"Retry-After: 60\r\n"), _answer(200, PAGE))
    list(client.microvisor.configs)
    assert clock.now() == 60_000_000_000
    _, client, clock = scripted(_answer(429, headers=b"Retry-After: 99999\r\n"), _answer(200, PAGE))
    list(client.microvisor.configs)
    assert clock.now() == 120_000_000_000


@pytest.mark.parametrize("lost", [b"", b"HTTP/1.1 2", _answer(200, PAGE, length=10_000), b"rubbish\r\n\r\n"])
def test_a_read_is_repeated_where_its_answer_is_lost(
        scripted: Callable[..., tuple[Script, CloudClient, VirtualClock]], lost: bytes) -> None:
    script, client, _ = scripted(lost, _answer(200, PAGE))
    assert [item.key for item in client.microvisor.configs] == ["k"]
    assert len(script.requests) == 2


@pytest.mark.parametrize("lost", [b"", b"HTTP/1.1 2", _answer(201, b"{", length=100), _answer(500), _answer(503)])
def test_a_post_is_never_made_twice_where_it_may_have_worked(
        scripted: Callable[..., tuple[Script, CloudClient, VirtualClock]], lost: bytes) -> None:
    script, client, clock = scripted(lost, _answer(201, b'{"key":"k","value":"v","date_updated":"x"}'))
    with pytest.raises((CloudUnreachable, ServiceFailed)):
        client.microvisor.configs.create("k", "v")
    assert len(script.requests) == 1
    assert clock.now() == 0


def test_a_post_that_never_arrived_is_made_again() -> None:
    clock = VirtualClock()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    journal = Journal(now=clock.now)
    client = CloudClient(CloudUrls(microvisor=f"http://127.0.0.1:{port}"), Credentials(user="AC1", password="secret-1"),
                         clock, journal)
    with client, pytest.raises(CloudUnreachable, match="NewConnectionError"):
        client.microvisor.configs.create("k", "v")
    assert len(journal.select("api_call_retried")) == 3


def test_too_many_requests_in_the_end(scripted: Callable[..., tuple[Script, CloudClient, VirtualClock]]) -> None:
    script, client, _ = scripted(*4 * [_answer(429, b'{"code":20429,"message":"later","status":429}')])
    with pytest.raises(TooManyRequests) as refused:
        client.microvisor.configs.create("k", "v")
    assert (refused.value.code, len(script.requests)) == (20429, 4)


def test_what_is_gone_after_a_lost_answer_was_deleted(stack: Stack) -> None:
    configs = stack.client.microvisor.configs
    configs.create("k", "v")
    stack.cloud.faults.add("DeleteAccountConfig", "drop-after")
    configs.delete("k")
    assert list(configs) == []
    with pytest.raises(NotFound):
        configs.delete("k")


# -- the environment --------------------------------------------------------------------------------------------------


@pytest.fixture
def secure(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudServer]:
    for name in os.environ:
        if "PROXY" in name.upper() or "CA_BUNDLE" in name.upper():
            monkeypatch.delenv(name)
    stack.cloud.add_sim(ICCID)
    with CloudServer(stack.cloud, tls=make_tls(tmp_path, HOSTS)) as server:
        yield server


def _client(stack: Stack, urls: CloudUrls, *, trust_env: bool = True) -> CloudClient:
    return CloudClient(urls, Credentials(user=stack.cloud.account_sid, password=stack.cloud.auth_token), stack.clock,
                       stack.world.journal, trust_env=trust_env)


def test_a_certificate_of_the_environment_counts_on_this_machine_a_proxy_does_not(
        stack: Stack, secure: CloudServer, monkeypatch: pytest.MonkeyPatch) -> None:
    urls = CloudUrls(supersim=secure.doors.https.replace("127.0.0.1", "localhost"))
    with _client(stack, urls) as client, pytest.raises(CloudUnreachable, match="SSL"):
        next(client.supersim.sims())
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", secure.doors.ca_file)
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with _client(stack, urls) as client:
        assert next(client.supersim.sims()).iccid == ICCID
    with _client(stack, urls, trust_env=False) as client, pytest.raises(CloudUnreachable, match="SSL"):
        next(client.supersim.sims())
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    monkeypatch.setenv("CURL_CA_BUNDLE", secure.doors.ca_file)
    with _client(stack, urls) as client:
        assert next(client.supersim.sims()).iccid == ICCID


@pytest.mark.parametrize("urls", [CloudUrls(), KORE_URLS], ids=["twilio", "kore"])
def test_the_real_hosts_by_the_environment_alone(stack: Stack, secure: CloudServer, monkeypatch: pytest.MonkeyPatch,
                                                 urls: CloudUrls) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", secure.doors.ca_file)
    monkeypatch.setenv("HTTPS_PROXY", secure.doors.proxy)
    with _client(stack, urls) as client:
        assert next(client.supersim.sims()).iccid == ICCID
        assert client.wireless.rate_plans.create(unique_name="x").unique_name == "x"
    with _client(stack, urls, trust_env=False) as client, pytest.raises(CloudUnreachable):
        next(client.supersim.sims())


def test_a_netrc_does_not_replace_the_credentials(stack: Stack, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    assert list(stack.client.supersim.sims()) == []


# -- secrets ----------------------------------------------------------------------------------------------------------


def test_no_secret_is_in_logs_journal_or_errors(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = stack.client.microvisor.secrets
    secrets.create("key", "value-of-the-secret")
    assert secrets.get("key").value is None
    with pytest.raises(Conflict) as refused:
        secrets.create("key", "value-of-the-secret")
    shown = "\n".join([caplog.text, str(refused.value), repr(stack.client), repr(secrets),
                       *map(str, stack.world.journal.since(0))])
    for secret in (stack.cloud.auth_token, "value-of-the-secret", "Authorization"):
        assert secret not in shown
