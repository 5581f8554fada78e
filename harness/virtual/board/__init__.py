"""The virtual board: a Cortex-M33 that runs real application images under a Microvisor kernel, with its peripherals."""
