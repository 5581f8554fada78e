"""What is the same on every module, tried on every one: lines, errors, registration, messages (V.250, 27.007, 27.005).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pytest

from harness.formats.sms import Address, DataCoding, Deliver, MessageClass, Submit
from harness.virtual.modem import SimCard, profile_names
from harness.virtual.network.seams import Registration, RegistrationStatus, SmsAccepted, SmsRejected
from tests.unit.modem.test_sms import deliver, message, report

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK: Final = b"\r\nOK\r\n"
ERROR: Final = b"\r\nERROR\r\n"
PROMPT: Final = b"\r\n> "
SCTS: Final = b'"26/01/02,12:00:00+00"'


@pytest.fixture(params=profile_names())
def bench(request: pytest.FixtureRequest, make_bench: Callable[..., Bench],
          make_card: Callable[..., SimCard]) -> Bench:
    """A registered module of each kind, whose messages go to its own store."""
    bench = make_bench(profile=request.param, sim=make_card())
    bench.heard()
    bench.at('+CPMS="ME","ME","ME";+CMEE=1')
    return bench


def stored_told(bench: Bench, index: int, memory: str = "ME") -> bytes:
    return f'\r\n+CMTI: "{memory}",{index}\r\n'.encode()


# -- lines and errors -------------------------------------------------------------------------------------------------


def test_lines(bench: Bench) -> None:
    assert bench.at("E0V1Q0S0=0&C1 &D2+CMGF=1;+CMGF?") == b"\r\n+CMGF: 1\r\n" + OK
    assert bench.at("+CMGF=0;+NOSUCH;+CMGF=1") == ERROR
    assert bench.type(b"A/") == ERROR
    assert bench.type(b"noise \x1b\rAT+CMGF=1\x080\r") == OK
    assert bench.at("+CMGF?") == b"\r\n+CMGF: 0\r\n" + OK
    assert bench.at("V0") == b"0\r"
    assert bench.at("+CMGF?") == b"+CMGF: 0\r\n0\r"
    assert bench.at("V1Q1") == b""
    assert bench.at("Q0E1") == OK
    assert bench.type(b"AT\r") == b"AT\r" + OK


def test_errors_at_each_level(bench: Bench) -> None:
    for level, command, storage in ((0, b"ERROR", b"+CMS ERROR: 321"), (1, b"+CME ERROR: 50", b"+CMS ERROR: 321"),
                                    (2, b"+CME ERROR: Incorrect parameters", b"+CMS ERROR: Invalid memory index")):
        bench.at(f"+CMEE={level}")
        assert bench.at("+CREG=9") == b"\r\n" + command + b"\r\n"
        assert bench.at("+CMGD=9999") == b"\r\n" + storage + b"\r\n"
        assert bench.at("+NOSUCH") == bench.at("+NOSUCH=?") == ERROR


def test_numbers_of_the_module(bench: Bench) -> None:
    imei, version = bench.modem.imei, bench.modem.profile.text("software_version")
    assert imei.encode() in bench.at("+CGSN")
    assert bench.at("+CGSN=1") == f'\r\n+CGSN: "{imei}"\r\n'.encode() + OK
    assert bench.at("+CGSN=2") == f'\r\n+CGSN: "{imei[:14]}{version}"\r\n'.encode() + OK
    assert bench.at("+CGSN=3") == f'\r\n+CGSN: "{version}"\r\n'.encode() + OK
    assert bench.at("+CGSN=0") == f"\r\n{bench.modem.serial_number}\r\n".encode() + OK
    assert b"+CGSM" in bench.at("+GCAP")


# -- registration -----------------------------------------------------------------------------------------------------


def test_layout_of_the_registration(bench: Bench) -> None:
    cell = bench.modem.radio.cell
    assert cell is not None
    place = f',"{cell.tac:X}","{cell.ci:X}",{int(cell.act)}'
    for mode in range(6):
        bench.at(f"+CEREG={mode}")
        assert bench.at("+CEREG?") == f"\r\n+CEREG: {mode},5{place if mode >= 2 else ''}\r\n".encode() + OK
        before = bench.modem.radio.registration
        bench.modem.registration_changed(Registration(status=RegistrationStatus.DENIED, cause=15))
        tail = ",,,,0,15" if mode in (3, 5) else ""
        assert (f"\r\n+CEREG: 3{tail}\r\n".encode() in bench.heard()) is bool(mode)
        assert bench.at("+CEREG?") == f"\r\n+CEREG: {mode},3{tail}\r\n".encode() + OK
        bench.modem.registration_changed(before)
        assert (f"\r\n+CEREG: 5{place if mode >= 2 else ''}\r\n".encode() in bench.heard()) is bool(mode)
    bench.at('+CPSMS=1,,,"00000100","00001111"')
    for mode in (4, 5):
        bench.at(f"+CEREG={mode}")
        assert bench.at("+CEREG?").endswith(place.encode() + b',,,"00001111","00000100"\r\n' + OK)


def test_operators(bench: Bench) -> None:
    act = int(bench.modem.radio.cell.act) if bench.modem.radio.cell else 0
    for form, name in enumerate(('"AT&T Mobility"', '"AT&T"', '"310410"')):
        assert bench.at(f"+COPS=3,{form};+COPS?") == f"\r\n+COPS: 0,{form},{name},{act}\r\n".encode() + OK
    assert bench.at("+COPS=?", wait="3min").startswith(
        f'\r\n+COPS: (2,"AT&T Mobility","AT&T","310410",{act}),,(0-4),(0-2)\r\n'.encode() + OK)
    assert bench.at("+COPS=?", wait="1s") == b""
    assert bench.type(b" ") == OK
    assert bench.at("+COPS=2", wait="1s").startswith(OK)
    assert bench.at("+COPS?;+CSQ") == b"\r\n+COPS: 2\r\n\r\n+CSQ: 99,99\r\n" + OK
    assert OK in bench.at(f'+COPS=1,2,"310410",{act}', wait="5s")
    assert bench.at("+COPS?") == f'\r\n+COPS: 1,2,"310410",{act}\r\n'.encode() + OK
    assert bench.at('+COPS=4,2,"00101"', wait="5s").startswith(OK)


def test_a_context(bench: Bench) -> None:
    quote = '"' if bench.modem.profile.flag("quote_addresses") else ""
    bench.at('+CGDCONT=1,"IP","super"', wait="2s")
    assert bench.at("+CGACT?") == b"\r\n+CGACT: 1,1\r\n" + OK
    assert bench.at("+CGPADDR=1") == f"\r\n+CGPADDR: 1,{quote}100.64.7.8{quote}\r\n".encode() + OK
    assert b'+CGCONTRDP: 1,5,"super","100.64.7.8.' in bench.at("+CGCONTRDP=1")
    assert bench.at("+CGATT?") == b"\r\n+CGATT: 1\r\n" + OK
    assert bench.at("+CGATT=0", wait="1s").startswith(OK)
    assert bench.at("+CGATT?;+CGACT?") == b"\r\n+CGATT: 0\r\n\r\n+CGACT: 1,0\r\n" + OK
    assert OK in bench.at("+CGATT=1", wait="10s")


# -- messages ---------------------------------------------------------------------------------------------------------


def test_sending(bench: Bench) -> None:
    bench.at("+CMGF=1")
    assert bench.at('+CMGS="000"') == PROMPT
    assert bench.type(b"one\r") == PROMPT
    assert bench.type(b"twoo\x08\x1a") + bench.wait("2s") == b"\r\n+CMGS: 0\r\n" + OK
    assert Submit.decode(bench.carrier.submitted[0]).text == "one\rtwo"
    assert bench.at('+CMGS="000"') == PROMPT
    assert bench.type(b"never\x1b") == OK
    bench.at("+CMGF=0")
    tpdu = Submit.for_text("hi", destination="+15551234").encode()
    assert bench.type(b"AT+CMGS=%d\r\n00" % len(tpdu) + tpdu.hex().encode() + b"\x1a") == PROMPT
    assert bench.wait("2s") == b"\r\n+CMGS: 1\r\n" + OK
    assert bench.at(f"+CMGS={len(tpdu) - 1}") == PROMPT
    assert bench.type(b"00" + tpdu.hex().encode() + b"\x1a") == b"\r\n+CMS ERROR: 304\r\n"
    assert len(bench.carrier.submitted) == 2


def test_receiving_into_a_store(bench: Bench) -> None:
    bench.at("+CNMI=2,1,0,0,0;+CMGF=1")
    assert deliver(bench, message("one"))[0] == stored_told(bench, 0)
    assert deliver(bench, message("two"))[0] == stored_told(bench, 1)
    assert bench.at("+CMGR=0,1") == b'\r\n+CMGR: "REC UNREAD","000",,' + SCTS + b"\r\none\r\n" + OK
    assert b"REC UNREAD" in bench.at("+CMGR=0")
    assert b"REC READ" in bench.at("+CMGR=0")
    assert bench.at('+CMGL="REC UNREAD",1') == b'\r\n+CMGL: 1,"REC UNREAD","000",,' + SCTS + b"\r\ntwo\r\n" + OK
    assert bench.at('+CMGL="ALL"').count(b"+CMGL: ") == 2
    assert bench.at('+CMGL="REC UNREAD"') == OK
    assert bench.at("+CMGD=0") == bench.at("+CMGD=0") == OK
    empty = OK if bench.modem.profile.flag("empty_slot_ok") else b"\r\n+CMS ERROR: 321\r\n"
    assert bench.at("+CMGR=0") == empty
    assert bench.at("+CMGD=0,4") == OK
    assert bench.at('+CMGL="ALL"') == OK


def test_flags_of_deletion(bench: Bench) -> None:
    bench.at("+CNMI=2,0;+CMGF=1")

    def fill() -> None:
        for text in ("read", "unread"):
            deliver(bench, message(text))
        bench.at("+CMGR=0")
        for status in ("STO UNSENT", "STO SENT"):
            bench.at(f'+CMGW="000",129,"{status}"')
            bench.type(b"x\x1a")

    kept = {1: ("REC UNREAD", "STO UNSENT", "STO SENT"), 2: ("REC UNREAD", "STO UNSENT"), 3: ("REC UNREAD",), 4: ()}
    for flag, left in kept.items():
        bench.at("+CMGD=0,4")
        fill()
        assert bench.at(f"+CMGD=0,{flag}") == OK
        listed = bench.at('+CMGL="ALL",1').decode()
        found = {word for word in ("REC READ", "REC UNREAD", "STO UNSENT", "STO SENT") if f'"{word}"' in listed}
        assert found == set(left)


def test_receiving_directly_and_acknowledging(bench: Bench) -> None:
    assert bench.at("+CSMS=1") == b"\r\n+CSMS: 1,1,1\r\n" + OK
    bench.at("+CNMI=2,2,0,1,0;+CMGF=1;+CSDH=1")
    said, outcomes = deliver(bench, message())
    assert said == (b'\r\n+CMT: "000",,' + SCTS + b',129,4,0,0,"+12063130004",145,6\r\nLED ON\r\n')
    assert outcomes == []
    assert bench.at("+CNMA", wait="1s") == OK
    assert outcomes == [SmsAccepted()]
    said, outcomes = deliver(bench, report())
    assert said == b'\r\n+CDS: 6,5,"+15551234",145,' + SCTS + b"," + SCTS + b",0\r\n"
    bench.at("+CMGF=0")
    assert bench.at("+CNMA=2", wait="1s") == OK
    assert outcomes == [SmsRejected(cause=111)]
    assert bench.at("+CNMA=0") == b"\r\n+CMS ERROR: 340\r\n"
    _, outcomes = deliver(bench, message(), wait="30s")
    assert outcomes == [SmsRejected(cause=41)]
    assert bench.at("+CNMI?") == b"\r\n+CNMI: 2,0,0,0,0\r\n" + OK


def test_reports_in_their_store(bench: Bench) -> None:
    bench.at("+CNMI=2,1,0,2,0;+CMGF=1")
    assert deliver(bench, report())[0] == b'\r\n+CDSI: "SR",0\r\n'
    bench.at('+CPMS="SR"')
    line = b'6,5,"+15551234",145,' + SCTS + b"," + SCTS + b",0\r\n"
    assert bench.at("+CMGR=0") == b'\r\n+CMGR: "REC UNREAD",' + line + OK
    assert bench.at('+CMGL="ALL"') == b'\r\n+CMGL: 0,"REC READ",' + line + OK
    bench.at("+CMGF=0")
    pdu = b"07912160130300F4" + report().hex().upper().encode()
    assert bench.at("+CMGR=0") == b"\r\n+CMGR: 1,,%d\r\n" % len(report()) + pdu + b"\r\n" + OK


def test_classes(bench: Bench) -> None:
    def of(kind: MessageClass) -> bytes:
        return Deliver(originator=Address.parse("000"), timestamp=datetime(2026, 1, 2, 12, tzinfo=UTC), text="x",
                       coding=DataCoding.general(message_class=kind)).encode()

    bench.at("+CNMI=2,1,0,0,0")
    assert deliver(bench, of(MessageClass.IMMEDIATE))[0].startswith(b"\r\n+CMT: ,")
    assert deliver(bench, of(MessageClass.SIM))[0] == stored_told(bench, 0, "SM")
    assert deliver(bench, of(MessageClass.ME))[0] == stored_told(bench, 0)
    bench.at("+CNMI=2,3,0,0,0")
    assert deliver(bench, of(MessageClass.TE))[0].startswith(b"\r\n+CMT: ,")
    assert deliver(bench, message())[0] == stored_told(bench, 1)
    bench.at("+CNMI=2,0,0,0,0")
    assert deliver(bench, message()) == (b"", [SmsAccepted()])


def test_a_full_store(bench: Bench) -> None:
    capacity = bench.modem.profile.stores["ME"]
    bench.at("+CNMI=2,0,0,0,0")
    for _ in range(capacity):
        assert deliver(bench, message(), wait="0s")[1] == [SmsAccepted()]
    said, outcomes = deliver(bench, message())
    word = bench.modem.profile.text("sms_full_urc").format(memory="ME")
    assert said == (f"\r\n{word}\r\n".encode() if word else b"")
    assert outcomes == [SmsRejected(cause=22)]
    tpdu = Submit.for_text("x", destination="000").encode()
    bench.at(f"+CMGW={len(tpdu)}")
    assert bench.type(b"00" + tpdu.hex().encode() + b"\x1a") == b"\r\n+CMS ERROR: 322\r\n"
    assert bench.at("+CMGD=3") == OK
    assert bench.carrier.calls.count("memory_available") == 1


def test_settings_after_a_power_cut(bench: Bench) -> None:
    bench.at("+CMEE=2;+CNMI=1,2,0,0,0;+CMGF=1;+CSDH=1;+CSCS=\"UCS2\"")
    bench.modem.power_off()
    assert bench.heard() == b""
    bench.modem.power_on()
    bench.wait("15s")
    defaults = bench.modem.profile.defaults
    assert bench.type(b"AT\r") == b"AT\r" + OK
    bench.at("E0")
    assert bench.at("+CMEE?") == f"\r\n+CMEE: {defaults.get('+CMEE', (0,))[0]}\r\n".encode() + OK
    assert bench.at("+CNMI?") == f"\r\n+CNMI: {','.join(map(str, defaults['+CNMI']))}\r\n".encode() + OK
    assert bench.at("+CMGF?;+CSDH?;+CSCS?") == b'\r\n+CMGF: 0\r\n\r\n+CSDH: 0\r\n\r\n+CSCS: "GSM"\r\n' + OK
