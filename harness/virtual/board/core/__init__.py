"""The CPU: memory, exceptions, NVIC, SysTick and the run loop, behind one interface."""
