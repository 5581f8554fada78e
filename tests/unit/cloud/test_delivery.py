"""Webhook requests as they go over the wire: signatures against published examples, overrides, retries, bounds."""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.formats.webhook_signature import sign_kore_webhook, sign_webhook
from harness.virtual.cloud.delivery import Flavour, Overrides, Seal, build, build_json, deliver, overrides_of

ZEROS = 32 * "0"
FORM = [("Status", "received"), ("ApiVersion", "v1"), ("Command", "hi"), ("SimUniqueName", "project"),
        ("Payload", "hi"), ("SimSid", "HS" + ZEROS), ("Direction", "from_sim"), ("CommandSid", "HC" + ZEROS),
        ("AccountSid", "AC" + ZEROS), ("PayloadType", "text")]
URL = "https://example.com/sms?x=1"


def seal(flavour: Flavour = "twilio-sha1", secret: str = "12345") -> Seal:
    return Seal(flavour=flavour, auth_token="12345", key="CR1", secret=secret, token="token-1",
                moment=datetime(2026, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC))


def test_signatures_are_those_that_the_helper_library_makes() -> None:
    assert sign_webhook("12345", URL, FORM) == "UHh4YhYlBgWKMdWPkLBp3LOf0yI="
    assert sign_webhook("12345", URL, FORM, algorithm="sha256") == "/kK2XKZta2ztKK00eSWToRnRJdt0hlt6j1f/f23mF0o="


def test_kore_signs_the_bare_url_and_the_body() -> None:
    body = b"field1=value1&field2=value2"
    known = hashlib.sha256(b"12345POSThttps://testendpoint.com" + body).hexdigest()
    assert sign_kore_webhook("12345", "POST", "https://testendpoint.com", body) == known
    assert known.startswith("f562d395")
    assert known.endswith("154ea3ce")
    assert sign_kore_webhook("12345", "POST", "https://testendpoint.com?a=1#b", body) == known
    assert sign_kore_webhook("", "POST", "https://testendpoint.com", body) == ""


@pytest.mark.parametrize(("flavour", "header", "agent"), [
    ("twilio-sha1", "X-Twilio-Signature", "TwilioProxy/1.1"),
    ("twilio-sha256", "X-Twilio-Signature", "TwilioProxy/1.1"),
    ("kore", "kore-signature", "KoreProxy/1.1")])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_each_flavour_has_its_headers(flavour: Flavour, header: str, agent: str, method: str) -> None:
    request = build(URL, method, FORM, seal(flavour))
    names = {name.lower() for name in request.headers}
    assert request.headers["User-Agent"] == agent
    assert request.headers[header]
    if flavour == "kore":
        assert not any("twilio" in name for name in names)
        assert request.headers["kore-idempotency-token"] == "token-1"
        assert request.headers["date"] == "2026-01-02T03:04:05.678Z"
    else:
        assert not any("kore" in name for name in names)
        assert request.headers["I-Twilio-Idempotency-Token"] == "token-1"
        algorithm: Any = flavour.removeprefix("twilio-")
        signed = [] if method == "GET" else FORM
        assert request.headers[header] == sign_webhook("12345", request.url, signed, algorithm=algorithm)
    if flavour == "twilio-sha256":
        assert request.headers["X-Twilio-Webhooks-Signature-Settings"] == "key=CR1,algorithm=HMAC_SHA256"
    if method == "GET":
        assert (parse_qsl(urlsplit(request.url).query), request.body) == ([("x", "1"), *FORM], b"")
    else:
        assert (request.url, parse_qsl(request.body.decode())) == (URL, FORM)


def test_what_is_signed_is_what_the_receiver_sees() -> None:
    pairs = [("Payload", "hi")]
    for url in ("http://user:p%40ss@127.0.0.1:8000/hook?a=1", "http://127.0.0.1:8000/hook?a=1#rc=2"):
        request = build(url, "POST", pairs, seal())
        expected = sign_webhook("12345", "http://127.0.0.1:8000/hook?a=1", pairs)
        assert request.headers["X-Twilio-Signature"] == expected
    assert build("http://user:p%40ss@127.0.0.1/a@b", "GET", pairs, seal()).url == (
        "http://user:p%40ss@127.0.0.1/a@b?Payload=hi")
    told = build("https://u:p@h.example/x?y=1#rt=500", "POST", pairs, seal("kore"))
    assert told.headers["kore-signature"] == sign_kore_webhook("12345", "POST", "https://h.example/x", b"Payload=hi")


