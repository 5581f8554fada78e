"""The multiplexer, driven as a host driver drives it (3GPP TS 27.010)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from harness.formats.cmux import Frame, FrameReader, FrameType, Message, MessageType, decode_messages
from harness.virtual.modem.packet import ContextDefinition

if TYPE_CHECKING:
    Bench = Any


class Host:
    """The other end of the line."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.reader = FrameReader()
        bench.at("+CMUX=0,0,5,127")

    def send(self, dlci: int, kind: FrameType, information: bytes = b"") -> list[Frame]:
        poll = kind in (FrameType.SABM, FrameType.DISC)
        return self.raw(Frame(dlci=dlci, type=kind, information=information, poll=poll).encode())

    def raw(self, octets: bytes) -> list[Frame]:
        return self.reader.feed(self.bench.type(octets))

    def control(self, kind: int, values: bytes = b"") -> list[Message]:
        frames = self.send(0, FrameType.UIH, Message(type=kind, values=values).encode())
        return [message for frame in frames for message in decode_messages(frame.information)]

    def open(self, *channels: int) -> None:
        for dlci in (0, *channels):
            answers = self.send(dlci, FrameType.SABM)
            assert answers[0].type is FrameType.UA
            assert answers[0].dlci == dlci
            assert answers[0].poll

    def at(self, dlci: int, command: bytes) -> bytes:
        return b"".join(frame.information for frame in self.send(dlci, FrameType.UIH, b"AT" + command + b"\r")
                        if frame.dlci == dlci)


@pytest.fixture
def host(bench: Bench) -> Host:
    return Host(bench)


def test_each_channel_is_an_at_port_of_its_own(host: Host) -> None:
    host.open(1, 2)
    host.at(1, b"E0")
    assert host.at(1, b"+CGMM") == b"\r\nBG96\r\n\r\nOK\r\n"
    assert host.at(2, b"+CGMM").startswith(b"AT+CGMM\r\r\n")  # echo is the channel's own


def test_long_answers_are_cut_into_frames_of_the_size_agreed(host: Host) -> None:
    host.open(1)
    frames = host.send(1, FrameType.UIH, b"AT+CLAC\r")
    assert max(len(frame.information) for frame in frames) == 127
    assert b"".join(frame.information for frame in frames).endswith(b"\r\nOK\r\n")


def test_unsolicited_results_come_on_every_channel(bench: Bench, host: Host) -> None:
    host.open(1, 2)
    bench.modem.urc("+TEST: 1")
    assert sorted(frame.dlci for frame in host.reader.feed(bench.heard())) == [1, 2]


def test_close_down_leads_back_to_plain_commands(bench: Bench, host: Host) -> None:
    host.open(1)
    assert [message.type for message in host.control(MessageType.CLD)] == [MessageType.CLD]
    assert bench.at("+CGMM") == b"\r\nBG96\r\n\r\nOK\r\n"
    assert len(bench.modem.sessions) == 1


def test_a_disconnect_of_channel_zero_does_too(bench: Bench, host: Host) -> None:
    host.open(1)
    assert host.send(0, FrameType.DISC)[0].type is FrameType.UA
    assert bench.at("") == b"\r\nOK\r\n"


def test_a_channel_can_be_closed_and_opened_again(host: Host) -> None:
    host.open(1)
    assert host.send(1, FrameType.DISC)[0].type is FrameType.UA
    assert host.send(1, FrameType.DISC)[0].type is FrameType.DM
    assert host.send(1, FrameType.UIH, b"AT\r")[0].type is FrameType.DM
    host.open(1)
    assert host.at(1, b"").endswith(b"OK\r\n")


def test_flow_control_holds_back_and_releases(host: Host) -> None:
    host.open(1)
    assert host.control(MessageType.FCOFF)[0].type == MessageType.FCOFF
    assert host.at(1, b"") == b""
    frames = host.send(0, FrameType.UIH, Message(type=MessageType.FCON).encode())
    assert b"OK" in b"".join(frame.information for frame in frames if frame.dlci == 1)
    host.control(MessageType.MSC, bytes((1 << 2 | 3, 0x8D | 0x02)))
    assert host.at(1, b"") == b""
    frames = host.send(0, FrameType.UIH, Message(type=MessageType.MSC, values=bytes((1 << 2 | 3, 0x8D))).encode())
    assert b"OK" in b"".join(frame.information for frame in frames if frame.dlci == 1)


