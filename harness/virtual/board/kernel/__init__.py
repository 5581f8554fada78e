"""The Microvisor kernel: system calls, notifications, network state, logging and the update lifecycle."""
