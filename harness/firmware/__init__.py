"""Fixtures: small applications of our own in C, their prebuilt images, and how to build them again."""

from harness.firmware.build import Built, build_fixture
from harness.firmware.catalogue import Fixture, fixture, fixture_names
from harness.firmware.settings import settings, with_settings
from harness.firmware.toolchain import Toolchain, find_toolchain

__all__ = ["Built", "Fixture", "Toolchain", "build_fixture", "find_toolchain", "fixture", "fixture_names",
           "settings", "with_settings"]
