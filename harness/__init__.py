"""A device-side simulator and test harness for Microvisor boards and Super SIM modems."""
