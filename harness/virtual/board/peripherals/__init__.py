"""STM32U585 peripherals, one module each, registers declared as data."""
