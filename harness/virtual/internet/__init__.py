"""The virtual internet: hosts that a test or a rig file maps to a handler in Python or to an address on loopback."""