def test_json_is_signed_by_a_digest_in_the_query() -> None:
    request = build_json("http://127.0.0.1:1/events?a=1#rc=0", [{"id": "EZ1"}], seal())
    assert json.loads(request.body) == [{"id": "EZ1"}]
    assert request.url == f"http://127.0.0.1:1/events?a=1&bodySHA256={hashlib.sha256(request.body).hexdigest()}"
    assert request.headers["X-Twilio-Signature"] == sign_webhook("12345", request.url)
    assert request.headers["Content-Type"] == "application/json"
    assert request.overrides.retries == 0
    kore = build_json("http://127.0.0.1:1/events", {}, seal("kore"))
    assert kore.url == "http://127.0.0.1:1/events"
    assert kore.headers["kore-signature"] == sign_kore_webhook("12345", "POST", kore.url, b"{}")


@pytest.mark.parametrize(("fragment", "overrides"), [
    ("", Overrides()), ("ct=100&rt=200&tt=300&rc=5&rp=all", Overrides(
        connect=100, read=200, total=300, retries=5, policy=frozenset({"all"}))),
    ("rp=4xx,5xx", Overrides(policy=frozenset({"4xx", "5xx"}))), ("cbs=kore", Overrides(sender="kore")),
    ("ct=99&rt=15001&tt=-1&rc=6&rp=maybe&cbs=me&rc=", Overrides(wrong=("ct", "rt", "tt", "rc", "rp", "cbs", "rc"))),
    ("section-2", Overrides()), ("ct=99999999999999999999", Overrides(wrong=("ct",)))])
def test_overrides_count_within_their_bounds(fragment: str, overrides: Overrides) -> None:
    assert overrides_of(fragment) == overrides


@given(st.text(max_size=60))
def test_no_fragment_is_too_odd(fragment: str) -> None:
    found = overrides_of(fragment)
    assert 0 <= found.retries <= 5
    assert 100 <= found.connect <= 10_000


# -- over a real socket -----------------------------------------------------------------------------------------------


@contextmanager
def receiver(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[tuple[str, list[str]]]:
    taken: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            taken.append(self.path)
            answer(self)

        def log_message(self, format: str, *arguments: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook", taken
    server.shutdown()
    thread.join()
    server.server_close()


def status(code: int) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


@pytest.mark.parametrize(("code", "fragment", "attempts", "expected"), [
    (204, "", 1, 0), (200, "rc=3&rp=all", 1, 0), (500, "", 1, 11217), (500, "rc=3&rp=5xx", 4, 11217),
    (404, "rc=2&rp=5xx", 1, 11217), (404, "rc=2&rp=4xx", 3, 11217), (302, "rc=1&rp=all", 2, 11217)])
def test_what_is_tried_again(code: int, fragment: str, attempts: int, expected: int) -> None:
    with receiver(status(code)) as (url, taken):
        outcome = deliver(build(f"{url}#{fragment}", "POST", FORM, seal()))
    assert (outcome.code, outcome.status, outcome.attempts, len(taken)) == (expected, code, attempts, attempts)


def test_a_receiver_that_never_answers_is_left(unanswering: str) -> None:
    outcome = deliver(build(f"{unanswering}#rt=100&rc=1&rp=rt", "POST", FORM, seal()))
    assert (outcome.code, outcome.attempts) == (11201, 2)
    outcome = deliver(build(f"{unanswering}#rt=5000&tt=150&rc=5&rp=all", "POST", FORM, seal()))
    assert (outcome.code, outcome.attempts) == (11203, 1)


@pytest.fixture
def unanswering() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_refused_and_rubbish_have_their_codes() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    outcome = deliver(build(f"http://127.0.0.1:{port}/#rc=2", "POST", FORM, seal()))
    assert (outcome.code, outcome.attempts) == (11202, 3)

    def rubbish(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")

    with receiver(rubbish) as (url, _):
        assert deliver(build(url, "POST", FORM, seal())).code == 11206
