"""Operators that refused for good, as the client of the port meets them: EF_FPLMN and the ways back into service."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import pytest

from harness.virtual.network.seams import Registration, RegistrationStatus

if TYPE_CHECKING:
    from harness.virtual.modem import SimCard
    from tests.unit.modem.conftest import Bench

OK: Final = b"\r\nOK\r\n"
HERE: Final = "310410"
LIST: Final = "130014"  # 310 410 in the card's file, its digits swapped


def listed(bench: Bench) -> bool:
    return LIST.encode() in bench.at("+CRSM=176,28539,0,0,12")


@pytest.fixture
def refused(bench: Bench) -> Bench:
    """A modem whose operator refused it for good while it was in service."""
    bench.modem.forbid_plmn(HERE, True)
    bench.modem.registration_changed(Registration(status=RegistrationStatus.DENIED, cause=11))
    bench.heard()
    assert listed(bench)
    assert bench.modem.forbidden_plmns() == {HERE}
    return bench


@pytest.mark.parametrize(("off", "on"), [("+CFUN=4", "+CFUN=1"), ("+CFUN=0", "+CFUN=1"), ("", "+CFUN=1,1")])
def test_a_cycle_of_the_radio_tries_it_once_more(refused: Bench, off: str, on: str) -> None:
    if off:
        refused.at(off, wait="1s")
    refused.at(on, wait="1ms")
    refused.wait("15s")
    assert refused.modem.forbidden_plmns() == frozenset()
    assert not listed(refused)  # it took the module in, so it is forbidden no more


def test_tried_and_refused_once_more_it_is_forbidden_again(refused: Bench) -> None:
    refused.carrier.answer = Registration(status=RegistrationStatus.DENIED, cause=11)
    refused.at("+CFUN=4", wait="1s")
    refused.at("+CFUN=1", wait="5s")
    assert listed(refused)
    refused.modem.forbid_plmn(HERE, True)  # as the network does with the refusal
    assert refused.modem.forbidden_plmns() == {HERE}
    refused.at("+COPS=2", wait="1s")
    refused.at("+COPS=0", wait="5s")
    assert refused.modem.forbidden_plmns() == {HERE}  # asking for service again is no cycle of the radio


def test_the_client_clears_the_list(refused: Bench) -> None:
    assert refused.at('+CRSM=214,28539,0,0,12,"FFFFFFFFFFFFFFFFFFFFFFFF"') == b"\r\n+CRSM: 144,0\r\n" + OK
    assert refused.modem.forbidden_plmns() == frozenset()


def test_the_list_goes_with_the_card(refused: Bench, make_bench: Callable[..., Bench]) -> None:
    card = refused.modem.remove_sim()
    assert refused.modem.forbidden_plmns() == frozenset()
    assert card is not None
    assert card.files.forbidden_plmns() == {HERE}


def test_without_a_card_there_is_no_list(make_bench: Callable[..., Bench], make_card: Callable[..., SimCard]) -> None:
    bench = make_bench(sim=None)
    bench.modem.forbid_plmn(HERE, True)
    assert bench.modem.forbidden_plmns() == frozenset()
