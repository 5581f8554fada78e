"""The pytest plug-in ``harness``: fixtures for the three wires, steps, and evidence of what happened.

Everything heavy is imported when a test first asks for a rig, so a run without harness tests pays nothing.
"""

pytest_plugins = [
    "harness.pytest_plugin.options",
    "harness.pytest_plugin.fixtures",
    "harness.pytest_plugin.steps",
    "harness.pytest_plugin.evidence",
    "harness.pytest_plugin.captures",
]


class FaultNeverStruck(UserWarning):
    """A fault that a test set has not struck: the test shows less than it seems to.

    ``filterwarnings = ["error::harness.pytest_plugin.FaultNeverStruck"]`` makes that a failure.
    """
