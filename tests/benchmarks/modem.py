"""Figures of the modem: round trips, the way of an SMS Command, a thousand modems, idle ports, the TPDU codec.

A section of ``tox -e bench``: :func:`sections` hands them to the runner.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
Show = Callable[..., None]
_MODEMS = 1_000


def sections(section: Callable[[Callable[[], None]], Callable[[], None]], show: Show) -> None:
    """Add the sections of this module to a runner's."""

    @section
    def sms() -> None:
        """An SMS Command by POST to +CMT at the client, in real time without latencies."""
        _way_of_a_command(show)

    @section
    def fleet() -> None:
        """A thousand registered modems through an hour of virtual time."""
        _fleet(show, messages=False)
        _fleet(show, messages=True)

    @section
    def idle() -> None:
        """Processor time of 50 registered modems whose ports one process holds open and silent."""
        _idle_ports(show)

    @section
    def tpdu() -> None:
        """TPDUs decoded a second, beside other people's decoders in the same run."""
        _decoders(show)


def round_trips(port: Any, count: int) -> list[float]:
    """Return how long each AT -> OK took, in seconds and in order."""
    times = []
    for _ in range(count):
        began = time.perf_counter()
        port.write(b"AT\r")
        answer = port.read(6)
        times.append(time.perf_counter() - began)
        assert answer == b"\r\nOK\r\n", answer
    return sorted(times)


def bare_round_trips(count: int) -> list[float]:
    """Return the same for a process that does nothing but answer: what this machine's terminals allow."""
    import serial

    code = ("import os, sys, tty\nmaster, slave = os.openpty()\ntty.setraw(slave)\n"
            "print(os.ttyname(slave), flush=True)\nos.read(master, 99)\n"
            "os.close(slave)\nos.write(master, b'\\r\\nOK\\r\\n')\n"
            "while os.read(master, 4096):\n    os.write(master, b'\\r\\nOK\\r\\n')\n")
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = serial.Serial(process.stdout.readline().decode().strip(), timeout=1)
        try:
            return round_trips(port, count)
        finally:
            process.kill()
            port.close()


# -- the way of a command ---------------------------------------------------------------------------------------------


@contextmanager
def _stack() -> Iterator[dict[str, Any]]:
    """A whole stack in a process of its own, without latencies."""
    with tempfile.TemporaryDirectory() as runtime:
        rig = Path(runtime) / "rig.toml"
        rig.write_text(_RIG, encoding="utf-8")
        process = subprocess.Popen([sys.executable, "-P", "-m", "harness.cli", "up", "--json", "--rig", str(rig)],
                                   stdout=subprocess.PIPE, cwd=ROOT,
                                   env={"XDG_RUNTIME_DIR": runtime, "PATH": os.environ["PATH"]})
        assert process.stdout is not None
        try:
            doors = json.loads(process.stdout.readline())
            threading.Thread(target=process.stdout.read, daemon=True).start()  # the journal goes on there
            yield doors
        finally:
            process.terminate()
            process.wait()


_RIG = """
[network]
sms_latency = "0s"
registration = "0s"
"""


def _way_of_a_command(show: Show) -> None:
    import base64
    import http.client
    from urllib.parse import urlencode, urlsplit

    import serial

    with _stack() as doors:
        port = serial.Serial(doors["modems"][0]["port"], timeout=5)
        port.write(b"ATE0\r")
        port.read_until(b"OK\r\n")
        time.sleep(6)  # its boot sequence is in real time
        port.reset_input_buffer()
        port.write(b"AT+CMGF=1;+CNMI=2,2,0,0,0\r")
        assert port.read_until(b"OK\r\n") == b"\r\nOK\r\n"
        where = urlsplit(doors["urls"]["supersim"])
        connection = http.client.HTTPConnection(str(where.hostname), where.port)
        basic = base64.b64encode(f"{doors['account_sid']}:{doors['auth_token']}".encode()).decode()
        headers = {"Authorization": f"Basic {basic}", "Content-Type": "application/x-www-form-urlencoded"}
        times: list[float] = []
        for number in range(400):
            body = urlencode({"Sim": doors["modems"][0]["sim_sid"], "Payload": f"LED {number}"})
            came: list[float] = []

            def listen(number: int = number, came: list[float] = came) -> None:
                said = port.read_until(f"LED {number}\r\n".encode())
                came.append(time.perf_counter())
                assert said.startswith(b'\r\n+CMT: "000"'), said

            listener = threading.Thread(target=listen)
            listener.start()
            began = time.perf_counter()
            connection.request("POST", "/v1/SmsCommands", body, headers)
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 201, answer.status
            listener.join()
            times.append(came[0] - began)
        port.close()
    times.sort()
    show("POST of an SmsCommand to +CMT at the client", f"p50 {times[len(times) // 2] * 1e3:.2f} ms",
         f"p99 {times[len(times) * 99 // 100] * 1e3:.2f} ms (at most 5 ms p50)")


