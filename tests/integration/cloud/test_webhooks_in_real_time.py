"""Webhooks in real time: receivers that hold on to a request, refuse it or drop it don't hold up the API."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import requests

from harness.clock import RealClock, Stopwatch, pause
from harness.virtual.cloud import Cloud, CloudServer
from harness.virtual.network.seams import SmsWatcher
from harness.virtual.uplink import Uplink
from harness.virtual.world import World

ICCID = "8988307000000000001"


class Prompt:
    """A network that delivers every text at once."""

    def __init__(self, world: World) -> None:
        self._world = world

    def subscription_changed(self, iccid: str) -> None: ...

    def withdraw_sms(self) -> None: ...

    def send_sms(self, iccid: str, text: str | bytes, progress: SmsWatcher) -> None:
        def deliver() -> None:
            progress.attempted()
            progress.delivered()

        self._world.call_later("1ms", deliver, name="deliver")

    def send_ip(self, iccid: str, port: int, payload: bytes, done: Callable[[str | None], None]) -> None: ...


@dataclass
class Receiver:
    """Takes webhooks only once it is let."""

    let: threading.Event = field(default_factory=threading.Event)
    taken: list[str] = field(default_factory=list)
    waiting: int = 0


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    world = World(seed=1, clock=RealClock())
    made = Cloud(world, messaging=Prompt(world), uplink=Uplink(world))
    made.add_sim(ICCID, unique_name="one")
    world.start()
    yield made
    world.close()


@pytest.fixture
def receiver() -> Iterator[tuple[Receiver, str]]:
    state = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            state.waiting += 1
            assert state.let.wait(20)
            state.taken.append(body)
            self.send_response_only(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield state, f"http://127.0.0.1:{server.server_address[1]}/hook"
    state.let.set()
    server.shutdown()
    thread.join()
    server.server_close()


def _until(condition: Callable[[], bool]) -> None:
    watch = Stopwatch()
    while not condition():
        assert watch.seconds < 20
        pause(0.01)


def test_the_api_answers_while_receivers_hold_on(cloud: Cloud, receiver: tuple[Receiver, str]) -> None:
    state, url = receiver
    auth = (cloud.account_sid, cloud.auth_token)
    with CloudServer(cloud) as server:
        root = server.urls.supersim
        for number in range(12):
            sent = requests.post(f"{root}/v1/SmsCommands", auth=auth, timeout=10, data={
                "Sim": "one", "Payload": str(number), "CallbackUrl": url})
            assert sent.status_code == 201
        _until(lambda: state.waiting > 0)
        assert state.taken == []  # nothing was taken yet, and the API goes on
        listed = requests.get(f"{root}/v1/SmsCommands?Status=delivered", auth=auth, timeout=10).json()
        assert listed["sms_commands"]
        state.let.set()
        _until(lambda: len(state.taken) == 24)  # sent and delivered, of each
    for number in range(12):
        told = [body for body in state.taken if f"Payload={number}&" in body]
        assert sorted(body.partition("&Status=")[2].partition("&")[0] for body in told) == ["delivered", "sent"]
    assert cloud.debugger_events == ()


def test_what_a_receiver_refuses_is_in_the_debugger(cloud: Cloud) -> None:
    auth = (cloud.account_sid, cloud.auth_token)
    with CloudServer(cloud) as server:
        for url in ("http://127.0.0.1:9/x#rc=0", "https://elsewhere.example/x"):
            requests.post(f"{server.urls.supersim}/v1/SmsCommands", auth=auth, timeout=10, data={
                "Sim": "one", "Payload": "x", "CallbackUrl": url}).raise_for_status()
        _until(lambda: len(cloud.debugger_events) == 4)
    assert sorted(event.code for event in cloud.debugger_events) == [11202, 11202, 11210, 11210]
