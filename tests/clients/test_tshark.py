"""Wireshark's reader judges captures: what it decodes is what was sent. It judges the TPDU codec in the same way."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from harness.drivers.webhook_sink import WebhookSink
from harness.errors import CommandFailed, ModemError
from harness.formats import gsmtap, ipv4
from harness.formats.pcapng import PcapngWriter
from harness.formats.sms import (
    Address,
    Alphabet,
    Command,
    DataCoding,
    Deliver,
    StatusReport,
    Submit,
)
from harness.formats.sms.relay import nas_transport, rp_data
from harness.rig import RigOpener
from harness.rig.load import load_rig
from harness.virtual.internet.seams import CloseReason, TcpConnection
from harness.virtual.network import Network
from harness.virtual.world import World

pytestmark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def packets(capture: Path, *fields: str) -> list[dict[str, list[str]]]:
    """Return, for each packet, the values of these fields as tshark reads them."""
    done = subprocess.run(["tshark", "-r", str(capture), "-T", "json", *(f"-e{name}" for name in fields)],
                          check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "malformed" not in done.stdout.lower()
    return [packet["_source"]["layers"] for packet in json.loads(done.stdout)]


def expert(capture: Path) -> str:
    """Return what tshark finds wrong, from warnings up."""
    return subprocess.run(["tshark", "-r", str(capture), "-q", "-z", "expert,warn"], check=True, capture_output=True,
                          text=True, timeout=60).stdout


@dataclass
class Pong:
    """A host that answers whatever it gets."""

    connection: TcpConnection

    def connected(self) -> None: ...

    def received(self, data: bytes) -> None:
        self.connection.send(b"pong")

    def closed(self, reason: CloseReason) -> None: ...


@pytest.fixture
def opener() -> Iterator[RigOpener]:
    opener = RigOpener(load_rig(None), devices="virtual", capture=True)
    yield opener
    opener.close()


def test_a_day_at_the_network(opener: RigOpener, tmp_path: Path) -> None:
    rig = opener.open()
    rig.internet.add_host("api.example.com", address="203.0.113.7").on_tcp(80, Pong)
    try:
        modem, webhooks = rig.modem(), rig.webhooks
        assert isinstance(webhooks, WebhookSink)
        modem.registered(within="60s")
        iccid = modem.iccid
        sim = rig.cloud.supersim.sim(iccid)
        sim.send_sms("LED ON ÄÖ")
        modem.expect_sms("LED ON ÄÖ", within="60s")
        modem.send_sms("000", "наконец")
        modem.send_sms("000", "long " * 60)
        socket = modem.udp_open(6969)
        sim.send_ip(b"temperature?", port=6969)
        socket.expect(b"temperature?", within="60s")
        socket.send(b"21.5", to=("100.64.0.1", 6969))
        modem.command('AT+QIOPEN=1,2,"TCP","api.example.com",80,0,1')
        modem.expect_urc("+QIOPEN", matching="2,0", within="30s")
        modem.command("AT+QISEND=2,4", data=b"ping")
        modem.expect_urc("+QIURC", matching='"recv",2', within="30s")
        modem.command("AT+QICLOSE=2")
        modem.command('AT+QPING=1,"203.0.113.7",4,1')
        rig.clock.sleep("30s")
        assert rig.capture is not None
        capture = tmp_path / "day.pcapng"
        capture.write_bytes(rig.capture.octets())
    finally:
        rig.close()

    seen = packets(capture, "gsm_sms.sms_text", "gsm_a.rp.msg_type", "udp.payload", "tcp.flags.str", "tcp.payload",
                   "dns.qry.name", "dns.a", "icmp.type", "frame.interface_name", "frame.comment")
    texts = [text for packet in seen for text in packet.get("gsm_sms.sms_text", [])]
    assert texts[:2] == ["LED ON ÄÖ", "наконец"]
    assert "".join(texts[-2:]) == "long " * 60, "the last part is shown with those before it"
    messages = [kind for packet in seen for kind in packet.get("gsm_a.rp.msg_type", [])]
    assert messages.count("0x02") == messages.count("0x01") > 0, "what the device got it acknowledged"
    assert messages.count("0x00") == messages.count("0x03") > 0, "what the device sent was acknowledged"
    payloads = [bytes.fromhex(payload) for packet in seen for payload in packet.get("udp.payload", [])]
    assert b"temperature?" in payloads
    assert b"21.5" in payloads
    assert [name for packet in seen for name in packet.get("dns.qry.name", [])] == 2 * ["api.example.com"]
    assert ["203.0.113.7"] in [packet.get("dns.a") for packet in seen]
    flags = [packet["tcp.flags.str"][0].strip("·") for packet in seen if "tcp.flags.str" in packet]
    assert flags[:3] == ["S", "A··S", "A"]
    stream = b"".join(bytes.fromhex(payload) for packet in seen for payload in packet.get("tcp.payload", []))
    assert stream == b"pingpong"
    assert [kind for packet in seen for kind in packet.get("icmp.type", [])] == ["8", "0"]
    assert {packet["frame.interface_name"][0] for packet in seen} == {"sms", "ip"}
    assert {packet["frame.comment"][0] for packet in seen} == {iccid}
    assert "Errors" not in expert(capture)


def test_what_goes_wrong_is_dissected_too(opener: RigOpener, tmp_path: Path) -> None:
    rig = opener.open()
    rig.internet.add_host("api.example.com", address="203.0.113.7").on_tcp(80, Pong)
    try:
        modem = rig.modem()
        modem.registered(within="60s")
        sim = rig.cloud.supersim.sim(modem.iccid)
        modem.command("AT+CMGS=19", data=b"002100038100F000000BF7341D0D9297E16F391D\x1a")  # wants a status report
        rig.clock.sleep("10s")
        with pytest.raises(CommandFailed):
            modem.send_sms("4711", "to nobody")
        rig.clock.sleep("10s")
        with rig.faults.sms.store_full():
            sim.send_sms("no room")
            rig.clock.sleep("5s")
        modem.command("AT+CMGD=1,4")
        modem.expect_sms("no room", within="5min")
        rig.faults.sms.answer_lost(by="2s")
        with pytest.raises(CommandFailed):
            modem.send_sms("000", "heard all the same")
        with modem.tcp_open("api.example.com", 80) as connection:
            connection.send(b"ping")
            connection.expect(b"pong", within="30s")
        with pytest.raises(ModemError):
            modem.tcp_open("api.example.com", 81)
        modem.command('AT+QPING=1,"203.0.113.7",4,2')
        rig.clock.sleep("30s")
        assert rig.capture is not None
        capture = tmp_path / "wrong.pcapng"
        capture.write_bytes(rig.capture.octets())
    finally:
        rig.close()

    seen = packets(capture, "gsm_a.rp.msg_type", "gsm_a.rp.cause", "gsm_sms.tp-mti", "tcp.flags.str", "icmp.type",
                   "icmp.seq", "icmp.resp_in")
    messages = [kind for packet in seen for kind in packet.get("gsm_a.rp.msg_type", [])]
    assert messages[:6] == ["0x00", "0x03", "0x01", "0x02", "0x00", "0x05"], "report asked for and got, and an RP-ERROR"
    assert messages[6:9] == ["0x01", "0x04", "0x06"], "refused for want of memory, until there is room (RP-SMMA)"
    assert messages[-2:] == ["0x02", "0x00"], "an answer that was lost is not there"
    assert "2" in [kind for packet in seen for kind in packet.get("gsm_sms.tp-mti", [])], "the status report"
    assert [int(cause) for packet in seen for cause in packet.get("gsm_a.rp.cause", [])][:2] == [8, 22]
    flags = [packet["tcp.flags.str"][0].strip("·").replace("·", "") for packet in seen if "tcp.flags.str" in packet]
    assert flags == ["S", "AS", "A", "AP", "AP", "AF", "A", "AF", "A", "S", "AR"]
    assert [(packet["icmp.type"], packet["icmp.seq"]) for packet in seen if "icmp.type" in packet] == [
        (["8"], ["1"]), (["0"], ["1"]), (["8"], ["2"]), (["0"], ["2"])]
    assert "Errors" not in expert(capture)


_NOW = datetime(2026, 11, 25, 12, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize(("tpdu", "uplink", "expected"), [
    pytest.param(Deliver(originator=Address.parse("000"), timestamp=_NOW, text="café {}").encode(), False,
                 {"gsm_sms.tp-mti": "0", "gsm_sms.sms_text": "café {}", "gsm_sms.tp-oa": "000"}, id="deliver"),
    pytest.param(Deliver(originator=Address.parse("Twilio"), timestamp=_NOW, text="hi").encode(), False,
                 {"gsm_sms.tp-oa": "Twilio", "gsm_sms.sms_text": "hi"}, id="alphanumeric originator"),
    pytest.param(Submit(destination=Address.parse("+12065550100"), text="λ" * 70, message_reference=7,
                        validity=timedelta(hours=24), coding=DataCoding.general(Alphabet.UCS2)).encode(), True,
                 {"gsm_sms.tp-mti": "1", "gsm_sms.tp-mr": "7", "gsm_sms.tp-da": "12065550100",
                  "gsm_sms.sms_text": "λ" * 70}, id="submit"),
    pytest.param(StatusReport(message_reference=9, recipient=Address.parse("000"), timestamp=_NOW,
                              discharge_time=_NOW, status=0x46).encode(), False,
                 {"gsm_sms.tp-mti": "2", "gsm_sms.tp-mr": "9", "gsm_sms.tp-ra": "000",
                  "gsm_sms.scts.hour": "12"}, id="status report"),
    pytest.param(Command(message_reference=3, command_type=2, message_number=9,
                         destination=Address.parse("000")).encode(), True,
                 {"gsm_sms.tp-mti": "2", "gsm_sms.tp-mr": "3", "gsm_sms.tp.message_number": "9",
                  "gsm_sms.tp.command_type": "2"}, id="command"),
])
def test_tpdus_as_wireshark_reads_them(tpdu: bytes, uplink: bool, expected: dict[str, str],
                                       tmp_path: Path) -> None:
    message = rp_data(tpdu, Address.parse("+12063130004"), reference=1, uplink=uplink)
    nas = nas_transport(message, transaction=1, uplink=uplink, answer=False)
    packet = ipv4.udp(("127.0.0.1", gsmtap.PORT), ("127.0.0.1", gsmtap.PORT), gsmtap.nas_message(nas, uplink=uplink))
    writer = PcapngWriter(["sms"])
    capture = tmp_path / "one.pcapng"
    capture.write_bytes(writer.header() + writer.packet(0, 0, packet.encode()))
    (seen,) = packets(capture, "_ws.malformed", *expected)
    assert "_ws.malformed" not in seen
    assert {name: _plain(seen[name][0]) for name in expected} == expected


def _plain(value: Any) -> str:
    return str(int(value, 16)) if isinstance(value, str) and value.startswith("0x") else str(value)


def test_mvh_up_writes_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import requests

    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    capture = tmp_path / "live.pcapng"
    process = subprocess.Popen([sys.executable, "-m", "harness.cli", "up", "--json", "--pcap", str(capture)],
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    doors = json.loads(process.stdout.readline())
    requests.post(f"{doors['urls']['supersim']}/v1/SmsCommands", timeout=20,
                  auth=(doors["account_sid"], doors["auth_token"]),
                  data={"Sim": doors["modems"][0]["sim_sid"], "Payload": "hello"}).raise_for_status()
    for line in process.stdout:
        if json.loads(line)["event"] == "sms_delivered":
            break
    assert "hello" in [text for packet in packets(capture, "gsm_sms.sms_text")
                       for text in packet.get("gsm_sms.sms_text", [])], "while it runs"
    process.send_signal(signal.SIGINT)
    process.stdout.close()
    assert process.wait(15) == 0


@pytest.mark.parametrize("text", ["Flood warning: leave the valley now. " * 4, "Наводнение"])
def test_a_cell_broadcast(tmp_path: Path, text: str) -> None:
    """Blocks, pages and message are put together by Wireshark's own dissectors."""
    world, capture, octets = World(seed=1), tmp_path / "broadcast.pcapng", bytearray()
    network = Network(world)
    network.capture.start(octets.extend)
    said = network.broadcast(text, message_id=50, serial=0x4011)
    world.clock.sleep("1min")
    capture.write_bytes(octets)
    seen = packets(capture, "gsm_cbs.serial_number", "gsm_cbs.message-identifier", "gsm_cbs.current_page",
                   "gsm_cbs.page_content", "gsm_cbs.message_content")
    assert len(seen) == 4 * len(said.pages)
    found = [packet for packet in seen if "gsm_cbs.current_page" in packet]
    assert [int(packet["gsm_cbs.current_page"][0], 0) for packet in found] == [page.page for page in said.pages]
    assert {int(packet["gsm_cbs.serial_number"][0], 0) for packet in found} == {0x4011}
    assert {int(packet["gsm_cbs.message-identifier"][0], 0) for packet in found} == {50}
    assert "".join(packet["gsm_cbs.page_content"][0] for packet in found).replace("\r", "") == text
    assert "Errors" not in expert(capture)