# -- a thousand modems ------------------------------------------------------------------------------------------------


class _Api:
    """POSTs to the API's application as a server would, without a connection."""

    def __init__(self, cloud: Any) -> None:
        import base64

        from harness.virtual.cloud.http.front import Front

        self._front = Front(cloud, {})
        basic = base64.b64encode(f"{cloud.account_sid}:{cloud.auth_token}".encode())
        self._headers = [(b"host", b"supersim.twilio.com"), (b"authorization", b"Basic " + basic),
                         (b"content-type", b"application/x-www-form-urlencoded")]

    def post(self, path: str, body: bytes) -> int:
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        scope = {"type": "http", "method": "POST", "scheme": "https", "path": path, "raw_path": path.encode(),
                 "query_string": b"", "server": ("127.0.0.1", 443),
                 "headers": [*self._headers, (b"content-length", b"%d" % len(body))]}
        running = self._front(scope, receive, send)
        try:
            running.send(None)
        except StopIteration:
            return status
        raise AssertionError("the API waits for something")


def _fleet(show: Show, *, messages: bool) -> None:
    from harness.virtual.cloud import Cloud
    from harness.virtual.modem import SimCard, VirtualModem
    from harness.virtual.network import Network
    from harness.virtual.uplink import Uplink
    from harness.virtual.world import World

    world = World(seed=1)
    network = Network(world)
    cloud = Cloud(world, messaging=network, uplink=Uplink(world))
    network.connect_cloud(cloud)
    api = _Api(cloud)
    arrived = 0

    def heard(data: bytes) -> None:
        nonlocal arrived
        arrived += data.count(b"+CMT:")

    began = time.perf_counter()
    sids = []
    for number in range(_MODEMS):
        iccid = f"8988307{number:012d}"
        sids.append(cloud.add_sim(iccid))
        modem = VirtualModem(world, network, name=f"modem-{number}", sim=SimCard(iccid, f"31017{number:010d}"))
        port = modem.add_port(heard)
        modem.power_on()
        world.call_later("20s", partial(port.receive, b"AT+CMGF=1;+CNMI=2,2,0,0,0\r"), name="bench")
    world.clock.sleep("60s")
    started, began, processor = time.perf_counter() - began, time.perf_counter(), time.process_time()
    minute = 60_000_000_000

    def round_of(minutes_left: int) -> None:
        for number, sid in enumerate(sids):
            world.call_at(world.now() + number * minute // _MODEMS,
                          partial(_command, api, sid), name="bench")
        if minutes_left > 1:
            world.call_at(world.now() + minute, lambda: round_of(minutes_left - 1), name="bench")

    if messages:
        round_of(60)
    world.clock.sleep("3600s")
    took, processor = time.perf_counter() - began, time.process_time() - processor
    world.clock.sleep("60s")
    if messages:
        assert arrived == 60 * _MODEMS, arrived
        show(f"{_MODEMS:,} modems, one SMS Command a minute each, for an hour", f"{took:.1f} s",
             f"{arrived / took:,.0f} messages/s through API, SMS centre and AT; {processor:.1f} s of processor time "
             f"(at most 60 s)")
    else:
        show(f"{_MODEMS:,} modems, idle, for an hour", f"{took:.2f} s", f"started in {started:.1f} s (at most 5 s)")
    world.close()


