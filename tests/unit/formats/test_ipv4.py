"""IPv4, UDP, ICMP and DNS octets."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.formats import ipv4

ADDRESSES = st.ip_addresses(v=4).map(str)
PORTS = st.integers(0, 65_535)


def test_the_checksum_of_the_rfc() -> None:
    assert ipv4.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D  # RFC 1071 clause 3: sum 0xddf2


@given(ADDRESSES, ADDRESSES, PORTS, PORTS, st.binary(max_size=100))
def test_datagrams_come_back(source: str, destination: str, first: int, second: int, payload: bytes) -> None:
    packet = ipv4.Packet.decode(ipv4.udp((source, first), (destination, second), payload).encode())
    assert (packet.source, packet.destination) == (source, destination)
    assert ipv4.parse_udp(packet) == (first, second, payload)


@given(st.binary(max_size=80))
def test_noise_is_refused_and_nothing_else(noise: bytes) -> None:
    with contextlib.suppress(FormatError):
        ipv4.Packet.decode(noise)


def test_damage_and_fragments_are_told() -> None:
    good = ipv4.udp(("10.0.0.1", 1), ("10.0.0.2", 2), b"x").encode()
    with pytest.raises(FormatError, match="checksum"):
        ipv4.Packet.decode(good[:8] + b"\x01" + good[9:])
    with pytest.raises(FormatError, match="does not hold"):
        ipv4.Packet.decode(good[:-1])
    with pytest.raises(FormatError, match="UDP"):
        ipv4.parse_udp(ipv4.Packet.decode(good[:-1] + b"y"))


def test_an_echo_is_answered() -> None:
    body = bytes.fromhex("0800000012340001") + b"ping"
    request = ipv4.Packet(source="10.0.0.1", destination="1.1.1.1", protocol=ipv4.ICMP, payload=body)
    reply = ipv4.echo_reply(request)
    assert reply is not None
    assert (reply.source, reply.destination, reply.payload[0]) == ("1.1.1.1", "10.0.0.1", 0)
    assert reply.payload[4:] == body[4:]
    assert ipv4.checksum(reply.payload) == 0
    assert ipv4.echo_reply(reply) is None


def test_a_connection_is_reset() -> None:
    syn = bytes.fromhex("c00000500000000a00000000500200000000 0000".replace(" ", ""))
    packet = ipv4.Packet(source="10.0.0.1", destination="1.1.1.1", protocol=ipv4.TCP, payload=syn)
    reset = ipv4.tcp_reset(packet)
    assert reset is not None
    assert reset.payload[:4] == bytes.fromhex("0050c000")
    assert int.from_bytes(reset.payload[8:12], "big") == 11
    assert reset.payload[13] == 0x14
    assert ipv4.tcp_reset(reset) is None


def test_names_are_asked_and_answered() -> None:
    query = bytes.fromhex("abcd01000001000000000000") + b"\7example\3com\0" + b"\0\1\0\1"
    assert ipv4.dns_question(query) == ("example.com", 1, len(query))
    answer = ipv4.dns_answer(query, ("192.0.2.1",))
    assert answer[:4] == bytes.fromhex("abcd8180")
    assert answer.endswith(bytes((192, 0, 2, 1)))
    assert ipv4.dns_answer(query, ())[3] & 0xF == 3
    assert ipv4.dns_question(answer) is None
    assert ipv4.dns_question(query[:-1] + b"\3") is None  # of another network


def test_there_are_no_other_records_than_addresses() -> None:
    query = bytes.fromhex("abcd01000001000000000001") + b"\7example\3com\0" + b"\0\x1c\0\1" + b"what EDNS adds"
    question = ipv4.dns_question(query)
    assert question is not None
    assert (question.name, question.asks_addresses) == ("example.com", False)
    known = ipv4.dns_answer(query, ("192.0.2.1",))
    assert known == bytes.fromhex("abcd81800001000000000000") + query[12:question.end]
    assert ipv4.dns_answer(query, ())[3] & 0xF == 3


@given(st.binary(max_size=60))
def test_any_query_is_bounded(query: bytes) -> None:
    if ipv4.dns_question(query) is not None:
        ipv4.dns_answer(query, ("192.0.2.1",))


@given(st.text(max_size=300))
def test_a_query_for_any_name_can_be_answered(host: str) -> None:
    query = ipv4.dns_query(host, identifier=1)
    assert len(query) <= 12 + 255 + 4
    assert ipv4.dns_answer(query, ("192.0.2.1",)).endswith(bytes((192, 0, 2, 1)))
