"""Faults of responses, byte for byte at the client's side of the port."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"
CSQ = b"\r\n+CSQ: 20,99\r\n"


@pytest.mark.strikes("delay")
def test_delay(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ", nth=2).delay(by="5s")
    assert bench.at("+CSQ") == CSQ + OK
    assert bench.at("+CSQ") == b""
    assert bench.type(b"AT\r") == b""  # waits in the module while it is busy
    assert bench.wait("4999ms") == b""
    assert bench.wait("1ms") == CSQ + OK + OK
    assert bench.at("+CSQ") == CSQ + OK


@pytest.mark.strikes("delay")
def test_delay_of_what_takes_time_and_of_a_bare_line(bench: FaultBench) -> None:
    bench.faults.on("AT+COPS=?").delay(by="10s")
    assert bench.at("+COPS=?", wait="44s") == b""
    assert b"+COPS: (2," in bench.wait("2s")
    bench.faults.on("AT").delay(by="1s")
    assert bench.type(b"AT\r") == b""
    assert bench.wait("1s") == OK
    bench.faults.on("AT+COPS=?").delay(by="10s")
    assert bench.at("+COPS=?", wait="36s") == b""
    assert bench.type(b"x", wait="1s") == OK  # still aborted by any character
    assert bench.wait("60s") == b""


@pytest.mark.strikes("jitter")
def test_jitter(bench: FaultBench, make_bench: type[FaultBench]) -> None:
    def times(one: FaultBench) -> list[int]:
        one.faults.on("AT+CSQ", sticky=True).jitter(low="100ms", high="2s")
        begin, found = one.world.now(), []
        for _ in range(8):
            one.chunks.clear()
            assert one.at("+CSQ", wait="2s") == CSQ + OK
            found.append(one.chunks[0][0] - begin)
            begin = one.world.now()
        return found

    first = times(bench)
    assert all(100_000_000 <= span <= 2_000_000_000 for span in first)
    assert len(set(first)) == len(first)
    assert times(make_bench()) == first  # the same seed
    assert times(make_bench(seed=8)) != first


@pytest.mark.strikes("never")
def test_never(bench: FaultBench) -> None:
    bench.faults.on("AT+CMEE").never()
    assert bench.at("+CMEE=2", wait="60s") == b""
    assert bench.at("+CMEE?") == b"\r\n+CMEE: 2\r\n" + OK  # carried out all the same
    bench.faults.on("AT+CMEE").never(execute=False)
    assert bench.at("+CMEE=0", wait="60s") == b""
    assert bench.at("+CMEE?") == b"\r\n+CMEE: 2\r\n" + OK


@pytest.mark.strikes("error", "cme", "cms")
def test_errors(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ").error()
    assert bench.at("+CSQ") == b"\r\nERROR\r\n"
    bench.faults.on("AT+CGACT=1").cme(number=148)
    assert bench.at("+CGACT=1,1") == b"\r\n+CME ERROR: 148\r\n"
    bench.faults.on("AT+CMGS").cms(number=512)
    assert bench.at('+CMGS="000"') == b"\r\n+CMS ERROR: 512\r\n"
    bench.faults.on("AT+CSQ").cme(number=30)
    bench.at("+CMEE=0")
    assert bench.at("+CSQ") == b"\r\nERROR\r\n"
    assert bench.at("+CSQ") == CSQ + OK


@pytest.mark.strikes("error")
def test_a_command_among_others_on_its_line(bench: FaultBench) -> None:
    bench.faults.on("AT+CGATT").error()
    assert bench.at("+CSQ;+CGATT?;+CMEE=0") == CSQ + b"\r\nERROR\r\n"
    assert bench.at("+CMEE?") == b"\r\n+CMEE: 1\r\n" + OK


@pytest.mark.strikes("truncate")
def test_truncate(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.faults.on("AT+CMGS", nth=2).truncate(after=5)
    for answer in (b"\r\n+CMGS: 0\r\n" + OK, b"\r\n+CM", b"\r\n+CMGS: 2\r\n" + OK):
        assert bench.at('+CMGS="000"') == b"\r\n> "
        assert bench.type(b"hi\x1a", wait="30s") == answer
    assert bench.cloud.texts == ["hi", "hi", "hi"]


@pytest.mark.strikes("garble")
def test_garble(bench: FaultBench, make_bench: type[FaultBench]) -> None:
    def noise(one: FaultBench) -> bytes:
        one.faults.on("AT+CSQ").garble(share=0.3)
        said = one.at("+CSQ")
        assert len(said) == len(CSQ + OK)
        assert said != CSQ + OK
        assert one.at("+CSQ") == CSQ + OK
        return said

    assert noise(bench) == noise(make_bench())
    bench.faults.on("AT+CSQ").garble(share=0)
    said = bench.at("+CSQ")
    assert sum(one != other for one, other in zip(said, CSQ + OK, strict=True)) == 1


@pytest.mark.strikes("duplicate")
def test_duplicate(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ").duplicate()
    assert bench.at("+CSQ") == CSQ + OK + CSQ + OK


@pytest.mark.strikes("split")
def test_split(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ", times=2).split(size=4, gap="3ms")
    bench.chunks.clear()
    assert bench.at("+CSQ", wait="100ms") == CSQ + OK
    assert [len(data) for _, data in bench.chunks] == [4, 4, 4, 3, 4, 2]
    pauses = [later[0] - sooner[0] for sooner, later in zip(bench.chunks, bench.chunks[1:], strict=False)]
    assert set(pauses) == {3_000_000}


@pytest.mark.strikes("split")
def test_what_follows_does_not_overtake(bench: FaultBench) -> None:
    bench.at("+CREG=1")
    bench.faults.on("AT+CSQ").split(size=1, gap="100ms")
    said = bench.at("+CSQ")
    bench.network.lose_coverage(bench.modem.iccid)
    assert said + bench.wait("60s") == CSQ + OK + b"\r\n+CREG: 2\r\n"


@pytest.mark.strikes("blank-lines")
def test_blank_lines(bench: FaultBench) -> None:
    bench.faults.on("AT+CSQ").blank_lines(count=3)
    assert bench.at("+CSQ") == b"\r\n" * 3 + CSQ + OK


@pytest.mark.strikes("no-echo", "echo-loss")
def test_echo(bench: FaultBench) -> None:
    bench.at("E1")
    assert bench.at("+CSQ") == b"AT+CSQ\r" + CSQ + OK
    bench.faults.on("AT+CSQ").no_echo()
    assert bench.at("+CSQ") == CSQ + OK
    bench.faults.on("AT+CSQ").echo_loss(position=3)
    assert bench.at("+CSQ") == b"AT+SQ\r" + CSQ + OK
    bench.faults.on("AT+CSQ").echo_loss()
    said = bench.at("+CSQ")
    assert len(said) == len(b"AT+CSQ\r" + CSQ + OK) - 1
    assert said.endswith(b"\r" + CSQ + OK)
    bench.faults.on("AT+CSQ").no_echo()
    said = b"".join(bench.type(bytes((octet,))) for octet in b"AT+CSQ\r")  # typed by hand
    assert said == CSQ + OK
    assert bench.at("+CSQ") == b"AT+CSQ\r" + CSQ + OK


@pytest.mark.strikes("urc-first")
def test_the_final_result_behind_the_next_unsolicited_one(bench: FaultBench) -> None:
    bench.at('+QICSGP=1,1,"super","","",0')
    bench.at("+QIACT=1", wait="2s")
    bench.faults.on("AT+QIOPEN").urc_first()
    opened = bench.at('+QIOPEN=1,0,"UDP SERVICE","127.0.0.1",0,6969,0', wait="1s")
    assert opened == b"\r\n+QIOPEN: 0,0\r\n" + OK
    bench.faults.on("AT+CSQ").urc_first(limit="2s")
    assert bench.at("+CSQ", wait="1999ms") == CSQ
    assert bench.wait("1ms") == OK
    bench.faults.on("AT+CSQ").urc_first(limit="2s")
    bench.at("+CSQ")
    assert bench.at("+CSQ") == OK + CSQ + OK  # a client that does not wait for it


@pytest.mark.strikes("prompt-late", "prompt-missing", "prompt-bare")
@pytest.mark.parametrize(("kind", "prompt", "later"), [
    ("prompt_late", b"", b"\r\n> "), ("prompt_missing", b"", b""), ("prompt_bare", b"\r\n>", b"")])
def test_prompts(bench: FaultBench, kind: str, prompt: bytes, later: bytes) -> None:
    bench.at("+CMGF=1")
    for name in ("prompt_late", "prompt_missing", "prompt_bare"):  # each struck once, for the record
        getattr(bench.faults.on("AT+CMGS"), name)()
        bench.at('+CMGS="000"', wait="5s")
        bench.type(b"\x1b")
    getattr(bench.faults.on("AT+CMGS"), kind)()
    assert bench.at('+CMGS="000"') == prompt
    assert bench.wait("2s") == later
    assert bench.type(b"hello\x1a", wait="30s") == b"\r\n+CMGS: 0\r\n" + OK
    assert bench.cloud.texts == ["hello"]
