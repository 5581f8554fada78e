"""What holds for all tests."""

from __future__ import annotations

import signal

# A shell that starts jobs in the background lets them ignore Ctrl-C, and children inherit that; many tests press it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
