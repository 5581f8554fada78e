"""Rigs opened by hand, without the plug-in's fixtures."""

from collections.abc import Iterator

import pytest

from harness.rig import RigOpener
from harness.rig.model import RigFile


@pytest.fixture(scope="session")
def opener() -> Iterator[RigOpener]:
    """Opens virtual rigs with one modem and one board."""
    opener = RigOpener(RigFile())
    yield opener
    opener.close()