def test_control_messages_are_echoed_and_unknown_ones_refused(host: Host) -> None:
    host.open()
    assert host.control(MessageType.TEST, b"ping") == [Message(type=MessageType.TEST, values=b"ping", command=False)]
    assert host.control(0x71, b"")[0].type == MessageType.NSC


def test_there_is_no_multiplexer_in_a_multiplexer(host: Host) -> None:
    host.open(1)
    assert host.at(1, b"E0")
    assert host.at(1, b"+CMUX=0") == b"\r\n+CME ERROR: 3\r\n"


def test_it_stays_when_the_client_only_closes_the_port(bench: Bench, host: Host) -> None:
    host.open(1)
    bench.port.client_gone()
    assert bench.type(b"AT\r") == b""  # still frames only, as field reports tell
    assert host.send(0, FrameType.DISC)[0].type is FrameType.UA
    assert bench.at("") == b"\r\nOK\r\n"


def test_a_host_that_crashed_begins_anew(bench: Bench, host: Host) -> None:
    """What esp-modem, Zephyr and gsm0710muxd do after a restart: +CMUX is not answered, SABM is."""
    host.open(1, 2)
    host.at(1, b"E0")
    host.send(2, FrameType.UIH, b"AT+CGM")  # and half a command
    bench.port.client_gone()
    assert bench.type(b"AT+CMUX=0,0,5,127\r") == b""
    host.open(1)
    assert host.at(1, b"+CGMM").startswith(b"AT+CGMM\r\r\n")  # nothing is left of the settings of before
    assert host.send(2, FrameType.UIH, b"AT\r")[0].type is FrameType.DM
    assert host.send(2, FrameType.SABM)[0].type is FrameType.UA
    assert host.at(2, b"").endswith(b"OK\r\n")
    assert len(bench.modem.sessions) == 3


def test_a_channel_that_is_opened_again_is_a_new_port(bench: Bench, host: Host) -> None:
    host.open(1)
    host.at(1, b"E0")
    answers = host.send(1, FrameType.SABM)
    assert [answer.type for answer in answers] == [FrameType.UA, FrameType.UIH]
    assert host.at(1, b"").startswith(b"AT\r\r\nOK")
    assert len(bench.modem.sessions) == 2


def test_a_close_down_ends_a_session_left_by_another_host(bench: Bench, host: Host) -> None:
    host.open(1)
    assert bytes.fromhex("F903EF05C301F2F9") == Frame(  # as drivers have it, octet for octet
        dlci=0, type=FrameType.UIH, information=Message(type=MessageType.CLD).encode()).encode()
    assert host.raw(b"\x1a\r" + bytes.fromhex("F903EF05C301F2F9"))[0].dlci == 0
    assert bench.at("") == b"\r\nOK\r\n"


def test_parameters_of_a_channel_are_negotiated(host: Host) -> None:
    host.open()
    asked = bytes((3, 0x10, 7, 10)) + (20).to_bytes(2, "little") + bytes((3, 2))
    (answer,) = host.control(MessageType.PN, asked)
    assert (answer.command, answer.values) == (False, asked[:1] + b"\0" + asked[2:])  # the first convergence layer
    host.send(3, FrameType.SABM)
    frames = host.send(3, FrameType.UIH, b"AT+CGMR\r")
    assert max(len(frame.information) for frame in frames) == 20
    host.open(1)
    host.at(1, b"E0")
    assert max(len(frame.information) for frame in host.send(1, FrameType.UIH, b"AT+CLAC\r")) == 127


def test_port_settings_are_told(host: Host) -> None:
    host.open(1)
    asked = bytes((1 << 2 | 3,))
    (answer,) = host.control(MessageType.RPN, asked)
    assert answer.values == asked + bytes.fromhex("0703001113FF3F")  # 115,200, eight bits, one stop bit
    assert host.control(MessageType.RPN, answer.values)[0].values == answer.values
    assert host.control(MessageType.RLS, bytes((7, 9)))[0].values == bytes((7, 9))


def test_a_host_that_lets_dtr_drop_hangs_up(bench: Bench, host: Host) -> None:
    bench.modem.packet.definitions[1] = ContextDefinition(apn="super")
    host.open(1, 2)
    for signals in (0x8D, 0x89):  # the second without RTC
        host.send(0, FrameType.UIH, Message(type=MessageType.MSC, values=bytes((1 << 2 | 3, signals))).encode())
        if signals == 0x8D:
            host.at(1, b"&D2")
            host.send(1, FrameType.UIH, b"ATD*99#\r")
            bench.wait("2s")
            assert bench.modem.packet.taps
    assert not bench.modem.packet.taps
    assert host.at(1, b"").endswith(b"OK\r\n")


