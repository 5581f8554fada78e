/* fast-irq: TIM6 interrupts at 1 kHz as a fast interrupt; logs `fast N` every 500 of them.
 *
 * A fast interrupt has to be declared to the kernel and enabled by it beside the NVIC. If `misbehave` is set, the handler
 * hangs, or never clears its flag, from the 100th interrupt on; SysTick at a higher priority then logs what the kernel says
 * to another fast interrupt: `fast interrupts: status N`.
 */
#include "board.h"
#include "microvisor.h"
#include "support.h"

#define RATE_HZ 1000u
#define COUNTER_HZ 1000000u
#define PER_LOG 500u

#define RCC_APB1ENR1 0x46020c9cu
#define RCC_APB1ENR1_TIM6EN (1u << 4)
#define TIM6(offset) REGISTER(0x40001000u + (offset))
#define CR1 0x00u
#define DIER 0x0cu
#define SR 0x10u
#define EGR 0x14u
#define PSC 0x28u
#define ARR 0x2cu

#define MISBEHAVE_AT 100u

enum { WELL = 0, HANG = 1, FLOOD = 2 };

SETTING uint32_t misbehave = WELL;

volatile uint32_t fast_count;
volatile uint32_t refused_count;

void tim6_handler(void)
{
    fast_count++;
    if (fast_count >= MISBEHAVE_AT && misbehave == FLOOD) {
        return;
    }
    TIM6(SR) = 0; /* UIF is cleared by writing 0 */
    while (fast_count >= MISBEHAVE_AT && misbehave == HANG) {
    }
}

void systick_handler(void)
{
    if (mvSetFastInterrupt(TIM8_BRK_IRQ) == MV_STATUS_UNAVAILABLE && refused_count++ == 0u) {
        log_number("fast interrupts: status ", MV_STATUS_UNAVAILABLE);
    }
}

static void expect(const char *what, MvStatus status)
{
    if (status != MV_STATUS_OKAY) {
        log_number(what, status);
    }
}

int main(void)
{
    uint32_t pclk1 = 0;
    uint32_t logged = 0;

    log_start();
    expect("no clock: status ", mvGetPClk1(&pclk1));
    expect("TIM6 has no clock: status ", mvPeriphPoke32(RCC_APB1ENR1, RCC_APB1ENR1_TIM6EN, RCC_APB1ENR1_TIM6EN));
    expect("not a fast interrupt: status ", mvSetFastInterrupt(TIM6_IRQ));
    expect("fast interrupt not enabled: status ", mvEnableFastInterrupt(TIM6_IRQ));
    if (misbehave != WELL) {
        NVIC_IPR(TIM6_IRQ) = 0x40u; /* SysTick has 0 */
        tick_start(50u);
    }
    TIM6(PSC) = pclk1 / COUNTER_HZ - 1u;
    TIM6(ARR) = COUNTER_HZ / RATE_HZ - 1u;
    TIM6(EGR) = 1; /* load PSC and ARR */
    TIM6(SR) = 0;
    TIM6(DIER) = 1;
    enable_interrupt(TIM6_IRQ);
    TIM6(CR1) = 1;
    for (;;) {
        wait_for_interrupt();
        if (fast_count - logged >= PER_LOG) {
            logged += PER_LOG;
            log_number("fast ", logged);
        }
    }
}
