/* pwm: fades the LED at PA5 by pulse width, with channel 1 of TIM2.
 *
 * The frequency is `pwm_hz`. The duty cycle goes up by a quarter each half second, from 0 to 100 percent, and begins anew; each
 * step is logged as `duty N`.
 */
#include "board.h"
#include "chip.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

#define STEPS 1000u /* of a period */

SETTING uint32_t pwm_hz = 1000;
SETTING uint32_t step_ms = 500;

volatile uint32_t step_count;

static void pwm_start(void)
{
    uint32_t clock = 0;

    mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIOAEN, RCC_AHB2ENR1_GPIOAEN);
    mvPeriphPoke32(RCC_APB1ENR1, RCC_APB1ENR1_TIM2EN, RCC_APB1ENR1_TIM2EN);
    pin_alternate(GPIOA, 5u, 1u);
    mvGetPClk1(&clock);
    TIM_PSC(TIM2) = clock / (pwm_hz * STEPS) - 1u;
    TIM_ARR(TIM2) = STEPS - 1u;
    TIM_CCR1(TIM2) = 0;
    TIM_CCMR1(TIM2) = TIM_CCMR1_PWM1_PRELOADED;
    TIM_CCER(TIM2) = TIM_CCER_CC1E;
    TIM_EGR(TIM2) = TIM_EGR_UG;
    TIM_CR1(TIM2) = TIM_CR1_ARPE | TIM_CR1_CEN;
}

int main(void)
{
    log_start();
    millis_start();
    pwm_start();
    for (uint32_t duty = 0;; duty = duty == 100u ? 0u : duty + 25u) {
        TIM_CCR1(TIM2) = duty * STEPS / 100u;
        step_count++;
        log_number("duty ", duty);
        sleep_ms(step_ms);
    }
}
