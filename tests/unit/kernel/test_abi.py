"""The call table and the guest structures against the calling rules and hand-counted layouts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.virtual.board.core.interface import VENEER_SLOTS
from harness.virtual.board.kernel import structures
from harness.virtual.board.kernel.abi import BY_NAME, CALLS
from harness.virtual.board.kernel.enums import ENUM_SIZES, MvStatus, MvWakeReason
from harness.virtual.board.kernel.structures import STRUCT_SIZES


def test_the_table_is_whole() -> None:
    assert len(CALLS) == len(BY_NAME) == 71
    assert set(range(VENEER_SLOTS)) - set(CALLS) == {12, 20, 71}
    assert all(len(call.arguments) <= 4 for call in CALLS.values())
    assert all(call.statuses[0] is MvStatus.OKAY for call in CALLS.values())


@pytest.mark.parametrize(("name", "slot"), [("mvGetMicroseconds", 2), ("mvServerLog", 37), ("mvPeriphPoke32", 21),
                                            ("mvGetWakeReason", 63), ("mvGetWifiConfig", 73)])
def test_slots(name: str, slot: int) -> None:
    assert BY_NAME[name].slot == slot


def test_five_enums_take_one_byte() -> None:
    assert sorted(name for name, size in ENUM_SIZES.items() if size == 1) == [
        "MvDeepSleepMode", "MvMqttAuthenticationMethod", "MvPowerSavingMode", "MvWakeReason", "MvWifiConfigMode"]
    assert len(ENUM_SIZES) == 22
    assert BY_NAME["mvGetWakeReason"].arguments[0].size == 1
    assert BY_NAME["mvPowerSave"].arguments[0].mask == 0xFF
    assert max(MvStatus) == 38
    assert max(MvWakeReason) == 16


@pytest.mark.parametrize(("name", "size"), [
    ("MvNotification", 16), ("MvOpenChannelParams", 44), ("MvHttpRequest", 36), ("MvMqttConnectRequest", 60),
    ("MvMqttAuthentication", 20), ("MvTlsCredentials", 24), ("MvMqttWill", 24), ("MvWifiConfig", 24),
    ("MvConfigResponseReadItemParams", 20), ("MvExternalFlashInfo", 16)])
def test_sizes_of_structures(name: str, size: int) -> None:
    assert STRUCT_SIZES[name] == size


@given(st.binary(min_size=60, max_size=60))
def test_any_bytes_are_some_connect_request(data: bytes) -> None:
    request = structures.MvMqttConnectRequest.parse(data)
    assert request.port == int.from_bytes(data[12:14], "little")
    assert request.clientid.data == int.from_bytes(data[16:20], "little")
    assert request.authentication.method == data[24]
    assert request.tls_credentials == int.from_bytes(data[44:48], "little")
    assert request.clean_start == data[52]
    assert request.will == int.from_bytes(data[56:60], "little")
