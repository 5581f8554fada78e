"""Devices that tests attach to the buses of a board. They know nothing of the chip, only of their own wires."""
