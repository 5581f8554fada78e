"""DP and AHB-AP, register by register, over a bus of plain bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageError
from harness.virtual.board.core.interface import BusError
from harness.virtual.board.debug.ap import AP_BASE, AP_IDR, BASE, BD0, CFG, CSW, DRW, IDR, TAR, AhbAp
from harness.virtual.board.debug.dp import ABORT, BANKED, DPIDR, RDBUFF, SELECT, STICKYERR, TARGETID, Dap
from harness.virtual.board.debug.operations import Fault

POWER_UP = 0x5000_0000
RAM = 0x2000_0000
BYTE, HALF, WORD, INCREMENT = 0, 1, 2, 0x10


class BytesBus:
    """4 KiB of memory at RAM, and a log of the accesses."""

    def __init__(self) -> None:
        self.memory = bytearray(range(256)) * 16
        self.log: list[tuple[str, int, int]] = []

    def _at(self, address: int, size: int, *, write: bool) -> int:
        if not RAM <= address <= RAM + len(self.memory) - size:
            raise BusError(address, write=write)
        return address - RAM

    def read(self, address: int, size: int) -> int:
        self.log.append(("r", address, size))
        at = self._at(address, size, write=False)
        return int.from_bytes(self.memory[at:at + size], "little")

    def write(self, address: int, size: int, value: int) -> None:
        self.log.append(("w", address, size))
        at = self._at(address, size, write=True)
        self.memory[at:at + size] = value.to_bytes(size, "little")

    def read_memory(self, address: int, size: int) -> bytes:
        at = self._at(address, size, write=False)
        return bytes(self.memory[at:at + size])

    def write_memory(self, address: int, data: bytes) -> None:
        at = self._at(address, len(data), write=True)
        self.memory[at:at + len(data)] = data


@pytest.fixture
def bus() -> BytesBus:
    return BytesBus()


@pytest.fixture
def ap(bus: BytesBus) -> AhbAp:
    return AhbAp(bus)


@pytest.fixture
def dap(ap: AhbAp) -> Dap:
    dap = Dap({0: ap})
    dap.write_dp(BANKED, POWER_UP)
    return dap


def test_identification(dap: Dap) -> None:
    assert dap.read_dp(0) == DPIDR == 0x0BE1_2477
    dap.write_dp(SELECT, 2)
    assert dap.read_dp(BANKED) == TARGETID
    dap.write_dp(SELECT, 3)
    assert dap.read_dp(BANKED) == 1
    dap.write_dp(SELECT, 0xF0)
    assert (dap.read_ap(BASE), dap.read_ap(IDR), dap.read_ap(CFG)) == (AP_BASE, AP_IDR, 0)
    assert (AP_BASE, AP_IDR) == (0xE00F_F003, 0x8477_0001)


def test_power_requests_are_acknowledged_and_taken_back() -> None:
    dap = Dap({})
    assert dap.read_dp(BANKED) == 0
    dap.write_dp(BANKED, 0x5000_0F00)
    assert dap.read_dp(BANKED) == 0xF000_0F00
    dap.write_dp(BANKED, 0x1000_0000)
    assert dap.read_dp(BANKED) == 0x3000_0000
    dap.write_dp(BANKED, 0)
    assert dap.read_dp(BANKED) == 0


def test_no_ap_access_without_power(ap: AhbAp) -> None:
    dap = Dap({0: ap})
    with pytest.raises(Fault, match="not powered"):
        dap.read_ap(IDR)
    assert dap.read_dp(BANKED) & STICKYERR


def test_absent_access_ports_read_as_zero(dap: Dap) -> None:
    dap.write_dp(SELECT, 0x0100_00F0)
    assert dap.read_ap(0x0100_00FC) == 0
    dap.write_ap(0x0100_0000, 5)
    assert dap.read_ap_block(0xC, 3) == [0, 0, 0]
    assert dap.read_ap_block(0xC, 0) == []


def test_the_sticky_error_blocks_until_aborted(dap: Dap) -> None:
    dap.write_ap(CSW, WORD)
    dap.write_ap(TAR, 0x9000_0000)
    with pytest.raises(Fault, match="bus error: read at 0x90000000"):
        dap.read_ap(DRW)
    assert dap.read_dp(BANKED) == 0xF000_0020
    with pytest.raises(Fault, match="sticky"):
        dap.read_ap(TAR)
    with pytest.raises(Fault, match="sticky"):
        dap.write_ap(TAR, RAM)
    dap.write_dp(BANKED, POWER_UP)
    assert dap.read_dp(BANKED) & STICKYERR, "on SWD only ABORT clears it"
    dap.write_dp(ABORT, 0x1E)
    assert not dap.read_dp(BANKED) & STICKYERR
    assert dap.read_ap(TAR) == 0x9000_0000
    dap.write_ap(TAR, 0)
    with pytest.raises(Fault, match="bus error: write at 0x00000000"):
        dap.write_ap(DRW, 1)


def test_rdbuff_repeats_the_last_read_and_readok_tells_how_it_went(dap: Dap) -> None:
    dap.write_ap(CSW, WORD)
    dap.write_ap(TAR, RAM + 4)
    assert dap.read_ap(DRW) == 0x0706_0504
    assert dap.read_dp(RDBUFF) == 0x0706_0504
    assert dap.read_dp(BANKED) & 0x40


@pytest.mark.parametrize("address", [1, 2, 0x10, -4])
def test_there_are_four_dp_addresses(dap: Dap, address: int) -> None:
    with pytest.raises(UsageError, match="a DP register address is"):
        dap.read_dp(address)
    with pytest.raises(UsageError, match="a DP register address is"):
        dap.write_dp(address, 0)


def test_csw_keeps_what_is_implemented(ap: AhbAp) -> None:
    ap.write(CSW, 0xFFFF_FFFF)
    assert ap.read(CSW) == 0xFF00_0042
    ap.write(CSW, INCREMENT | HALF)
    assert ap.read(CSW) == 0x0000_0051
    ap.write(CSW, 0x20 | BYTE)
    assert ap.read(CSW) == 0x40, "packed transfers are not implemented"


@pytest.mark.parametrize(("size", "offset", "shown"), [
    (BYTE, 0, 0x0000_0000), (BYTE, 1, 0x0000_0100), (BYTE, 2, 0x0002_0000), (BYTE, 3, 0x0300_0000),
    (HALF, 0, 0x0000_0100), (HALF, 2, 0x0302_0000), (WORD, 0, 0x0302_0100)])
def test_reads_use_the_byte_lanes_of_the_address(ap: AhbAp, size: int, offset: int, shown: int) -> None:
    ap.write(CSW, size)
    ap.write(TAR, RAM + offset)
    assert ap.read(DRW) == shown
    assert ap.read(TAR) == RAM + offset


@pytest.mark.parametrize(("size", "offset", "memory"), [
    (BYTE, 0, "44010203"), (BYTE, 1, "00330203"), (BYTE, 2, "00012203"), (BYTE, 3, "00010211"),
    (HALF, 0, "44330203"), (HALF, 2, "00012211"), (WORD, 0, "44332211")])
def test_writes_use_the_byte_lanes_of_the_address(ap: AhbAp, bus: BytesBus, size: int, offset: int,
                                                  memory: str) -> None:
    ap.write(CSW, size)
    ap.write(TAR, RAM + offset)
    ap.write(DRW, 0x1122_3344)
    assert bus.memory[:4].hex() == memory


def test_the_address_wraps_at_1_kib(ap: AhbAp, bus: BytesBus) -> None:
    ap.write(CSW, INCREMENT | WORD)
    ap.write(TAR, RAM + 0x7FC)
    assert [ap.read(DRW), ap.read(DRW)] == [0xFFFE_FDFC, 0x0302_0100]
    assert ap.read(TAR) == RAM + 0x404
    ap.write(TAR, RAM + 0x7F8)
    ap.write_block(DRW, [0x1111_1111, 0x2222_2222, 0x3333_3333])
    assert bus.memory[0x7F8:0x800].hex() == "1111111122222222"
    assert bus.memory[0x400:0x404].hex() == "33333333"


def test_banked_data_registers_do_not_move_the_address(ap: AhbAp, bus: BytesBus) -> None:
    ap.write(CSW, INCREMENT | BYTE)
    ap.write(TAR, RAM + 0x10)
    ap.write(BD0 + 8, 0xAABB_CCDD)
    assert bus.memory[0x18:0x1C].hex() == "ddccbbaa"
    assert ap.read(BD0 + 12) == 0x1F1E_1D1C
    assert ap.read(TAR) == RAM + 0x10


@given(start=st.integers(0, 0x3FF).map(lambda word: 4 * word), count=st.integers(1, 300),
       csw=st.sampled_from([BYTE, HALF, WORD, INCREMENT | BYTE, INCREMENT | HALF, INCREMENT | WORD]))
def test_a_block_is_the_same_as_single_transfers(start: int, count: int, csw: int) -> None:
    single, block = AhbAp(BytesBus()), AhbAp(BytesBus())
    for ap in (single, block):
        ap.write(CSW, csw)
        ap.write(TAR, RAM + start)
    assert block.read_block(DRW, count) == [single.read(DRW) for _ in range(count)]
    assert block.read(TAR) == single.read(TAR)


@given(start=st.integers(0, 0x3FF).map(lambda word: 4 * word), csw=st.sampled_from([WORD, INCREMENT | WORD, INCREMENT]),
       values=st.lists(st.integers(0, 0xFFFF_FFFF), min_size=1, max_size=300))
def test_a_written_block_is_the_same_as_single_transfers(start: int, csw: int, values: list[int]) -> None:
    buses = BytesBus(), BytesBus()
    single, block = (AhbAp(bus) for bus in buses)
    for ap in (single, block):
        ap.write(CSW, csw)
        ap.write(TAR, RAM + start)
    block.write_block(DRW, values)
    for value in values:
        single.write(DRW, value)
    assert buses[0].memory == buses[1].memory
    assert block.read(TAR) == single.read(TAR)
