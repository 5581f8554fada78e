"""What pyproject.toml has no words for: packages found by search beside packages that lie elsewhere."""

from setuptools import find_namespace_packages, setup

setup(packages=[
    *find_namespace_packages(include=["harness", "harness.*"]),
    "harness.firmware_fixtures",
    "harness.device_profiles",
])
