/* rtos: four tasks with a queue, a mutex and critical sections, under a kernel in the manner of those in use.
 *
 * A producer sends 1, 2, 3... through a queue of four items, in bursts of six, so that it waits for room; a consumer takes
 * them and checks their order. Both, and two more tasks, share a ledger behind a mutex: the lowest holds it while the
 * highest wants it and a middle one would keep the processor, which only priority inheritance gets over. TIM6 interrupts at
 * a priority above the kernel's, in critical sections too. Logs `items N` every half second and counts what goes wrong.
 */
#include "board.h"
#include "chip.h"
#include "kernel.h"
#include "microvisor.h"
#include "support.h"

#define FAST_HZ 2000u
#define BURST 6u

volatile uint32_t item_count;
volatile uint32_t order_violations;
volatile uint32_t mutex_violations;
volatile uint32_t inversion_violations;
volatile uint32_t masking_violations;
volatile uint32_t timeout_count;
volatile uint32_t fast_count;
volatile uint32_t ledger_count;
volatile uint32_t inheritance_count;

static uint32_t items[4];
static struct queue queue = {.items = items, .length = 4};
static struct mutex ledger;
static volatile uint32_t inside;

void tim6_handler(void)
{
    TIM_SR(TIM6) = ~TIM_SR_UIF;
    fast_count++;
}

/* What the mutex protects: two steps with time in between, in which nobody else may be. */
static void write_ledger(uint32_t fast_ticks)
{
    mutex_lock(&ledger);
    if (inside++ != 0u) {
        mutex_violations++;
    }
    for (uint32_t start = fast_count; fast_count - start < fast_ticks;) {
    }
    ledger_count++;
    if (--inside != 0u) {
        mutex_violations++;
    }
    mutex_unlock(&ledger);
}

/* Priority 1: keeps the ledger for 3 ms at a time. */
static void clerk(void)
{
    for (;;) {
        write_ledger(6u);
        task_sleep(7u);
    }
}

/* Priority 2: sends bursts that do not fit. */
static void producer(void)
{
    uint32_t next = 1;

    for (;;) {
        for (uint32_t i = 0; i < BURST; i++) {
            if (!queue_send(&queue, next, FOREVER)) {
                order_violations++;
            }
            next++;
        }
        task_sleep(20u);
    }
}

/* Priority 3: takes items, checks that critical sections hold the kernel off but not TIM6, and logs. */
static void consumer(void)
{
    uint32_t expected = 1, item = 0, logged = 0;

    for (;;) {
        if (!queue_receive(&queue, &item, 5u)) {
            timeout_count++;
            uint32_t before = critical_enter();
            uint32_t ticks = tick_count, start = fast_count;
            while (fast_count - start < 3u) { /* 1.5 ms: SysTick falls due, and must wait */
            }
            if (tick_count != ticks) {
                masking_violations++;
            }
            critical_leave(before);
            continue;
        }
        if (item != expected++) {
            order_violations++;
        }
        item_count++;
        if (tick_count - logged >= 500u) {
            logged += 500u;
            log_number("items ", item_count);
        }
    }
}

/* Priority 4: wants the ledger now and then, and must not wait longer than the clerk keeps it. */
static void auditor(void)
{
    for (;;) {
        task_sleep(11u);
        uint32_t start = fast_count;
        write_ledger(1u);
        uint32_t waited = fast_count - start;
        if (waited > 2u) {
            inheritance_count++;
        }
        if (waited > 12u) { /* 6 ms: somebody in the middle ran before the clerk */
            inversion_violations++;
        }
    }
}

static void fast_interrupt_start(void)
{
    uint32_t clock = 0;

    mvPeriphPoke32(RCC_APB1ENR1, RCC_APB1ENR1_TIM6EN, RCC_APB1ENR1_TIM6EN);
    mvGetPClk1(&clock);
    TIM_PSC(TIM6) = clock / (FAST_HZ * 100u) - 1u;
    TIM_ARR(TIM6) = 99;
    TIM_EGR(TIM6) = TIM_EGR_UG;
    TIM_SR(TIM6) = ~TIM_SR_UIF;
    TIM_DIER(TIM6) = TIM_DIER_UIE;
    TIM_CR1(TIM6) = TIM_CR1_CEN;
    NVIC_IPR(TIM6_IRQ) = 0; /* above KERNEL_PRIORITY */
    enable_interrupt(TIM6_IRQ);
}

int main(void)
{
    log_start();
    fast_interrupt_start();
    task_create(1, clerk);
    task_create(2, producer);
    task_create(3, consumer);
    task_create(4, auditor);
    kernel_start();
}
