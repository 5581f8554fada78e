/* tasks: two tasks of different priority, switched by PendSV under a 1 kHz SysTick.
 *
 * Task B counts every 5 ms, task A every 10 ms, so that b = 2 a whenever A logs, which it does every 100 ms as
 * `a=N b=M`. Once in a hundred rounds A computes until B has run in between: B preempts it, and A checks that its
 * registers came through. With nothing to do the idle task sleeps in WFI.
 */
#include "scheduler.h"
#include "support.h"

#define PERIOD_A_MS 10u
#define PERIOD_B_MS 5u
#define ROUNDS_PER_LOG 10u
#define ROUNDS_PER_PREEMPTION 100u

volatile uint32_t task_a_count;
volatile uint32_t task_b_count;
volatile uint32_t preemptions;
volatile uint32_t corruptions;

/* Eight values that depend on each other, more than fit in the registers a call may change, so some of them live in
 * the registers that the switch has to keep. */
static void compute_until_preempted(void)
{
    uint32_t before = task_b_count;
    uint32_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;

    while (task_b_count == before) {
        uint32_t first = a;
        a = b + 1u, b = c + 1u, c = d + 1u, d = e + 1u, e = f + 1u, f = g + 1u, g = h + 1u, h = first + 9u;
    }
    preemptions++;
    /* Each round keeps the distance of one between neighbours and lifts all by two. */
    if (b - a != 1u || c - b != 1u || d - c != 1u || e - d != 1u || f - e != 1u || g - f != 1u || h - g != 1u) {
        corruptions++;
    }
}

static void task_a(void)
{
    uint32_t due = 0;

    for (;;) {
        due += PERIOD_A_MS;
        sleep_until(due);
        task_a_count++;
        if (task_a_count % ROUNDS_PER_LOG == 0u) {
            struct text text = {.length = 0};
            text_add(&text, "a=");
            text_add_number(&text, task_a_count);
            text_add(&text, " b=");
            text_add_number(&text, task_b_count);
            log_text(&text);
        }
        if (task_a_count % ROUNDS_PER_PREEMPTION == 5u) {
            compute_until_preempted();
        }
    }
}

static void task_b(void)
{
    uint32_t due = 0;

    for (;;) {
        due += PERIOD_B_MS;
        sleep_until(due);
        task_b_count++;
    }
}

int main(void)
{
    log_start();
    scheduler_start(task_a, task_b);
}
