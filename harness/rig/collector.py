"""The garbage collector, in a process that serves for days."""

from __future__ import annotations

import gc


def settle() -> None:
    """Let what is here now be looked at no more, and what is made from now on less often.

    What is here stays as long as the process does. What a request leaves behind is freed at once, by counting, and
    what the cloud keeps is kept for long: to look at either again and again finds nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 20, 20)
