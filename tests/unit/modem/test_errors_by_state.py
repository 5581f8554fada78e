"""Which error a command gives in which state of card, radio and network (27.007 clause 9.2, 27.005 clause 3.2.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

import pytest

from harness.virtual.modem import SimCard
from tests.unit.modem.conftest import Bench

MakeBench: TypeAlias = Callable[..., Bench]
MakeCard: TypeAlias = Callable[..., SimCard]
OK: Final = b"\r\nOK\r\n"


def no_card(make: MakeBench, card: MakeCard) -> Bench:
    return make(sim=None)


def locked(make: MakeBench, card: MakeCard) -> Bench:
    return make(sim=card(pin="1234"))


def blocked(make: MakeBench, card: MakeCard) -> Bench:
    bench = make(sim=card(pin="1234"))
    for _ in range(3):
        bench.at('+CPIN="0000"')
    return bench


def minimum(make: MakeBench, card: MakeCard) -> Bench:
    bench = make(sim=card())
    bench.at("+CFUN=0", wait="15s")
    return bench


def flight(make: MakeBench, card: MakeCard) -> Bench:
    bench = make(sim=card())
    bench.at("+CFUN=4", wait="15s")
    return bench


def alone(make: MakeBench, card: MakeCard) -> Bench:
    bench = make(sim=card())
    bench.at("+COPS=2", wait="15s")
    return bench


STATES: Final = (no_card, locked, blocked, minimum, flight, alone)


def e(number: int) -> str:
    return f"+CME ERROR: {number}"


def s(number: int) -> str:
    return f"+CMS ERROR: {number}"


# an answer for each of STATES; what is shorter goes on with its last
ANSWERS: Final[dict[str, tuple[str, ...]]] = {
    "+CPIN?": (e(10), "+CPIN: SIM PIN", "+CPIN: SIM PUK", e(3), "+CPIN: READY"),
    "+CIMI": (e(10), e(11), e(12), e(3), "310170845466094"),
    "+CCID": (e(10), *("+CCID: 89883070000000000017",) * 2, e(3), "+CCID: 89883070000000000017"),
    '+CLCK="SC",2': (e(10), "+CLCK: 1", "+CLCK: 1", e(3), "+CLCK: 0"),
    "+CRSM=176,28423,0,0,9": (e(10), "+CRSM: 152,4", "+CRSM: 152,4", e(3), '+CRSM: 144,0,"083901718054640649"'),
    "+CPOL?": (e(10), e(11), e(12), e(3), ""),
    "+CPBS?": (e(10), e(11), e(12), e(3), '+CPBS: "SM",0,50'), "+CPBR=1,50": (e(10), e(11), e(12), e(3), ""),
    '+CPBW=1,"1"': (e(10), e(11), e(12), e(3), ""), '+CPBF="x"': (e(10), e(11), e(12), e(3), e(22)),
    '+CPBS="FD"': (e(10), e(11), e(12), e(3), ""), '+CPBS="SM"': (e(10), e(11), e(12), e(3), ""),
    "+CNUM": (e(10), e(11), e(12), e(3), ""), "D>SM9;": (e(10), e(11), e(12), e(3), e(22)),
    '+CLCK="FD",2': (e(10), e(11), e(12), e(3), "+CLCK: 0"), "D**04*9999*1111*1111#": (e(10), e(16), e(12), e(3), e(3)),
    '+CSIM=10,"0020008100"': (e(10), *('+CSIM: 4,"63C3"',) * 2, e(3), '+CSIM: 4,"63C3"'),
    '+CCHO="A000000000"': (e(10), e(22), e(22), e(3), e(22)), "+CCHC=1": (e(10), e(21), e(21), e(3), e(21)),
    '+CPINR="SIM PUK2"': (e(10), *("+CPINR: SIM PUK2,10,10",) * 2, e(3), "+CPINR: SIM PUK2,10,10"),
    "+CREG?": ("+CREG: 0,0",), "+CGREG?": ("+CGREG: 0,0",), "+CEREG?": ("+CEREG: 0,0",),
    "+CSQ": ("+CSQ: 99,99",), "+CESQ": ("+CESQ: 99,99,255,255,255,255",),
    "+COPS?": (*("+COPS: 0",) * 5, "+COPS: 2"),
    "+CGATT?": ("+CGATT: 0",), "+CGACT?": ("",),
    "+CGACT=1,1": (e(10), e(11), e(12), e(3), e(3), e(30)),
    "+CGPADDR=1": ("",),
    "D*99#": ("NO CARRIER",),
    "+CPMS?": (s(310), s(311), s(316), s(302), '+CPMS: "ME",0,23,"ME",0,23,"ME",0,23'),
    "+CMGR=0": (s(310), s(311), s(316), s(302), ""), "+CMGL=4": (s(310), s(311), s(316), s(302), ""),
    "+CMGD=0": (s(310), s(311), s(316), s(302), ""), "+CSCA?": (s(310), s(311), s(316), s(302),
                                                              '+CSCA: "+12063130004",145'),
    "+CMGS=18": (s(310), s(311), s(316), s(302), s(331)), "+CMSS=0": (s(310), s(311), s(316), s(302), s(331)),
    "+CMGC=18": (s(310), s(311), s(316), s(302), s(331)),
    "+CNMA": (s(310), s(311), s(316), s(302), s(340)),
    "+CNMI?": ("+CNMI: 2,1,0,0,0",), "+CSMP?": ("+CSMP: 17,167,0,0",), "+CMGF?": ("+CMGF: 0",),
}


@pytest.mark.parametrize("state", STATES)
def test_errors(state: Callable[[MakeBench, MakeCard], Bench], make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = state(make_bench, make_card)
    bench.heard()
    for command, answers in ANSWERS.items():
        answer = answers[min(STATES.index(state), len(answers) - 1)]
        final = answer if "ERROR" in answer or answer == "NO CARRIER" else "OK"
        expected = (f"\r\n{answer}\r\n" if answer and answer != final else "") + f"\r\n{final}\r\n"
        assert bench.at(command, wait="1s") == expected.encode(), command
        if "ERROR" in answer and "+CME" in answer:
            bench.at("+CMEE=0")
            assert bench.at(command) == b"\r\nERROR\r\n", command
            bench.at("+CMEE=1")


def test_the_same_in_words(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=None)
    bench.at("+CMEE=2")
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: SIM not inserted\r\n"
    assert bench.at("+CMGR=0") == b"\r\n+CMS ERROR: SIM not inserted\r\n"
    bench.modem.insert_sim(make_card(pin="1234"))
    bench.wait("10s")
    assert bench.at("+CIMI") == b"\r\n+CME ERROR: SIM PIN required\r\n"
    assert bench.at("+CMGR=0") == b"\r\n+CMS ERROR: SIM PIN required\r\n"


def test_a_card_that_has_not_started_is_busy(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = make_bench(sim=make_card(), boot=False)
    bench.modem.power_on()
    bench.wait("300ms")
    bench.at("E0;+CMEE=1")
    bench.heard()
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 14\r\n"
    assert bench.at("+CMGR=0") == b"\r\n+CMS ERROR: 314\r\n"
    bench.wait("10s")
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK


def test_a_blocked_card_has_failed(make_bench: MakeBench, make_card: MakeCard) -> None:
    bench = blocked(make_bench, make_card)
    for _ in range(10):
        bench.at('+CPIN="00000000","1234"')
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 13\r\n"
    assert bench.at("+CMGR=0") == b"\r\n+CMS ERROR: 313\r\n"


@pytest.mark.parametrize(("typed", "error"), [
    ("+CMGR=23", s(321)), ("+CMGR=-1", s(303)), ("+CMGR", "ERROR"), ("+CMGD=23", s(321)), ("+CMSS=0", s(321)),
    ("+CNMI=4,1,0,0,0", s(303)), ("+CPMS=\"XX\"", s(302)), ("+CMGF=2", s(303)), ("+CSMS=2", s(303)),
    ("+CMGS=0", s(303)), ("+CMGS=177", s(303)), ("+CMGS=abc", s(303)), ("+CFUN=9", e(50)), ("+CREG=9", e(50)),
    ("+COPS=9", e(50)), ('+COPS=1,2,"99999"', e(30)), ("+CGDCONT=99", e(50)), ("+CGACT=1,7", e(50)),
    ('+CLCK="XX",2', e(4)), ('+CPIN="1234"', e(3)), ("+CRSM=1", e(50)), ('+CSIM=9,"00"', e(50)),
    ("+CCLK=\"nonsense\"", e(50)), ("+IPR=12345", e(50)), ("+NONSENSE", "ERROR"), ("+CSQ?", "ERROR"), ("&Q5", "ERROR"),
])
def test_values_out_of_range(bench: Bench, typed: str, error: str) -> None:
    assert bench.at(typed, wait="1s") == f"\r\n{error}\r\n".encode()
