"""The debug port: DP, AP and debug registers of the core, as pyOCD and a gdb behind it see them."""
