/* hard-float: computes in the floating-point registers while an interrupt does the same.
 *
 * The main loop sums a series whose value is known; SysTick multiplies with the same registers at 1 kHz. A core that
 * does not stack the floating-point context gives a wrong sum. Logs `sum N.NNNN, M wrong` every 500 ms.
 */
#include "board.h"
#include "support.h"

#define SCB_CPACR REGISTER(0xe000ed88u)
#define CPACR_FPU (0xfu << 20)
#define TERMS 2000u

volatile uint32_t sum_count;
volatile uint32_t wrong_count;
volatile uint32_t tick_count;
volatile float product = 1.0f;

static volatile float sum_of_ticks;

void systick_handler(void)
{
    float a = product, b = 1.0009765625f, c = a * b, d = c * b, e = d * b, f = e * b;

    product = f > 4.0f ? 1.0f : c;
    sum_of_ticks += a + b + c + d + e + f;
    tick_count++;
}

/* The sum of 1/(k(k+1)) for k = 1 to n is n/(n+1); eight partial sums keep many registers busy. */
__attribute__((noinline)) static float series(uint32_t terms)
{
    float sums[8] = {0};

    for (uint32_t k = 1; k <= terms; k += 8u) {
        for (uint32_t i = 0; i < 8u; i++) {
            float n = (float)(k + i);
            sums[i] += 1.0f / (n * (n + 1.0f));
        }
    }
    return ((sums[0] + sums[1]) + (sums[2] + sums[3])) + ((sums[4] + sums[5]) + (sums[6] + sums[7]));
}

int main(void)
{
    uint32_t logged = 0;

    SCB_CPACR |= CPACR_FPU;
    synchronise();
    log_start();

    float expected = series(TERMS);
    uint32_t off = (uint32_t)(expected * 10000.0f) != 9995u;

    tick_start(1000u);
    for (;;) {
        sum_count++;
        if (series(TERMS) != expected) {
            wrong_count++;
        }
        if (tick_count - logged >= 500u) {
            struct text text = {.length = 0};
            logged += 500u;
            text_add(&text, off ? "sum is off, " : "sum 0.9995, ");
            text_add_number(&text, wrong_count);
            text_add(&text, " wrong");
            log_text(&text);
        }
        wait_for_interrupt();
    }
}