def _command(api: _Api, sid: str) -> None:
    status = api.post("/v1/SmsCommands", f"Sim={sid}&Payload=LED+ON".encode())
    assert status == 201, status


# -- idle ports -------------------------------------------------------------------------------------------------------

_HOLDER = """
import sys, tempfile, time
from pathlib import Path
from harness.clock import RealClock
from harness.virtual.cloud import Cloud
from harness.virtual.modem import SimCard, VirtualModem
from harness.virtual.network import Network
from harness.virtual.uplink import Uplink
from harness.virtual.world import World
world = World(clock=RealClock())
network = Network(world)
cloud = Cloud(world, messaging=network, uplink=Uplink(world))
network.connect_cloud(cloud)
with tempfile.TemporaryDirectory() as folder:
    world.start()
    for number in range(50):
        with world.turn():
            iccid = f"8988307{number:012d}"
            cloud.add_sim(iccid)
            modem = VirtualModem(world, network, name=f"modem-{number}", link=Path(folder) / f"ttyVM{number}",
                                 sim=SimCard(iccid, f"31017{number:010d}"))
            modem.power_on()
        print(modem.ports.addresses[0], flush=True)
    sys.stdin.readline()
    before = time.process_time()
    time.sleep(10)
    print((time.process_time() - before) / 10, flush=True)
    sys.stdin.readline()
"""


def _idle_ports(show: Show) -> None:
    import serial

    for held in (True, False):
        with subprocess.Popen([sys.executable, "-c", _HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              cwd=ROOT) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            names = [process.stdout.readline().decode().strip() for _ in range(50)]
            ports = [serial.Serial(name) for name in names] if held else []
            time.sleep(10)
            process.stdin.write(b"\n")
            process.stdin.flush()
            share = float(process.stdout.readline())
            for port in ports:
                port.close()
            process.kill()
        show(f"50 modems on terminals, {'clients silent' if held else 'no clients'}", f"{share * 100:.2f} % CPU",
             "(less than 5 %)")


# -- the codec --------------------------------------------------------------------------------------------------------


def _decoders(show: Show) -> None:
    from harness.formats.sms import Deliver, decode_from_network, split_sca

    at = datetime(2026, 11, 21, 12, 30, tzinfo=UTC)
    texts = ("LED ON", "0123456789 {}" * 10, "Ελληνικά, привет")
    short, long, ucs2 = (f"07912160130300F4{Deliver.for_text(text, originator='000', timestamp=at).encode().hex()}"
                         .upper() for text in texts)

    def ours(pdu: str) -> object:
        return decode_from_network(split_sca(bytes.fromhex(pdu))[1])

    rates = {"microvisor-harness": _rates(ours, (short, long, ucs2))}
    try:
        from smspdudecoder.easy import read_incoming_sms
    except ImportError:
        show("smspdudecoder", "not installed")
    else:
        rates["smspdudecoder"] = _rates(read_incoming_sms, (short, long, ucs2))
    try:
        from gsmmodem.pdu import decodeSmsPdu
    except ImportError:
        show("python-gsmmodem-new", "not installed")
    else:
        rates["python-gsmmodem-new"] = _rates(decodeSmsPdu, (short, long, ucs2))
    base = rates["microvisor-harness"]
    for name, found in rates.items():
        show(f"SMS-DELIVER decoded by {name}", f"{found[0]:,.0f}/s",
             f"long {found[1]:,.0f}/s, UCS2 {found[2]:,.0f}/s"
             + (" (at least 5,000/s)" if found is base else f"; ours is {base[0] / found[0]:.1f} x as fast"))


def _rates(decode: Callable[[str], object], pdus: tuple[str, ...]) -> list[float]:
    found = []
    for pdu in pdus:
        rounds = []
        for _ in range(5):
            began, count = time.perf_counter(), 0
            while (took := time.perf_counter() - began) < 0.2:
                decode(pdu)
                count += 1
            rounds.append(count / took)
        found.append(statistics.median(rounds))
    return found
