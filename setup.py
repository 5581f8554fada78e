"""What pyproject.toml has no words for: packages beside the package directory, and an extension that may be missing."""

from setuptools import Extension, find_namespace_packages, setup

setup(
    packages=[
        *find_namespace_packages(include=["harness", "harness.*"]),
        "harness.firmware_fixtures",
        "harness.device_profiles",
    ],
    # Optional: where there is no C compiler, the installation succeeds and the hook in Python serves.
    ext_modules=[Extension("harness.virtual.board.core._pace", ["harness/virtual/board/core/_pace.c"], optional=True,
                           extra_compile_args=["-O2", "-fvisibility=hidden"])],
)
