"""Long messages: cut so that nothing breaks, joined whatever order the parts come in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import gsmmodem.pdu
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import PduError
from harness.formats.sms import Alphabet, Concatenation, Language, Part, Reassembler, gsm7, split
from harness.formats.sms.segments import ReassemblerStatistics
from harness.formats.sms.userdata import UserData, encode_user_data

ANY_TEXT = st.text("ab€{ж😀", max_size=700) | st.text("ab€{", min_size=100, max_size=700)


def units(part: Part) -> int:
    """The length of a part in what its alphabet counts."""
    if part.coding.alphabet is Alphabet.GSM7:
        return gsm7.septet_count(part.text)
    return len(part.text.encode("utf-16-be")) // 2


def concatenation(part: Part) -> Concatenation | None:
    return UserData(user_data_header=part.user_data_header).concatenation


@given(ANY_TEXT, st.booleans(), st.integers(0, 255))
def test_parts_fit_and_make_the_text_again(text: str, wide: bool, reference: int) -> None:
    parts = split(text, reference=reference, wide_reference=wide)
    assert "".join(part.text for part in parts) == text
    for number, part in enumerate(parts, start=1):
        encode_user_data(UserData(text=part.text, user_data_header=part.user_data_header), part.coding)
        expected = Concatenation(reference=reference, total=len(parts), sequence=number, wide=wide)
        assert concatenation(part) == (expected if len(parts) > 1 else None)


@pytest.mark.parametrize(
    ("character", "wide", "single", "many"),
    [("x", False, 160, 153), ("x", True, 160, 152), ("ж", False, 70, 67), ("ж", True, 70, 66)],
)
def test_the_sizes_of_the_standard(character: str, wide: bool, single: int, many: int) -> None:
    assert len(split(single * character, wide_reference=wide)) == 1
    sizes = [len(part.text) for part in split((single + 1) * character, wide_reference=wide)]
    assert sizes == [many, single + 1 - many]
    assert [len(part.text) for part in split(2 * many * character, wide_reference=wide)] == [many, many]


def test_neither_escapes_nor_surrogate_pairs_are_cut() -> None:
    parts = split(152 * "x" + "€" + 10 * "x")
    assert [part.text[-1] for part in parts] == ["x", "x"]
    assert [units(part) for part in parts] == [152, 12]
    parts = split(66 * "ж" + "😀" + 10 * "ж")
    assert [units(part) for part in parts] == [66, 12]
    assert parts[1].text.startswith("😀")


def test_national_tables_cost_a_part_of_the_room() -> None:
    parts = split(200 * "ş", single=Language.TURKISH)
    assert [part.coding.alphabet for part in parts] == 3 * [Alphabet.GSM7]
    assert len(split(155 * "a", single=Language.TURKISH)) == 1
    assert len(split(156 * "a", single=Language.TURKISH)) == 2
    assert [len(part.text) for part in split(156 * "ş", locking=Language.TURKISH)] == [149, 7]


def test_an_alphabet_can_be_asked_for() -> None:
    assert len(split(71 * "x", alphabet=Alphabet.UCS2)) == 2
    with pytest.raises(PduError, match="not in the GSM 7-bit alphabet"):
        split("ж", alphabet=Alphabet.GSM7)
    with pytest.raises(PduError, match="no text to split"):
        split("x", alphabet=Alphabet.OCTETS)


def test_an_empty_text_is_one_part_and_255_are_the_limit() -> None:
    assert [part.text for part in split("")] == [""]
    assert len(split(255 * 153 * "x")) == 255
    with pytest.raises(PduError, match="takes 256 parts, at most 255"):
        split((255 * 153 + 1) * "x")
    with pytest.raises(PduError, match="8-bit concatenation reference cannot be 256"):
        split(161 * "x", reference=256)


@given(st.text("ab€{", min_size=161, max_size=700).filter(lambda text: gsm7.septet_count(text) > 160))
def test_gsmmodem_cuts_at_the_same_places(text: str) -> None:
    assert [part.text for part in split(text)] == gsmmodem.pdu.divideTextGsm7(text)


# -- joining ----------------------------------------------------------------------------------------------------------


@given(st.lists(ANY_TEXT, min_size=1, max_size=4), st.randoms(use_true_random=False), st.booleans())
def test_parts_join_in_any_order_with_duplicates(texts: list[str], chance: object, stamped: bool) -> None:
    join = Reassembler()
    flight = [
        (f"+{sender}", concatenation(part), part.text, sender if stamped else None)
        for sender, text in enumerate(texts)
        for part in split(text, reference=7)
    ]
    shuffle = chance.shuffle  # type: ignore[attr-defined]
    shuffle(flight)
    if stamped:
        # A duplicate may come any time later, even after the whole.
        flight += [entry for entry in flight if entry[1] is not None]
    whole = [
        (sender, text)
        for sender, element, part, stamp in flight
        if (text := join.feed(sender, element, part, stamp=stamp)) is not None
    ]
    assert sorted(whole) == sorted((f"+{sender}", text) for sender, text in enumerate(texts))
    assert join.statistics().pending == 0


def test_a_reference_that_comes_round_begins_a_new_message() -> None:
    join = Reassembler()
    first, second = (Concatenation(reference=1, total=2, sequence=number) for number in (1, 2))
    assert join.feed("a", first, "old 1", stamp=1) is None
    assert join.feed("a", first, "new 1", stamp=9) is None
    assert join.feed("a", second, "new 2", stamp=9) == "new 1new 2"
    assert join.statistics().pending == 1  # the rest of the old one may still come
    assert join.feed("a", second, "new 2", stamp=9) is None
    assert join.statistics().duplicates == 1
    assert join.feed("a", second, "new 2", stamp=20) is None
    assert join.feed("a", first, "new 1", stamp=20) == "new 1new 2"


@given(st.lists(st.integers(2, 4), min_size=2, max_size=5), st.randoms(use_true_random=False))
def test_messages_with_one_reference_are_told_apart_by_their_time(sizes: list[int], chance: object) -> None:
    """Parts are stamped one by one, some seconds apart; the messages are minutes apart; all arrive in any order."""
    join = Reassembler()
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    flight = [(Concatenation(reference=7, total=size, sequence=part + 1), f"{number}.{part} ",
               begin + timedelta(minutes=5 * number, seconds=2 * part))
              for number, size in enumerate(sizes) for part in range(size)]
    chance.shuffle(flight)  # type: ignore[attr-defined]
    whole = [text for part, body, stamp in flight if (text := join.feed("a", part, body, stamp=stamp)) is not None]
    assert sorted(whole) == sorted("".join(f"{number}.{part} " for part in range(size))
                                   for number, size in enumerate(sizes))
    assert join.statistics() == ReassemblerStatistics(pending=0, parts=0, duplicates=0, dropped=0)


def test_a_part_of_yesterday_is_not_of_todays_message() -> None:
    join = Reassembler()
    yesterday, today = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    first, second = (Concatenation(reference=1, total=2, sequence=number) for number in (1, 2))
    assert join.feed("a", first, "lost ", stamp=yesterday) is None
    assert join.feed("a", second, "world", stamp=today) is None
    assert join.feed("a", first, "hello ", stamp=today + timedelta(seconds=1)) == "hello world"
    assert join.feed("a", second, "and found", stamp=yesterday) == "lost and found"


def test_parts_of_different_messages_do_not_mix() -> None:
    join = Reassembler()
    assert join.feed("a", Concatenation(reference=1, total=2, sequence=1), "x") is None
    assert join.feed("b", Concatenation(reference=1, total=2, sequence=2), "x") is None
    assert join.feed("a", Concatenation(reference=2, total=2, sequence=2), "x") is None
    assert join.feed("a", Concatenation(reference=1, total=3, sequence=2), "x") is None
    assert join.feed("a", Concatenation(reference=1, total=2, sequence=2, wide=True), "x") is None
    assert join.statistics().pending == 5


def test_memory_is_bounded() -> None:
    join = Reassembler(limit=3)
    for reference in range(100):
        join.feed("a", Concatenation(reference=reference, total=2, sequence=1), "x")
    assert (join.statistics().pending, join.statistics().dropped) == (3, 97)
    for reference in range(100):
        join.feed("b", Concatenation(reference=reference, total=1, sequence=1), "x", stamp=1)
    assert "pending=3" in repr(join)
    with pytest.raises(PduError, match="at least one message"):
        Reassembler(limit=0)


def test_halves_of_a_surrogate_pair_meet_at_the_seam() -> None:
    join = Reassembler()
    assert join.feed("a", Concatenation(reference=1, total=2, sequence=1), "x\ud83d") is None
    assert join.feed("a", Concatenation(reference=1, total=2, sequence=2), "\ude00y") == "x😀y"
    assert join.feed("a", Concatenation(reference=1, total=1, sequence=1), "x\ud83d") == "x\ufffd"


def test_a_text_that_is_no_part_is_complete() -> None:
    assert Reassembler().feed("a", None, "text") == "text"
