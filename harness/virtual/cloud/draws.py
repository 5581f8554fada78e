"""Identity by chance that can be taken up again: the n-th draw of a stream is a function of the seed, its name and n.

A store keeps one number per stream, and a cloud that was restarted goes on where it stopped.
"""

from __future__ import annotations

import hashlib


class Draws:
    """One stream of draws.

    Attributes:
        count: how many draws were made.

        >>> draws = Draws(1, "sids")
        >>> first = draws.hex()
        >>> draws.count = 0
        >>> draws.hex() == first
        True
    """

    def __init__(self, seed: int, name: str) -> None:
        self.count = 0
        self._keyed = hashlib.blake2b(f"{seed}:{name}:".encode(), digest_size=16)

    def __repr__(self) -> str:
        return f"Draws({self.count} made)"

    def hex(self) -> str:
        """Return 32 hexadecimal digits."""
        keyed = self._keyed.copy()
        keyed.update(b"%d" % self.count)
        self.count += 1
        return keyed.hexdigest()

    def getrandbits(self, bits: int) -> int:
        """Return a number of up to 128 bits."""
        return int(self.hex(), 16) >> (128 - bits)
