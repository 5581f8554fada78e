"""Which pin is which channel of which timer in which alternate function (STM32U585 data sheet, DS13086)."""

from __future__ import annotations

from collections.abc import Iterator

_TABLE: dict[str, dict[int, str]] = {
    "TIM1": {1: "CH1N:PA7,PB13,PE8 CH1:PA8,PE9 CH2:PA9,PE11 CH3:PA10,PE13 CH4:PA11,PE14 CH2N:PB0,PB14,PE10 "
                "CH3N:PB1,PB15,PE12 CH4N:PC5", 3: "CH4N:PE15"},
    "TIM2": {1: "CH1:PA0,PA5,PA15 CH2:PA1,PB3 CH3:PA2,PB10 CH4:PA3,PB11"},
    "TIM3": {2: "CH1:PA6,PB4,PC6,PE3 CH2:PA7,PB5,PC7,PE4 CH3:PB0,PC8,PE5 CH4:PB1,PC9,PE6"},
    "TIM4": {2: "CH1:PB6,PD12 CH2:PB7,PD13 CH3:PB8,PD14 CH4:PB9,PD15"},
    "TIM5": {2: "CH1:PA0,PF6,PH10 CH2:PA1,PF7,PH11 CH3:PA2,PF8,PH12 CH4:PA3,PF9,PI0"},
    "TIM8": {3: "CH1N:PA5,PA7,PH13 CH2N:PB0,PB14,PH14 CH3N:PB1,PB15,PH15 CH4N:PB2,PD0,PH12 CH1:PC6,PI5 CH2:PC7,PI6 "
                "CH3:PC8,PI7 CH4:PC9,PI2"},
    "TIM15": {14: "CH1N:PA1,PB13,PG9 CH1:PA2,PB14,PF9,PG10 CH2:PA3,PB15,PF10"},
    "TIM16": {14: "CH1:PA6,PB8,PE0 CH1N:PB6"},
    "TIM17": {14: "CH1:PA7,PB9,PE1 CH1N:PB7"},
}


def timer_pins() -> Iterator[tuple[str, int, str, int, bool]]:
    """Yield pin, alternate function, timer, channel from 0, and whether it is the complementary output."""
    for timer, functions in _TABLE.items():
        for function, places in functions.items():
            for place in places.split():
                channel, pins = place.split(":")
                for pin in pins.split(","):
                    yield pin, function, timer, int(channel[2]) - 1, channel.endswith("N")
