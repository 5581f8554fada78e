"""The driver's side, and how a modem writes: what one writes the other reads."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.formats.at import (
    CME_ERRORS,
    CMS_ERRORS,
    FINAL_RESULTS,
    NEED_DATA,
    Final,
    InfoLine,
    NeedData,
    Overflow,
    Payload,
    PayloadHeader,
    Prompt,
    ResponseEvent,
    ResponseReader,
    ResultKind,
    classify,
    cme_code,
    cms_code,
    information,
    result,
)

OK = Final(text="OK", ok=True, kind=ResultKind.OK)
QIRD = PayloadHeader(pattern=re.compile(r'\+QIRD: (\d+)(?:,"[^"]*",\d+)?'))
QIURC = PayloadHeader(pattern=re.compile(r'\+QIURC: "recv",\d+,(\d+)(?:,"[^"]*",\d+)?'))
CARECV = PayloadHeader(pattern=re.compile(r"\+CARECV: (\d+),"), inline=True)


def drain(reader: ResponseReader) -> list[ResponseEvent]:
    events = []
    while not isinstance(event := reader.next_event(), NeedData):
        events.append(event)
    return events


def read(data: bytes, reader: ResponseReader | None = None) -> list[ResponseEvent]:
    reader = reader or ResponseReader()
    reader.receive(data)
    return drain(reader)


def test_a_response_with_echo() -> None:
    assert read(b"AT+CSQ\r\r\n+CSQ: 20,99\r\n\r\nOK\r\n") == [InfoLine("AT+CSQ"), InfoLine("+CSQ: 20,99"), OK]


@pytest.mark.parametrize(
    ("line", "ok", "kind", "code"),
    [
        ("OK", True, ResultKind.OK, None),
        ("ERROR", False, ResultKind.ERROR, None),
        ("+CME ERROR: 30", False, ResultKind.CME, 30),
        ("+CME ERROR: SIM PIN required", False, ResultKind.CME, 11),
        ("+CME ERROR: incorrect parameters", False, ResultKind.CME, 50),
        ("+CME ERROR: something else", False, ResultKind.CME, None),
        ("+CME ERROR:", False, ResultKind.CME, None),
        ("+CMS ERROR: 304", False, ResultKind.CMS, 304),
        ("+CMS ERROR: Invalid memory index", False, ResultKind.CMS, 321),
        ("CONNECT", True, ResultKind.CONNECT, None),
        ("CONNECT 150000000", True, ResultKind.CONNECT, None),
        ("NO CARRIER", False, ResultKind.CALL, None),
        ("BUSY", False, ResultKind.CALL, None),
        ("SEND OK", True, ResultKind.SEND, None),
        ("SEND FAIL", False, ResultKind.SEND, None),
    ],
)
def test_final_results_are_told_from_lines(line: str, ok: bool, kind: ResultKind, code: int | None) -> None:
    assert classify(line) == Final(text=line, ok=ok, kind=kind, code=code)


@pytest.mark.parametrize(
    "line",
    ["", "ok", "OK ", "RING", "CONNECT OK", "CONNECT FAIL", '+CMTI: "SM",1', "+CMGR: OK", "0", "+CME ERROR 30"],
)
def test_other_lines_are_not_final(line: str) -> None:
    assert classify(line) is None


def test_a_dialect_may_bring_its_own_results() -> None:
    finals = {**FINAL_RESULTS, "SHUT OK": (True, ResultKind.OK)}
    assert read(b"\r\nSHUT OK\r\n", ResponseReader(finals=finals)) == [
        Final(text="SHUT OK", ok=True, kind=ResultKind.OK)
    ]


def test_prompts_count_only_when_expected() -> None:
    reader = ResponseReader()
    assert read(b"\r\n> ", reader) == []
    assert reader.partial == b"> "
    reader.expect_prompt()
    assert drain(reader) == [Prompt(">")]
    assert read(b"hello\x1a\r\n+CMGS: 1\r\n\r\nOK\r\n", reader) == [InfoLine("hello\x1a"), InfoLine("+CMGS: 1"), OK]
    assert read(b"\r\n> quoted\r\n", reader) == [InfoLine("> quoted")]


@pytest.mark.parametrize(
    ("data", "mark"), [(b"\r\n> ", ">"), (b"\r\n>", ">"), (b">", ">"), (b"\r\n@", "@"), (b"> \r\n", ">")]
)
def test_prompts_of_all_makers(data: bytes, mark: str) -> None:
    for portions in ([data], [data[at : at + 1] for at in range(len(data))]):
        reader = ResponseReader()
        reader.expect_prompt()
        events = [event for portion in portions for event in read(portion, reader)]
        assert events == [Prompt(mark)]
        assert read(b"\r\nOK\r\n", reader) == [OK]


def test_lines_before_a_prompt_and_a_refusal_instead_of_one() -> None:
    reader = ResponseReader()
    reader.expect_prompt()
    assert read(b'\r\n+CMTI: "SM",1\r\n\r\n> ', reader) == [InfoLine('+CMTI: "SM",1'), Prompt(">")]
    reader.expect_prompt()
    assert read(b"\r\n+CMS ERROR: 331\r\n> x\r\n", reader)[1:] == [InfoLine("> x")]
    reader.expect_prompt()
    reader.expect_prompt(False)
    assert read(b"> x\r\n", reader) == [InfoLine("> x")]


def test_raw_octets_after_a_line() -> None:
    reader = ResponseReader()
    assert read(b"\r\n+QIRD: 6\r", reader) == [InfoLine("+QIRD: 6")]
    reader.expect_bytes(6)
    assert read(b"\n\r\nOK\r\n", reader) == [Payload(b"\r\nOK\r\n")]
    assert read(b"\r\nOK\r\n", reader) == [OK]
    reader.expect_bytes(0)
    assert reader.next_event() == Payload(b"")
    with pytest.raises(UsageError):
        reader.expect_bytes(-1)


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (b"\r\n+QIRD: 4\r\nO\r\nK\r\n\r\nOK\r\n", [InfoLine("+QIRD: 4"), Payload(b"O\r\nK"), OK]),
        (b'\r\n+QIRD: 2,"100.64.0.1",6969\r\n\n\n\r\nOK\r\n',
         [InfoLine('+QIRD: 2,"100.64.0.1",6969'), Payload(b"\n\n"), OK]),
        (b"\r\n+QIRD: 0\r\n\r\nOK\r\n", [InfoLine("+QIRD: 0"), OK]),
        (b'\r\n+QIURC: "recv",0,2\r\nhi\r\n', [InfoLine('+QIURC: "recv",0,2'), Payload(b"hi")]),
        (b'\r\n+QIURC: "recv",0\r\n', [InfoLine('+QIURC: "recv",0')]),
        (b"\r\n+CARECV: 3,\r\n\x00\r\nOK\r\n", [InfoLine("+CARECV: 3,"), Payload(b"\r\n\x00"), OK]),
        (b"\r\n+CARECV: 0\r\n\r\nOK\r\n", [InfoLine("+CARECV: 0"), OK]),
        (b"\r\n+CARECV: 0,\r\nOK\r\n", [InfoLine("+CARECV: 0,"), Payload(b""), OK]),
        (b"\r\n+QIRD: 9999999\r\nOK\r\n", [InfoLine("+QIRD: 9999999"), OK]),
        (b"\r\n+CARECV: 99999999999,OK\r\n", [InfoLine("+CARECV: 99999999999,OK")]),
    ],
)  # fmt: skip
def test_announced_payloads(data: bytes, events: list[ResponseEvent]) -> None:
    for portions in ([data], [data[at : at + 1] for at in range(len(data))]):
        reader = ResponseReader(payload_headers=(QIRD, QIURC, CARECV))
        assert [event for portion in portions for event in read(portion, reader)] == events


def test_a_line_without_end_is_bounded() -> None:
    reader = ResponseReader(max_line=100)
    for _ in range(100):
        assert read(1000 * b"x", reader) == []
        assert len(reader.partial) <= 1000
    assert read(b"\r\nOK\r\n", reader) == [Overflow(100), OK]
    assert read(101 * b"x" + b"\r\n" + 100 * b"y" + b"\r\n", reader) == [Overflow(100), InfoLine(100 * "y")]
    with pytest.raises(UsageError):
        ResponseReader(max_line=0)


def test_numeric_results() -> None:
    reader = ResponseReader()
    assert read(b"0\r", reader) == [InfoLine("0")]
    reader.numeric = True
    assert read(b"+CSQ: 1,2\r\n0\r4\r3\r1\r2\r", reader) == [
        InfoLine("+CSQ: 1,2"),
        Final(text="0", ok=True, kind=ResultKind.OK),
        Final(text="4", ok=False, kind=ResultKind.ERROR),
        Final(text="3", ok=False, kind=ResultKind.CALL),
        Final(text="1", ok=True, kind=ResultKind.CONNECT),
        InfoLine("2"),
    ]


def test_everything_can_be_forgotten() -> None:
    reader = ResponseReader()
    reader.expect_bytes(10)
    assert read(b"half", reader) == []
    assert repr(reader) == "ResponseReader(pending=4, payload=10)"
    reader.reset()
    assert read(b"OK\r", reader) == [OK]


@given(
    st.binary(max_size=80)
    | st.lists(
        st.sampled_from([b"\r", b"\n", b"\r\n", b"> ", b">", b"@", b" ", b"OK", b"+QIRD: 3", b"+CARECV: 2,", b"x" * 9]),
        max_size=30,
    ).map(b"".join),
    st.lists(st.integers(1, 5), min_size=1, max_size=9),
)
def test_portions_make_no_difference(data: bytes, sizes: list[int]) -> None:
    def run(portions: list[bytes]) -> list[ResponseEvent]:
        reader = ResponseReader(payload_headers=(QIRD, CARECV), max_line=16)
        reader.expect_prompt()
        return [event for portion in portions for event in read(portion, reader)]

    portions, at, turn = [], 0, 0
    while at < len(data):
        portions.append(data[at : at + sizes[turn % len(sizes)]])
        at, turn = at + sizes[turn % len(sizes)], turn + 1
    assert run([data]) == run(portions) == run([data[at : at + 1] for at in range(len(data))])


# -- the modem's voice ------------------------------------------------------------------------------------------------


def test_what_a_modem_writes() -> None:
    assert information("+CSQ: 20,99") == b"\r\n+CSQ: 20,99\r\n"
    assert information("+CSQ: 20,99", verbose=False) == b"+CSQ: 20,99\r\n"
    assert information("a", s3=59, s4=35) == b";#a;#"
    assert information("é€") == b"\r\n\xe9?\r\n"
    assert result("OK") == b"\r\nOK\r\n"
    assert result("OK", verbose=False) == b"0\r"
    assert result("ERROR", verbose=False, s3=59) == b"4;"
    assert result("CONNECT 115200", verbose=False) == b"1\r"
    assert result("NO CARRIER", verbose=False) == b"3\r"
    assert result("+CME ERROR: 10", verbose=False) == b"+CME ERROR: 10\r"


LINE = st.text(st.characters(min_codepoint=32, max_codepoint=255), min_size=1, max_size=40)


@given(st.lists(LINE.filter(lambda text: classify(text) is None), max_size=5), st.sampled_from(sorted(FINAL_RESULTS)))
def test_a_driver_reads_what_a_modem_writes(lines: list[str], final: str) -> None:
    data = b"".join(information(line) for line in lines) + result(final)
    ok, kind = FINAL_RESULTS[final]
    assert read(data) == [*map(InfoLine, lines), Final(text=final, ok=ok, kind=kind)]


@given(st.sampled_from(sorted(CME_ERRORS)), st.sampled_from(sorted(CMS_ERRORS)))
def test_error_texts_lead_back_to_a_number_of_the_same_text(cme: int, cms: int) -> None:
    assert cme_code(str(cme)) == cme_code(CME_ERRORS[cme]) == cme
    assert cms_code(str(cms)) == cms
    found = cms_code(CMS_ERRORS[cms])
    assert found is not None
    assert CMS_ERRORS[found].casefold() == CMS_ERRORS[cms].casefold()


@given(st.text())
def test_any_error_text_has_a_code_or_none(text: str) -> None:
    for lookup in (cme_code, cms_code):
        code = lookup(text)
        assert code is None or code >= 0


def test_nothing_comes_of_nothing() -> None:
    assert ResponseReader().next_event() is NEED_DATA
