"""The ``mvh`` command."""

from __future__ import annotations

import sys


def main() -> None:
    """Run ``mvh`` with the arguments of this process and exit.

    Exit codes: 0 fine, 1 what was asked for failed, 2 the question was wrong; ``mvh run`` exits as pytest does.
    """
    from harness.cli.app import app
    from harness.errors import HarnessError

    try:
        app()
    except HarnessError as error:
        print(f"mvh: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone: nothing to tell anybody
        sys.exit(1)
