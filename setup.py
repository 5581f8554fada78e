"""What pyproject.toml has no words for: packages beside the package directory, and an extension that may be missing."""

from glob import glob

from setuptools import Extension, find_namespace_packages, setup

_NATIVE = "harness/virtual/board/core/native"

setup(
    packages=[
        *find_namespace_packages(include=["harness", "harness.*"]),
        "harness.firmware_fixtures",
        "harness.device_profiles",
    ],
    # Optional: where there is no C compiler, the installation succeeds and the Python core serves.
    ext_modules=[Extension("harness.virtual.board.core._native", sorted(glob(f"{_NATIVE}/*.c")), optional=True,
                           depends=sorted(glob(f"{_NATIVE}/*.h")),
                           extra_compile_args=["-O2", "-fvisibility=hidden"])],
)
