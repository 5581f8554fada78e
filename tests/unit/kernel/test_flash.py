"""The flash chips and the records over them, against a plain model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import InternalError, UsageError
from harness.virtual.board.flash import SECTOR, STAGING_SIZE, FlashStore, NorFlash, Power, PowerCut

SIZE, UNIT = 1024, 256

OPERATIONS = st.lists(st.one_of(
    st.tuples(st.just("erase"), st.integers(0, SIZE // UNIT - 1), st.just(b"")),
    st.tuples(st.just("write"), st.integers(0, SIZE - 300), st.binary(max_size=300))), max_size=30)


@given(OPERATIONS)
def test_a_chip_erases_to_ones_and_writes_only_zeros(operations: list[tuple[str, int, bytes]]) -> None:
    chip, model = NorFlash(SIZE, UNIT, Power()), bytearray(b"\xff" * SIZE)
    for name, where, data in operations:
        if name == "erase":
            chip.erase(where)
            model[where * UNIT:(where + 1) * UNIT] = b"\xff" * UNIT
        else:
            chip.write(where, data)
            for index, byte in enumerate(data):
                model[where + index] &= byte
    assert chip.read(0, SIZE) == bytes(model)


def test_a_chip_has_an_end() -> None:
    chip = NorFlash(SIZE, UNIT, Power())
    with pytest.raises(InternalError):
        chip.write(SIZE - 1, b"ab")


def test_a_cut_tears_the_operation_and_ends_all_others() -> None:
    power = Power()
    chip = NorFlash(SIZE, UNIT, power)
    power.cut_at = 1
    with pytest.raises(PowerCut):
        chip.write(0, b"\x00" * 8)
    assert chip.read(0, 8) == b"\x00" * 4 + b"\xff" * 4
    with pytest.raises(PowerCut, match="no power"):
        chip.write(16, b"\x00")


@settings(max_examples=20)
@given(st.lists(st.binary(min_size=1, max_size=20_000), min_size=1, max_size=3), st.integers(1, 60))
def test_a_cut_at_any_time_leaves_one_of_the_images(images: list[bytes], cut: int) -> None:
    store = FlashStore()
    store.install("KA0", b"", [(True, 0, b"first")])
    allowed = [store.image()]
    store.power.cut_at = store.power.operations + cut
    try:
        for number, image in enumerate(images):
            allowed.append(image + b"\xff" * (len(allowed[0]) - len(image)))
            store.install(f"KA{number + 1}", b"manifest", [(True, 0, image)])
    except PowerCut:
        pass
    store.power.cut_at = None
    again = FlashStore()
    again.internal, again.external, again.power = store.internal, store.external, store.power
    again.boot()
    assert again.image() in allowed
    assert again.installed is not None
    assert again.image() == allowed[int(again.installed.app_sid[2:])]


def test_layers_without_room_are_refused() -> None:
    store = FlashStore()
    with pytest.raises(UsageError, match="no room"):
        store.install("KA1", b"", [(True, 0, bytes(STAGING_SIZE + 1))])
    assert store.installed is None


def test_external_layers_go_to_the_applications_part() -> None:
    from harness.virtual.board.flash import USER_BASE

    store = FlashStore()
    store.external.write(USER_BASE, b"keep" + bytes(4))
    store.install("KA1", b"", [(True, 0, b"code"), (False, SECTOR - 2, b"data")])
    assert store.external.read(USER_BASE, 4) == b"keep"
    assert store.external.read(USER_BASE + SECTOR - 2, 4) == b"data"


def test_a_cut_at_any_operation_of_the_factory_install_leaves_the_test_or_the_final_application() -> None:
    """And what the board boots into agrees with whether it still believes in testing."""
    def factory() -> FlashStore:
        store = FlashStore()
        store.install("KA0", b"", [(True, 0, b"test application")])
        store.stage_final("KA1", b"manifest", [(True, 0, b"final" * 3000)])
        return store

    whole = factory()
    before = whole.power.operations
    installed = whole.install_final()
    assert installed is not None
    total = whole.power.operations - before
    outcomes = set()
    for number in range(1, total + 1):
        store = factory()
        store.power.cut_at = store.power.operations + number
        with pytest.raises(PowerCut):
            store.install_final()
        store.power.cut_at = None
        store.boot()
        assert store.installed is not None
        assert store.record.tested is (store.installed.app_sid == "KA1")
        assert store.image()[:5] == (b"final" if store.record.tested else b"test ")
        outcomes.add(store.installed.app_sid)
    assert outcomes == {"KA0", "KA1"}


def test_without_a_final_application_the_test_passes_and_nothing_is_installed() -> None:
    store = FlashStore()
    store.install("KA0", b"", [(True, 0, b"test application")])
    assert store.install_final() is None
    assert store.boot() is False
    assert store.record.tested
    assert store.installed is not None
    assert store.installed.app_sid == "KA0"
