"""Registration on all axes, operator selection and signal, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from harness.virtual.modem import SimCard
from harness.virtual.network.seams import AccessTechnology, Registration, RegistrationStatus

if TYPE_CHECKING:
    from tests.unit.modem.conftest import Bench

OK = b"\r\nOK\r\n"


def test_read_forms_by_mode(bench: Bench) -> None:
    assert bench.at("+CEREG?") == b"\r\n+CEREG: 0,5\r\n" + OK
    bench.at("+CEREG=2;+CREG=2;+CGREG=2")
    assert bench.at("+CEREG?") == b'\r\n+CEREG: 2,5,"2F0B","A1B2C3",8\r\n' + OK
    assert bench.at("+CREG?") == b'\r\n+CREG: 2,5,"2F0B","A1B2C3",8\r\n' + OK
    assert bench.at("+CGREG?") == b"\r\n+CGREG: 2,4\r\n" + OK
    assert bench.at("+CREG=4") == b"\r\n+CME ERROR: 50\r\n"


def test_power_saving_timers_in_mode_4(bench: Bench) -> None:
    bench.at('+CEREG=4;+CPSMS=1,,,"00000100","00001111"')
    assert bench.at("+CEREG?") == b'\r\n+CEREG: 4,5,"2F0B","A1B2C3",8,,,"00001111","00000100"\r\n' + OK
    assert bench.at("+CPSMS=0;+CEREG?") == b'\r\n+CEREG: 4,5,"2F0B","A1B2C3",8\r\n' + OK  # no commas for nothing
    bench.at('+CPSMS=1,,,"00000100","00001111"')
    assert bench.at("+CPSMS?") == b'\r\n+CPSMS: 1,,,"00000100","00001111"\r\n' + OK


def test_urcs_on_the_way_down_and_up(bench: Bench) -> None:
    bench.at("+CEREG=2;+CREG=1")
    assert bench.at("+COPS=2") == OK + b"\r\n+CREG: 0\r\n\r\n+CEREG: 0\r\n"
    assert bench.at("+COPS=0") == b""
    assert bench.wait("3s") == OK + b'\r\n+CREG: 5\r\n\r\n+CEREG: 5,"2F0B","A1B2C3",8\r\n'


def test_a_new_cell_is_told_in_mode_2_only(bench: Bench) -> None:
    bench.at("+CEREG=2;+CREG=1")
    cell = bench.carrier.answer.cell
    assert cell is not None
    bench.modem.registration_changed(replace(bench.carrier.answer, cell=replace(cell, ci=0x77)))
    assert bench.heard() == b'\r\n+CEREG: 5,"2F0B","77",8\r\n'


def test_a_gsm_cell_moves_the_registration_to_the_other_domains(bench: Bench) -> None:
    cell = bench.carrier.answer.cell
    assert cell is not None
    gsm = replace(cell, act=AccessTechnology.GSM)
    bench.modem.registration_changed(replace(bench.carrier.answer, cell=gsm))
    assert bench.at("+CREG?;+CGREG?;+CEREG?") == (
        b"\r\n+CREG: 0,5\r\n\r\n+CGREG: 0,5\r\n\r\n+CEREG: 0,0\r\n" + OK)


def test_denial_with_its_cause(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=make_card(), boot=False)
    bench.carrier.answer = Registration(status=RegistrationStatus.DENIED, cause=15)
    bench.boot()
    assert bench.at("+CEREG=3;+CEREG?") == b"\r\n+CEREG: 3,3,,,,0,15\r\n" + OK
    assert bench.at("+CREG?") == b"\r\n+CREG: 0,3\r\n" + OK
    assert bench.at("+COPS?") == b"\r\n+COPS: 0\r\n" + OK
    assert bench.at("+CGATT?") == b"\r\n+CGATT: 0\r\n" + OK
    assert bench.at('+CMGS="000"') == b"\r\n+CMS ERROR: 331\r\n"
    assert bench.events("registered", "registration_denied") == ["registration_denied"]


def test_operator_in_three_formats(bench: Bench) -> None:
    assert bench.at("+COPS?") == b'\r\n+COPS: 0,0,"AT&T Mobility",8\r\n' + OK
    assert bench.at("+COPS=3,2;+COPS?") == b'\r\n+COPS: 0,2,"310410",8\r\n' + OK
    assert bench.at("+COPS=5") == b"\r\n+CME ERROR: 50\r\n"


def test_scan_takes_its_time(bench: Bench) -> None:
    assert bench.at("+COPS=?", wait="34s") == b""
    assert bench.wait("2s") == b'\r\n+COPS: (2,"AT&T Mobility","AT&T","310410",8),,(0-4),(0-2)\r\n' + OK


def test_manual_selection(bench: Bench) -> None:
    assert bench.at('+COPS=1,2,"310410"', wait="1s") == OK
    assert bench.carrier.calls[-1] == "select 310410"
    assert bench.at("+COPS?") == b'\r\n+COPS: 1,2,"310410",8\r\n' + OK
    assert bench.at('+COPS=1,2,"26201"') == b"\r\n+CME ERROR: 30\r\n"
    assert bench.at('+COPS=4,0,"Nobody"', wait="1s") == OK  # then any


def test_a_chosen_operator_that_refuses(bench: Bench) -> None:
    bench.at("+COPS=2")
    bench.carrier.answer = replace(bench.carrier.answer, status=RegistrationStatus.DENIED, cause=11)
    assert bench.at('+COPS=1,0,"AT&T Mobility"', wait="3s") == b"\r\n+CME ERROR: 111\r\n"


def test_automatic_selection_gives_up_and_can_be_aborted(bench: Bench) -> None:
    bench.at("+COPS=2")
    bench.carrier.silent = True
    assert bench.at("+COPS=0", wait="179s") == b""
    assert bench.wait("2s") == b"\r\n+CME ERROR: 30\r\n"
    assert bench.at("+COPS=0", wait="5s") == b""
    assert bench.type(b"x") == OK
    assert bench.wait("300s") == b""


def test_attach_and_detach(bench: Bench) -> None:
    assert bench.at("+CGATT?") == b"\r\n+CGATT: 1\r\n" + OK
    assert bench.at("+CGATT=0") == OK
    assert bench.at("+CGATT?") == b"\r\n+CGATT: 0\r\n" + OK
    assert bench.at("+CGATT=1", wait="3s") == OK
    assert bench.at("+CGATT?") == b"\r\n+CGATT: 1\r\n" + OK


def test_signal(bench: Bench) -> None:
    assert bench.at("+CSQ") == b"\r\n+CSQ: 20,99\r\n" + OK
    assert bench.at("+CESQ") == b"\r\n+CESQ: 99,99,255,255,20,48\r\n" + OK
    assert bench.at("+QCSQ") == b'\r\n+QCSQ: "eMTC",-73,-93,150,-10\r\n' + OK
    assert bench.at("+QNWINFO") == b'\r\n+QNWINFO: "eMTC","310410","LTE BAND 12",5110\r\n' + OK
    bench.at("+COPS=2")
    assert bench.at("+CSQ;+QCSQ;+CESQ") == (
        b'\r\n+CSQ: 99,99\r\n\r\n+QCSQ: "NOSERVICE"\r\n\r\n+CESQ: 99,99,255,255,255,255\r\n' + OK)


@pytest.mark.parametrize(("profile", "act"), [("BG96", 8), ("EC25", 7), ("EG21", 7), ("EG91", 7), ("SIM7600", 7)])
def test_a_wide_band_module_tells_of_the_lte_carrier_around_an_lte_m_cell(make_bench: Callable[..., Bench],
                                                                         make_card: Callable[..., SimCard],
                                                                         profile: str, act: int) -> None:
    bench = make_bench(profile=profile, sim=make_card())
    assert bench.at("+CEREG=2;+CEREG?") == f'\r\n+CEREG: 2,5,"2F0B","A1B2C3",{act}\r\n\r\nOK\r\n'.encode()
    assert bench.at("+COPS=3,2;+COPS?") == f'\r\n+COPS: 0,2,"310410",{act}\r\n\r\nOK\r\n'.encode()
    assert f'"310410",{act}),'.encode() in bench.at("+COPS=?", wait="100s")


@pytest.mark.parametrize(("profile", "shown"), [("BG96", 8), ("EC25", 7)])
def test_an_operator_is_chosen_by_the_technology_that_the_scan_told(make_bench: Callable[..., Bench],
                                                                   make_card: Callable[..., SimCard],
                                                                   profile: str, shown: int) -> None:
    bench = make_bench(profile=profile, sim=make_card())
    assert bench.at(f'+COPS=1,2,"310410",{shown}', wait="1s") == OK
    assert bench.carrier.calls[-1] == "select 310410 8"  # what the network calls the cell
    assert bench.at('+COPS=1,2,"310410",5') == b"\r\n+CME ERROR: 50\r\n"


def test_other_access_point_other_attach(bench: Bench) -> None:
    """A device that was refused asks again when the first context changes: that is what the attach asks for."""
    bench.modem.registration_changed(Registration(status=RegistrationStatus.DENIED, cause=27))
    bench.at('+CGDCONT=2,"IP","super"')
    assert bench.carrier.calls.count("attach") == 1
    bench.at('+CGDCONT=1,"IP","super"')
    assert bench.carrier.calls.count("attach") == 2
    assert bench.modem.attach_apn == "super"


@pytest.mark.parametrize(("cause", "text"), [(11, b"PLMN not allowed"), (13, b"Roaming not allowed"),
                                             (99, b"EMM cause 99")])
def test_the_last_error_tells_why_service_was_denied(bench: Bench, cause: int, text: bytes) -> None:
    bench.modem.registration_changed(Registration(status=RegistrationStatus.DENIED, cause=cause))
    assert bench.at("+CEER").startswith(b"\r\n+CEER: " + text)
