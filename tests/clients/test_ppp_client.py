"""A user-space PPP client dials in and gets an address.

pppd itself needs /dev/ppp, which few test machines have: ``test_pppd_script`` has it dial as far as that. The client
here is built on scapy's PPP layers and its own framing, and shares no line with the modem's side.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
import serial

from harness.clock import Stopwatch
from harness.virtual.internet.internet import VirtualInternet
from harness.virtual.internet.seams import CloseReason, TcpConnection

if TYPE_CHECKING:
    from tests.clients.conftest import Place

ppp = pytest.importorskip("scapy.layers.ppp", reason="scapy is not installed (PyPI)")
inet = pytest.importorskip("scapy.layers.inet")
dns = pytest.importorskip("scapy.layers.dns")

LCP, PAP, CHAP, IPCP, IP = 0xC021, 0xC023, 0xC223, 0x8021, 0x0021
REQUEST, ACK, NAK, REJECT, TERMINATE, TERMINATED, ECHO, ECHOED = 1, 2, 3, 4, 5, 6, 9, 10


def fcs(data: bytes) -> int:
    """Return the check sequence of RFC 1662 appendix C."""
    value = 0xFFFF
    for octet in data:
        value ^= octet
        for _ in range(8):
            value = value >> 1 ^ (0x8408 if value & 1 else 0)
    return value


class Client:
    """An asynchronous PPP link on a serial port, as pppd would hold it."""

    def __init__(self, port: serial.Serial, authentication: int) -> None:
        self.port = port
        self.authentication = authentication
        self.address = "0.0.0.0"
        self.dns = ["0.0.0.0", "0.0.0.0"]
        self.opened: set[tuple[int, str]] = set()
        self.proved = False
        self.packets: list[Any] = []
        self.ended = False
        self._buffer = bytearray()
        self._identifier = 0

    @property
    def rest(self) -> bytes:
        """What came behind the last flag."""
        return bytes(self._buffer)

    def send(self, protocol: int, payload: bytes) -> None:
        body = b"\xff\x03" + protocol.to_bytes(2, "big") + payload
        body += struct.pack("<H", fcs(body) ^ 0xFFFF)
        escaped = b"".join(bytes((0x7D, octet ^ 0x20)) if octet < 0x20 or octet in (0x7D, 0x7E) else bytes((octet,))
                           for octet in body)
        self.port.write(b"\x7e" + escaped + b"\x7e")

    def request(self, protocol: int) -> None:
        self._identifier += 1
        if protocol == LCP:
            options = [ppp.PPP_LCP_ACCM_Option(accm=0), ppp.PPP_LCP_Magic_Number_Option(magic_number=0x5EED)]
            self.send(LCP, bytes(ppp.PPP_LCP_Configure(code=REQUEST, id=self._identifier, options=options)))
        else:
            options = [ppp.PPP_IPCP_Option_IPAddress(data=self.address), ppp.PPP_IPCP_Option_DNS1(data=self.dns[0]),
                       ppp.PPP_IPCP_Option_DNS2(data=self.dns[1])]
            self.send(IPCP, bytes(ppp.PPP_IPCP(code=REQUEST, id=self._identifier, options=options)))

    def frames(self) -> list[bytes]:
        self._buffer += self.port.read(max(1, self.port.in_waiting))
        *whole, rest = bytes(self._buffer).split(b"\x7e")
        self._buffer[:] = rest
        found = []
        for frame in whole:
            octets = bytearray()
            escape = False
            for octet in frame:
                if octet == 0x7D:
                    escape = True
                else:
                    octets.append(octet ^ 0x20 if escape else octet)
                    escape = False
            if len(octets) > 6 and fcs(bytes(octets)) == 0xF0B8:
                body = bytes(octets[:-2])
                found.append(body[2:] if body[:2] == b"\xff\x03" else body)
        return found

    def until(self, condition: Callable[[], bool], what: str, seconds: float = 20) -> None:
        watch = Stopwatch()
        while not condition():
            assert watch.seconds < seconds, f"no {what}: opened {self.opened}"
            for frame in self.frames():
                self.take(frame)

    def take(self, frame: bytes) -> None:
        width = 1 if frame[0] & 1 else 2
        protocol, body = int.from_bytes(frame[:width], "big"), frame[width:]
        if protocol == LCP:
            self.link_control(body)
        elif protocol == CHAP and body[0] == 1:
            from hashlib import md5
            challenge = body[5:5 + body[4]]
            digest = md5(body[1:2] + b"word" + challenge).digest()
            self.send(CHAP, bytes((2, body[1])) + struct.pack(">H", 25) + b"\x10" + digest + b"user")
        elif (protocol == CHAP and body[0] == 3) or (protocol == PAP and body[0] == 2):
            self.proved = True
            self.request(IPCP)
        elif protocol == IPCP:
            self.addresses(ppp.PPP_IPCP(body))
        elif protocol == IP:
            self.packets.append(inet.IP(body))

    def link_control(self, body: bytes) -> None:
        if body[0] == REQUEST:
            asked = ppp.PPP_LCP_Configure(body)
            wanted = next((one for one in asked.options if one.type == 3), None)
            if wanted is not None and wanted.auth_protocol != self.authentication:
                data = b"\xc2\x23\x05" if self.authentication == CHAP else b"\xc0\x23"
                self.send(LCP, bytes((NAK, body[1])) + struct.pack(">H", 6 + len(data)) + bytes((3, 2 + len(data)))
                          + data)
                return
            self.send(LCP, bytes((ACK,)) + body[1:])
            self.opened.add((LCP, "theirs"))
        elif body[0] == ACK:
            self.opened.add((LCP, "ours"))
        elif body[0] == ECHO:
            self.send(LCP, bytes((ECHOED,)) + body[1:4] + struct.pack(">I", 0x5EED) + body[8:])
        elif body[0] in (TERMINATE, TERMINATED):
            self.ended = True
            return
        if {(LCP, "ours"), (LCP, "theirs")} <= self.opened and self.authentication == PAP and not self.proved:
            self.send(PAP, bytes(ppp.PPP_PAP_Request(id=1, username="user", password="word")))

    def addresses(self, packet: Any) -> None:
        if packet.code == REQUEST:
            self.send(IPCP, bytes((ACK,)) + bytes(packet)[1:])
            self.opened.add((IPCP, "theirs"))
        elif packet.code == ACK:
            self.opened.add((IPCP, "ours"))
        elif packet.code == NAK:
            told = {option.type: option.data for option in packet.options}
            self.address = told.get(3, self.address)
            self.dns = [told.get(129, self.dns[0]), told.get(131, self.dns[1])]
            self.request(IPCP)


def dialled(place: Place, authentication: int) -> Client:
    port = serial.Serial(str(place.link), 115200, timeout=0.05)
    for command, answer in ((b'AT+CGDCONT=1,"IP","super"\r', b"OK\r\n"), (b"ATD*99***1#\r", b"CONNECT")):
        port.timeout = 5
        port.write(command)
        assert port.read_until(answer).endswith(answer)
    port.read_until(b"\n")
    port.timeout = 0.05
    client = Client(port, authentication)
    client.request(LCP)
    client.until(lambda: {(IPCP, "ours"), (IPCP, "theirs")} <= client.opened, "address")
    return client


@pytest.mark.parametrize("authentication", [PAP, CHAP], ids=["pap", "chap"])
def test_a_client_gets_an_address_and_reaches_names(place: Place, authentication: int) -> None:
    client = dialled(place, authentication)
    assert client.address == place.modem.packet.active[1].ip
    assert client.address.startswith("100.")
    assert client.dns == list(place.modem.packet.active[1].dns)
    ping = inet.IP(src=client.address, dst="100.64.0.1") / inet.ICMP(id=7, seq=1) / b"hello"
    client.send(IP, bytes(ping))
    client.until(lambda: any(inet.ICMP in one and one[inet.ICMP].type == 0 for one in client.packets), "echo reply")
    question = (inet.IP(src=client.address, dst=client.dns[0]) / inet.UDP(sport=4000, dport=53)
                / dns.DNS(id=99, qd=dns.DNSQR(qname="no.such.host")))
    client.send(IP, bytes(question))
    client.until(lambda: any(dns.DNS in one for one in client.packets), "answer about a name")
    (answer,) = (one for one in client.packets if dns.DNS in one)
    assert (answer[dns.DNS].id, answer[dns.DNS].rcode, answer[inet.UDP].dport) == (99, 3, 4000)
    client.send(LCP, bytes((TERMINATE, 9, 0, 4)))
    client.until(lambda: client.ended and client.rest == b"\r\nNO CARRIER\r\n", "end of the link")
    client.port.timeout = 5
    client.port.write(b"AT+CGACT?\r")
    assert b"+CGACT: 1," in client.port.read_until(b"OK\r\n")
    client.port.close()


class Host:
    """Answers any request with a page, and closes."""

    def __init__(self, connection: TcpConnection, page: bytes) -> None:
        self.connection = connection
        self.page = page
        self.heard = b""

    def connected(self) -> None:
        raise AssertionError("it accepted, so it is not told")

    def received(self, data: bytes) -> None:
        self.heard += data
        if self.heard.endswith(b"\r\n\r\n"):
            assert self.connection.send(self.page) == len(self.page)
            self.connection.close()

    def closed(self, reason: CloseReason) -> None:
        pass


def test_a_client_with_its_own_tcp_fetches_a_page(place: Place) -> None:
    page = b"HTTP/1.0 200 OK\r\n\r\n" + bytes(range(256)) * 200
    hosts: list[Host] = []

    def accept(connection: TcpConnection) -> Host:
        hosts.append(Host(connection, page))
        return hosts[-1]

    with place.world.turn():
        internet = VirtualInternet(place.world)
        place.network.connect_internet(internet)
        ip = internet.add_host("example.com").on_tcp(80, accept).ip
    client = dialled(place, CHAP)

    def segment(flags: str, number: int, acknowledged: int, data: bytes = b"", port: int = 80) -> None:
        options = [("MSS", 1400)] if flags == "S" else []
        client.send(IP, bytes(inet.IP(src=client.address, dst=ip) / inet.TCP(
            sport=4321, dport=port, flags=flags, seq=number, ack=acknowledged, window=8000, options=options) / data))

    def answers() -> list[Any]:
        return [one[inet.TCP] for one in client.packets if inet.TCP in one]

    segment("S", 99, 0, port=81)
    client.until(lambda: bool(answers()), "refusal")
    assert str(answers()[0].flags) == "RA"
    assert answers()[0].ack == 100
    client.packets.clear()
    segment("S", 1000, 0)
    client.until(lambda: bool(answers()), "answer to SYN")
    assert str(answers()[0].flags) == "SA"
    expected = answers()[0].seq + 1
    client.packets.clear()
    request = b"GET / HTTP/1.0\r\nHost: example.com\r\n\r\n"
    segment("A", 1001, expected)
    segment("PA", 1001, expected, request)
    got = b""
    ended = False

    def fetched() -> bool:
        nonlocal got, expected, ended
        for one in answers():
            assert one.dport == 4321
            if one.seq == expected & 0xFFFFFFFF:
                data = bytes(one.payload)
                ended |= "F" in str(one.flags)
                got += data
                expected += len(data) + ("F" in str(one.flags))
                segment("A", 1001 + len(request), expected)
        client.packets.clear()
        return ended

    client.until(fetched, "page")
    assert got == page
    assert hosts[0].heard == request
    segment("FA", 1001 + len(request), expected)
    client.until(lambda: any(one.ack == 1002 + len(request) for one in answers()), "acknowledgement of the end")
    client.port.close()
