/* Vector table and the way from reset to main. Microvisor has set VTOR to the start of application flash. */
#include <stdint.h>

extern uint32_t stack_top[], data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);
void reset_handler(void);
void default_handler(void);

#define WEAK __attribute__((weak, alias("default_handler")))

void nmi_handler(void) WEAK;
void hard_fault_handler(void) WEAK;
void mem_manage_handler(void) WEAK;
void bus_fault_handler(void) WEAK;
void usage_fault_handler(void) WEAK;
void svc_handler(void) WEAK;
void debug_monitor_handler(void) WEAK;
void pendsv_handler(void) WEAK;
void systick_handler(void) WEAK;
void gpdma1_channel0_handler(void) WEAK;
void gpdma1_channel1_handler(void) WEAK;
void tim6_handler(void) WEAK;
void tim8_brk_handler(void) WEAK;
void usart2_handler(void) WEAK;

/* 16 system exceptions and 141 interrupts (RM0456, vector table). */
#define EXCEPTIONS (16 + 141)
#define IRQ(n) [16 + (n)]
#define IRQS(first, last) [16 + (first) ... 16 + (last)]

typedef void (*vector)(void);

__attribute__((section(".vectors"), used)) const vector vectors[EXCEPTIONS] = {
    (vector)(uintptr_t)stack_top,
    reset_handler,
    nmi_handler,
    hard_fault_handler,
    mem_manage_handler,
    bus_fault_handler,
    usage_fault_handler,
    [8 ... 10] = default_handler,
    svc_handler,
    debug_monitor_handler,
    [13] = default_handler,
    pendsv_handler,
    systick_handler,
    IRQS(0, 28) = default_handler,
    IRQ(29) = gpdma1_channel0_handler,
    IRQ(30) = gpdma1_channel1_handler,
    IRQS(31, 48) = default_handler,
    IRQ(49) = tim6_handler,
    IRQ(50) = default_handler,
    IRQ(51) = tim8_brk_handler,
    IRQS(52, 61) = default_handler,
    IRQ(62) = usart2_handler,
    IRQS(63, 140) = default_handler,
};

/* An exception nobody asked for stops here, where a debugger finds it. */
void default_handler(void)
{
    for (;;) {
        __asm volatile("");
    }
}

void reset_handler(void)
{
    uint32_t *from = data_load;

    for (uint32_t *to = data_start; to < data_end; to++) {
        *to = *from++;
    }
    for (uint32_t *to = bss_start; to < bss_end; to++) {
        *to = 0;
    }
    main();
    default_handler();
}
