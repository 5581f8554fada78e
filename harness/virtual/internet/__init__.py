"""The virtual internet: hosts that boards and modems can reach because a test or a rig file maps them.

Importing this package imports nothing: the seams are in :mod:`harness.virtual.internet.seams`, the internet itself in
:mod:`harness.virtual.internet.internet`.
"""
