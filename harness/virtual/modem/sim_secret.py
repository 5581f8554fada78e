"""A PIN with the PUK that unblocks it, and how often each may still be wrong (ETSI TS 102 221 clause 9.5)."""

from __future__ import annotations

PIN_TRIES = 3
PUK_TRIES = 10


class Secret:
    """One PIN of a card: the first one, or PIN2.

    Args:
        pin: 4 to 8 digits.
        puk: 8 digits.

    Attributes:
        tries: how many wrong PINs are left; 0: the PUK is asked for.
        puk_tries: how many wrong PUKs are left; 0: nothing unblocks it any more.
        verified: whether it was given since the card has power.

        >>> pin2 = Secret("0000", "12345678")
        >>> [pin2.verify(one) for one in ("1111", "2222", "3333", "0000")], pin2.blocked
        ([False, False, False, False], True)
        >>> pin2.unblock("12345678", "4321"), pin2.verified
        (True, True)
    """

    def __init__(self, pin: str, puk: str) -> None:
        self.tries = PIN_TRIES
        self.puk_tries = PUK_TRIES
        self.verified = False
        self._pin = pin
        self._puk = puk

    def __repr__(self) -> str:
        return f"Secret({self.tries} tries, {self.puk_tries} of the PUK{', verified' if self.verified else ''})"

    @property
    def blocked(self) -> bool:
        """Whether the PUK is asked for."""
        return self.tries == 0

    @property
    def dead(self) -> bool:
        """Whether nothing unblocks it any more."""
        return self.puk_tries == 0

    def verify(self, pin: str) -> bool:
        """Present the PIN; three wrong ones in a row ask for the PUK, and what was verified is so until then."""
        if self.blocked:
            return False
        right = pin == self._pin
        self.tries = PIN_TRIES if right else self.tries - 1
        self.verified = right or (self.verified and not self.blocked)
        return right

    def unblock(self, puk: str, new_pin: str) -> bool:
        """Present the PUK and set a new PIN; ten wrong ones in a row are the end."""
        if self.dead:
            return False
        if puk != self._puk:
            self.puk_tries -= 1
            return False
        self.renew(new_pin)
        self.verified = True
        return True

    def change(self, old: str, new: str) -> bool:
        """Set another PIN; the old one counts as presented."""
        if not self.verify(old):
            return False
        self._pin = new
        return True

    def renew(self, pin: str) -> None:
        """Set a PIN that nobody presented yet, with all tries."""
        self._pin = pin
        self.tries, self.puk_tries, self.verified = PIN_TRIES, PUK_TRIES, False
