"""Two message stores seen as one: nothing is in both, nothing is lost, and numbers stay what they are."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from harness.virtual.modem.messages import JoinedStore, MessageStatus, MessageStore, StoredMessage

SIZES = (3, 4)
MESSAGES = st.builds(StoredMessage, status=st.sampled_from(MessageStatus), sca=st.just(b"\0"),
                     tpdu=st.binary(max_size=4))
INDEXES = st.integers(-1, sum(SIZES) + 1)


class Joined(RuleBasedStateMachine):
    """A joined store beside a plain dict of what must be in it."""

    def __init__(self) -> None:
        super().__init__()
        self.own = MessageStore("ME", SIZES[0])
        self.card = MessageStore("SM", SIZES[1], first=1)
        self.both = JoinedStore("MT", (self.own, self.card))
        self.model: dict[int, StoredMessage] = {}

    @rule(message=MESSAGES)
    def kept(self, message: StoredMessage) -> None:
        index = self.both.add(message)
        free = [number for number in range(sum(SIZES)) if number not in self.model]
        assert index == (free[0] if free else None)
        if index is not None:
            self.model[index] = message

    @rule(message=MESSAGES)
    def kept_on_the_card(self, message: StoredMessage) -> None:
        index = self.card.add(message)
        if index is not None:
            self.model[self.both.index_of(self.card, index)] = message

    @rule(index=INDEXES)
    def deleted(self, index: int) -> None:
        assert self.both.delete(index) == (self.model.pop(index, None) is not None)

    @rule(index=st.integers(0, 5))
    def deleted_in_the_module(self, index: int) -> None:
        if self.own.delete(index):
            del self.model[index]

    @rule(index=INDEXES)
    def marked(self, index: int) -> None:
        if index in self.model:
            self.both.mark(index, MessageStatus.REC_READ)
            self.model[index] = replace(self.model[index], status=MessageStatus.REC_READ)

    @invariant()
    def it_shows_what_is_there(self) -> None:
        assert dict(self.both) == self.model
        assert self.both.indexes == sorted(self.model)
        assert all(self.both.get(index) == self.model.get(index) for index in range(-1, sum(SIZES) + 2))
        assert (self.both.used, self.both.capacity) == (len(self.model), sum(SIZES))
        assert self.both.full == (len(self.model) == sum(SIZES))
        assert self.own.used + self.card.used == len(self.model)


TestJoined = Joined.TestCase
