"""Whatever a client sends: no crash, one final result per line, bounded memory, and a modem that still works."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.virtual.modem import SimCard
from harness.virtual.modem.output import Kind, OutputQueue, Piece
from harness.virtual.network.seams import SmsOutcome
from harness.virtual.world import World

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"
FINAL = re.compile(rb"\r\n(?:OK|ERROR|NO CARRIER|SEND OK|SEND FAIL|\+CM[ES] ERROR: [^\r]*)(?=\r\n)")
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

NAMES = st.sampled_from(["+CMGF", "+CMGS", "+CMGL", "+CMGR", "+CMGW", "+CPMS", "+CNMI", "+QIOPEN", "+QISEND", "+QIRD",
                         "+CRSM", "+COPS", "+CGACT", "+CSCS", "+CMEE", "+CLCK", "+CPIN", "+CPBS", "+CPBR",
                         "+CPBW", "+CPBF", "+CSIM", "+CGLA", "+CCHO", "D", "+NOSUCH", "&F", "S7", "X"])
VALUES = st.lists(st.one_of(st.integers(-5, 300).map(str), st.text("09aF\"+;,é ", max_size=8), st.just("")), max_size=8)
LINES = st.builds(lambda name, sign, values: (name + sign + ",".join(values)).encode("latin-1"),
                  NAMES, st.sampled_from(["", "?", "=", "=?"]), VALUES)


@QUICK
@given(chunks=st.lists(st.binary(max_size=80), max_size=12))
def test_random_bytes_never_crash(chunks: Sequence[bytes], make_bench: Callable[..., Bench],
                                  make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card())
    for chunk in chunks:
        bench.type(chunk)
        bench.wait("1s")
    # ESC leaves a prompt, CR ends a partial line, and whatever was typed can't have switched the modem off
    bench.type(b"\x1b\r")
    bench.wait("200s")
    assert bench.modem.powered


@QUICK
@given(lines=st.lists(LINES, min_size=1, max_size=6))
def test_every_line_gets_one_final_result(lines: Sequence[bytes], make_bench: Callable[..., Bench],
                                          make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card())
    for line in lines:
        said = bench.type(b"AT" + line + b"\r") + bench.wait("200s")
        if said.endswith(b"\r\n> "):
            said = said[:-4] + bench.type(b"\x1b")
        assert len(FINAL.findall(said)) == 1, (line, said)


@QUICK
@given(tpdu=st.binary(max_size=200))
def test_random_tpdus_are_answered_once(tpdu: bytes, make_bench: Callable[..., Bench],
                                        make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card())
    outcomes: list[SmsOutcome] = []
    bench.modem.sms_deliver(tpdu, outcomes.append)
    bench.wait("20s")
    assert len(outcomes) == 1
    for mode in (0, 1):
        said = bench.at(f"+CMGF={mode};+CMGR=0,1")
        assert len(FINAL.findall(said)) == 1
        assert len(FINAL.findall(bench.at('+CMGL="ALL"' if mode else "+CMGL=4"))) == 1


@QUICK
@given(typed=st.binary(max_size=400))
def test_random_pdus_at_the_prompt(typed: bytes, make_bench: Callable[..., Bench],
                                   make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card())
    length = max(1, len(typed) % 177)
    for mode, command in ((0, f"+CMGS={length}"), (1, '+CMGS="000"'), (0, f"+CMGW={length}")):
        bench.at(f"+CMGF={mode}")
        assert bench.at(command) == b"\r\n> "
        body = typed.replace(b"\x1a", b"").replace(b"\x1b", b"")
        said = bench.type(body + b"\x1a") + bench.wait("5s")
        assert len(FINAL.findall(said)) == 1


def test_hexadecimal_of_random_octets_at_the_prompt_is_an_error_of_its_own(bench: Bench) -> None:
    stream = bench.world.random("test")
    for _ in range(200):
        octets = bytes(stream.randrange(256) for _ in range(stream.randrange(1, 60)))
        assert bench.at(f"+CMGS={len(octets)}") == b"\r\n> "
        said = bench.type(b"00" + octets.hex().encode() + b"\x1a") + bench.wait("2s")
        assert said.startswith((b"\r\n+CMS ERROR: 304\r\n", b"\r\n+CMGS: "))
    assert bench.at("") == OK


def test_what_comes_while_busy_is_bounded(bench: Bench) -> None:
    bench.at('+CGDCONT=1,"IP","super"')
    bench.at("+CGACT=1,1")
    for _ in range(40):
        bench.type(b"x" * 10_000)
    assert bench.events("input_lost") == ["input_lost"]
    assert bench.wait("1s") == OK
    bench.type(b"\r")
    assert bench.at("") == OK


def test_unsolicited_results_are_bounded(bench: Bench) -> None:
    bench.at("+COPS=?")
    for number in range(1000):
        bench.modem.urc(f"+TEST: {number}")
    said = bench.wait("60s")
    assert said.count(b"+TEST") == 256
    assert bench.events("unsolicited_lost") != []


# -- the output queue -------------------------------------------------------------------------------------------------


class Late:
    """Delays what is unsolicited, and cuts the rest in two."""

    def tamper(self, piece: Piece) -> Sequence[Piece]:
        if piece.kind is Kind.UNSOLICITED:
            return [Piece(piece.t + 2_000_000_000, piece.kind, piece.data)]
        return [Piece(piece.t, piece.kind, piece.data[:2]), Piece(piece.t + 1_000_000_000, piece.kind, piece.data[2:])]


def test_output_can_be_tampered_with_at_any_byte(bench: Bench) -> None:
    bench.port.output.tamper = Late()
    bench.modem.urc("+TEST: 1")
    assert bench.at("") == b"\r\n"
    assert bench.wait("1s") == b"OK\r\n"
    assert bench.wait("1s") == b"\r\n+TEST: 1\r\n"
    bench.port.output.tamper = None
    assert bench.at("") == OK


def test_line_speed_is_imitated() -> None:
    world = World()
    said = bytearray()
    queue = OutputQueue(world, said.extend, bits_per_second=9600)
    for part in (b"x" * 96, b"y" * 96):
        queue.say(Kind.INFORMATION, part)
    queue.flush()
    assert said == b""
    world.clock.sleep("101ms")
    assert said == b"x" * 96
    world.clock.sleep("100ms")
    assert said == b"x" * 96 + b"y" * 96


def test_output_that_waits_is_bounded_and_can_be_cleared() -> None:
    world = World()
    said = bytearray()
    queue = OutputQueue(world, said.extend, bits_per_second=300)
    for _ in range(400):
        queue.say(Kind.DATA, b"z" * 1000)
    assert queue.lost == 400_000 - 262_000
    queue.flush()
    queue.clear()
    world.clock.sleep("1h")
    assert said == b""
