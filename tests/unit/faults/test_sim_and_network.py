"""Cards that are missing, locked, busy or others, and networks that do not serve: what the client sees of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.errors import UsageError

if TYPE_CHECKING:
    from tests.unit.faults.conftest import FaultBench

OK = b"\r\nOK\r\n"


def registration(bench: FaultBench) -> bytes:
    return bench.at("+CEREG?").split(b"\r\n")[1]


# -- SIM card ---------------------------------------------------------------------------------------------------------


@pytest.mark.strikes("sim-absent", "sim-removed")
def test_absent_and_removed(bench: FaultBench) -> None:
    bench.faults.sim.absent(span="20s")
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 10\r\n"
    assert registration(bench) == b"+CEREG: 0,0"
    assert b"+CPIN: READY" in bench.wait("25s")
    bench.wait("10s")
    assert registration(bench) == b"+CEREG: 0,5"
    pulled = bench.faults.sim.removed()
    assert bench.heard() == b"\r\n+CPIN: NOT READY\r\n"
    assert bench.at('+CMGS="000"') == b"\r\n+CMS ERROR: 310\r\n"
    bench.faults.remove(pulled)
    assert b"+CPIN: READY" in bench.wait("10s")


def test_absent_from_the_start(make_bench: type[FaultBench]) -> None:
    bench = make_bench(boot=False)
    bench.faults.sim.absent()
    bench.boot()
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 10\r\n"
    bench.at("+CFUN=1,1")
    boot = bench.wait("10s")
    assert b"+CPIN: NOT READY" in boot
    assert b"+QUSIM" not in boot


@pytest.mark.strikes("sim-pin", "sim-puk")
def test_locks(bench: FaultBench) -> None:
    bench.faults.sim.pin(pin="4711")
    assert b"+CPIN: SIM PIN" in bench.wait("5s")
    assert bench.at("+CSQ").startswith(b"\r\n+CSQ: 99,99")
    assert bench.at('+CPIN="1234"') == b"\r\n+CME ERROR: 16\r\n"
    assert bench.at('+CPIN="4711"') == OK
    bench.wait("10s")
    assert registration(bench) == b"+CEREG: 0,5"
    bench.faults.sim.puk()
    assert b"+CPIN: SIM PUK" in bench.wait("5s")
    assert bench.at('+CPIN="4711"') == b"\r\n+CME ERROR: 12\r\n"
    assert bench.at('+CPIN="12345678","1111"') == OK


@pytest.mark.strikes("sim-busy")
def test_busy(bench: FaultBench) -> None:
    bench.faults.sim.busy(span="10s")
    assert bench.at("+CPIN?") == b"\r\n+CME ERROR: 14\r\n"
    assert bench.at("+CPIN?", wait="9s") == b"\r\n+CME ERROR: 14\r\n"
    assert b"+CPIN: READY" in bench.wait("5s")
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK
    with bench.faults.sim.busy(span="1h", failure=True):
        assert bench.at("+CPIN?", wait="5s") == b"\r\n+CME ERROR: 13\r\n"
    bench.wait("5s")
    assert bench.at("+CPIN?") == b"\r\n+CPIN: READY\r\n" + OK


@pytest.mark.strikes("sim-imsi", "sim-iccid")
def test_other_identities(bench: FaultBench) -> None:
    assert bench.at("+CIMI") == b"\r\n732123000000001\r\n" + OK
    bench.at("+CEREG=1")
    bench.faults.sim.imsi()
    refreshed = bench.wait("10s")
    assert refreshed.index(b"+CEREG: 0") < refreshed.index(b"+CPIN: READY") < refreshed.index(b"+CEREG: 5")
    assert bench.at("+CIMI") == b"\r\n310170845466094\r\n" + OK
    bench.faults.sim.imsi(imsi="732123000000009")
    bench.wait("10s")
    assert bench.at("+CIMI") == b"\r\n732123000000009\r\n" + OK
    bench.faults.sim.iccid(iccid="8910392000000000015")
    bench.wait("10s")
    assert bench.at("+QCCID") == b"\r\n+QCCID: 8910392000000000015F\r\n" + OK
    assert bench.at("+CRSM=176,12258,0,0,10").startswith(b'\r\n+CRSM: 144,0,"980193020000000010F5"')
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 1,5")  # the network knows it by its IMSI


# -- network ----------------------------------------------------------------------------------------------------------


@pytest.mark.strikes("network-none", "network-lost")
def test_no_network_and_lost_network(bench: FaultBench) -> None:
    gone = bench.faults.network.none()
    bench.wait("1h")
    assert registration(bench) == b"+CEREG: 0,2"
    assert bench.at("+CSQ") == b"\r\n+CSQ: 99,99\r\n" + OK
    assert bench.at("+COPS?") == b"\r\n+COPS: 0\r\n" + OK
    assert bench.at("+COPS=?", wait="1min") == b"\r\n+COPS: ,,(0-4),(0-2)\r\n" + OK
    bench.faults.remove(gone)
    bench.wait("10s")
    assert registration(bench) == b"+CEREG: 0,5"
    bench.at("+CEREG=1")
    bench.faults.network.lost(span="30s")
    assert bench.wait("29s") == b"\r\n+CEREG: 2\r\n"
    assert bench.wait("10s") == b"\r\n+CEREG: 5\r\n"


@pytest.mark.strikes("network-searching")
def test_searching(bench: FaultBench) -> None:
    bench.at("+CEREG=1")
    bench.faults.network.searching(span="90s")
    assert bench.wait("89s") == b"\r\n+CEREG: 2\r\n"
    assert bench.wait("2s") == b"\r\n+CEREG: 5\r\n"
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 1,5")


def test_searching_from_the_start(make_bench: type[FaultBench]) -> None:
    bench = make_bench(boot=False)
    bench.faults.network.searching(span="90s")
    bench.boot()
    bench.wait("70s")
    assert registration(bench) == b"+CEREG: 0,2"
    bench.wait("20s")
    assert registration(bench) == b"+CEREG: 0,5"


@pytest.mark.strikes("network-denied", "network-no-roaming")
@pytest.mark.parametrize("cause", [3, 6, 7, 8, 11, 12, 13, 14, 15, 22])
def test_denied(bench: FaultBench, cause: int) -> None:
    bench.at("+CEREG=3")
    denied = bench.faults.network.denied(cause=cause)
    assert bench.wait("1s").startswith(b"\r\n+CEREG: 3")
    assert bench.at("+CEREG?").split(b"\r\n")[1] == b"+CEREG: 3,3,,,,0,%d" % cause
    bench.faults.remove(denied)
    bench.wait("10min")
    if cause in (11, 14):  # the operator is on the card's list by now: the end of the fault alone brings nobody back
        assert bench.at("+CEREG?").split(b"\r\n")[1] == b"+CEREG: 3,3,,,,0,%d" % cause
        bench.at("+CFUN=4", wait="1s")
        bench.at("+CFUN=1", wait="1min")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 3,5")
    bench.faults.network.no_roaming(span="1min")
    bench.wait("10s")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 3,3,,,,0,13")
    bench.wait("2min")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 3,5")


@pytest.mark.strikes("network-congested")
def test_congested(bench: FaultBench) -> None:
    bench.at("+CMGF=1")
    bench.at("+CEREG=3")
    bench.faults.network.congested(span="1min")
    bench.at('+CMGS="000"')
    assert bench.type(b"hi\x1a", wait="5s") == b"\r\n+CMS ERROR: 42\r\n"
    bench.at("+CGATT=0", wait="1s")
    assert b"+CME ERROR" in bench.at("+CGATT=1", wait="30s")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 3,3,,,,0,22")
    bench.wait("10min")
    assert bench.at("+CEREG?").startswith(b"\r\n+CEREG: 3,5")


@pytest.mark.strikes("network-signal")
def test_signal_curve(bench: FaultBench) -> None:
    bench.faults.network.signal(points=[["0s", -51], ["20s", -91], ["30s", -120], ["60s", -120], ["70s", -71]])
    found = []
    for _ in range(4):
        found.append(bench.at("+CSQ").split(b"\r\n")[1])
        bench.wait("10s")
    assert found == [b"+CSQ: 31,99", b"+CSQ: 21,99", b"+CSQ: 11,99", b"+CSQ: 99,99"]
    assert registration(bench) == b"+CEREG: 0,2"
    bench.wait("1min")
    assert bench.at("+CSQ") == b"\r\n+CSQ: 21,99\r\n" + OK


@pytest.mark.strikes("network-nitz")
def test_nitz_jump(bench: FaultBench) -> None:
    before = bench.at("+CCLK?")
    bench.at("+CTZR=1")
    bench.faults.network.nitz(seconds=-86_400 * 365, quarters=-20)
    assert bench.heard() == b'\r\n+CTZV: "-20"\r\n'
    after = bench.at("+CCLK?")
    assert before.startswith(b'\r\n+CCLK: "26/01/01,')
    assert after.startswith(b'\r\n+CCLK: "24/12/31,19')
    assert b'-20"' in after


@pytest.mark.strikes("network-rat")
def test_technology_changes(bench: FaultBench) -> None:
    assert bench.at("+COPS?").endswith(b',8\r\n' + OK)
    bench.at("+CEREG=2")
    bench.at("+CGREG=2")
    bench.faults.network.rat(technology="gsm")
    assert b"+CEREG: 0" in bench.wait("1s")
    assert bench.at("+COPS?").endswith(b',0\r\n' + OK)
    assert bench.at("+CGREG?").startswith(b"\r\n+CGREG: 2,5")
    bench.faults.network.rat(technology="lte-m")
    bench.wait("1s")
    assert bench.at("+COPS?").endswith(b',8\r\n' + OK)


@pytest.mark.strikes("network-slow-scan")
def test_slow_scan(bench: FaultBench) -> None:
    bench.faults.network.slow_scan(by="120s")
    assert bench.at("+COPS=?", wait="154s") == b""
    assert b"+COPS: (2," in bench.wait("2s")
    assert b"+COPS: (2," in bench.at("+COPS=?", wait="36s")


def test_a_fault_for_another_modem_is_none_for_this_one(bench: FaultBench) -> None:
    with pytest.raises(UsageError, match="modem: there is no modem 'modem-2': there are modem-1"):
        bench.faults.on_modem("modem-2").network.none()