def test_a_data_call_on_one_channel_leaves_commands_on_another(bench: Bench, host: Host) -> None:
    bench.modem.packet.definitions[1] = ContextDefinition(apn="super")
    host.open(1, 2)
    host.send(1, FrameType.UIH, b"ATD*99***1#\r")
    frames = host.reader.feed(bench.wait("2s"))
    said = b"".join(frame.information for frame in frames if frame.dlci == 1)
    assert said.startswith(b"\r\nCONNECT")
    assert b"\x7e\xff" in said  # PPP begins behind it
    assert host.at(2, b"+CGACT?").endswith(b"+CGACT: 1,1\r\n\r\nOK\r\n")
    bench.modem.urc("+TEST: 1")
    assert [frame.dlci for frame in host.reader.feed(bench.heard())] == [2]
    host.send(1, FrameType.UIH, b"+++")
    frames = host.reader.feed(bench.wait("2s"))
    assert b"\r\nOK\r\n" in b"".join(frame.information for frame in frames if frame.dlci == 1)
    assert host.at(1, b"H").endswith(b"OK\r\n")
    assert not bench.modem.packet.taps


def test_a_line_asleep_is_woken_by_the_host(bench: Bench, host: Host) -> None:
    host.open(1)
    assert host.control(MessageType.PSC)[0].type == MessageType.PSC
    assert bench.type(b"\xf9\xf9\xf9").strip(b"\xf9") == b""  # flags are answered with flags
    assert host.at(1, b"").endswith(b"OK\r\n")


def test_a_line_asleep_is_woken_for_what_the_module_says(bench: Bench, host: Host) -> None:
    host.open(1)
    host.control(MessageType.PSC)
    bench.modem.urc("+TEST: 1")
    bench.modem.urc("+TEST: 2")
    calls = bench.wait("1s")
    assert calls
    assert calls.strip(b"\xf9") == b""
    said = b"".join(frame.information for frame in host.reader.feed(bench.type(b"\xf9\xf9")))
    assert said == b"\r\n+TEST: 1\r\n\r\n+TEST: 2\r\n"


def test_a_host_that_does_not_wake_up_gets_it_in_the_end(bench: Bench, host: Host) -> None:
    host.open(1)
    host.control(MessageType.PSC)
    bench.modem.urc("+TEST: 1")
    frames = host.reader.feed(bench.wait("11s"))
    assert [frame.information for frame in frames] == [b"\r\n+TEST: 1\r\n"]


def test_a_damaged_frame_costs_itself_only(host: Host) -> None:
    host.open(1)
    good = Frame(dlci=1, type=FrameType.UIH, information=b"AT\r").encode()
    header = bytearray(good)
    header[2] ^= 0x10  # the check covers the header of UIH frames
    assert host.raw(bytes(header)) == []
    assert b"OK" in b"".join(frame.information for frame in host.raw(bytes(header) + good))


def test_a_damaged_length_does_not_swallow_the_line_for_ever(bench: Bench, host: Host) -> None:
    host.open(1)
    good = Frame(dlci=1, type=FrameType.UIH, information=b"AT\r").encode()
    damaged = good[:3] + b"\x00\x07" + good[4:]  # 896 octets are to come
    assert host.raw(damaged + good) == []
    bench.wait("2s")
    assert b"OK" in b"".join(frame.information for frame in host.raw(b"\xf9"))


def test_power_off_ends_it(bench: Bench, host: Host) -> None:
    host.open(1, 2)
    bench.modem.reboot()
    bench.wait("10s")
    assert bench.at("+CGMM").endswith(b"BG96\r\n\r\nOK\r\n")
    assert len(bench.modem.sessions) == 1


@pytest.mark.parametrize("noise", [b"\xf9" * 50, b"\x00\xff" * 100, b"AT\r\n" * 5])
def test_noise_disturbs_nothing(host: Host, noise: bytes) -> None:
    host.open(1)
    host.raw(noise)
    assert host.at(1, b"").endswith(b"OK\r\n")


def test_the_channels_are_bounded(host: Host) -> None:
    host.open(*range(1, 9))
    assert host.send(9, FrameType.SABM)[0].type is FrameType.DM


def test_each_bench_is_equal(make_bench: Callable[..., Bench]) -> None:
    journals = []
    for _ in range(2):
        bench = make_bench()
        Host(bench).open(1)
        journals.append([str(entry) for entry in bench.world.journal.select(source="modem")])
    assert journals[0] == journals[1]
