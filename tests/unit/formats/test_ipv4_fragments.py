"""IPv4 packets in pieces: scapy cuts and joins them, too."""

from __future__ import annotations

import random  # noqa: TID251 - a generator of its own with a fixed seed

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import FormatError
from harness.formats import ipv4
from harness.formats.ipv4_fragments import LIFETIME, MAX_PENDING, Reassembler, fragments


def datagram(octets: int) -> ipv4.Packet:
    return ipv4.udp(("10.0.0.1", 1), ("10.0.0.2", 2), bytes(number % 251 for number in range(octets)))


@given(st.integers(0, 65_507), st.integers(68, 1_500), st.randoms(use_true_random=False))
def test_pieces_in_any_order_make_the_packet(octets: int, longest: int, chance: random.Random) -> None:
    whole = datagram(octets % 9_000)
    pieces = list(fragments(whole, longest, identification=7))
    assert all(len(piece.encode()) <= longest for piece in pieces)
    assert all(len(piece.payload) % 8 == 0 for piece in pieces if piece.more)
    chance.shuffle(pieces)
    one = Reassembler()
    made = [one.take(ipv4.Packet.decode(piece.encode()), 0) for piece in pieces]
    assert made[:-1] == [None] * (len(pieces) - 1)
    assert made[-1] is not None
    assert (made[-1].payload, made[-1].is_fragment) == (whole.payload, False)


def test_scapy_joins_what_we_cut_and_we_what_it_cuts() -> None:
    inet = pytest.importorskip("scapy.layers.inet")
    whole = datagram(5_000)
    joined = inet.defragment([inet.IP(piece.encode()) for piece in fragments(whole, 1_500, identification=9)])
    assert [bytes(packet.payload) for packet in joined] == [whole.payload]
    one = Reassembler()
    packet = inet.IP(src="10.0.0.1", dst="10.0.0.2", id=5) / inet.UDP(sport=1, dport=2) / bytes(5_000)
    cut = inet.fragment(packet, 1_000)
    made = [one.take(ipv4.Packet.decode(bytes(piece)), 0) for piece in cut]
    assert made[-1] is not None
    assert ipv4.parse_udp(made[-1]) == (1, 2, bytes(5_000))


def test_pieces_that_wait_too_long_are_forgotten() -> None:
    first, second = fragments(datagram(2_000), 1_500, identification=1)
    one = Reassembler()
    assert one.take(first, 0) is None
    assert one.take(second, LIFETIME + 1) is None
    assert one.take(first, LIFETIME + 2) is not None


def test_what_waits_is_bounded() -> None:
    one = Reassembler()
    firsts = [fragments(datagram(2_000), 1_500, identification=number)[0] for number in range(2 * MAX_PENDING)]
    for first in firsts:
        assert one.take(first, 0) is None
    assert repr(one) == f"Reassembler({MAX_PENDING} packets pending)"

    def piece(offset: int, octets: int) -> ipv4.Packet:
        return ipv4.Packet(source="10.0.0.1", destination="10.0.0.9", protocol=ipv4.UDP, payload=bytes(octets),
                           offset=offset, more=True)

    with pytest.raises(FormatError, match="more than one can have"):
        one.take(piece(65_000, 1_000), 0)
    for number in range(1, 257):
        assert one.take(piece(8 * number, 8), 0) is None
    with pytest.raises(FormatError, match="more than one can have"):
        one.take(piece(8 * 257, 8), 0)


@given(st.lists(st.tuples(st.integers(0, 100), st.binary(max_size=40), st.booleans()), max_size=30))
def test_any_pieces_are_taken(pieces: list[tuple[int, bytes, bool]]) -> None:
    one = Reassembler()
    for offset, payload, more in pieces:
        packet = ipv4.Packet(source="10.0.0.1", destination="10.0.0.2", protocol=17, payload=payload, offset=8 * offset,
                             more=more)
        whole = one.take(ipv4.Packet.decode(packet.encode()), 0)
        assert whole is None or not whole.is_fragment
