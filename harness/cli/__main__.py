"""``python -m harness.cli`` is ``mvh``."""

from harness.cli import main

main()
