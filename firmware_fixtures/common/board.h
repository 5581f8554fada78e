/* Registers of the Cortex-M33 and the STM32U585 that the fixtures touch, and the few instructions C has no words for.
 *
 * Addresses are the non-secure aliases. RCC is owned by Microvisor and is reached with mvPeriphPoke32 only.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* System control space (Armv8-M Architecture Reference Manual, D1.2) */
#define SYST_CSR REGISTER(0xe000e010u)
#define SYST_RVR REGISTER(0xe000e014u)
#define SYST_CVR REGISTER(0xe000e018u)
#define NVIC_ISER(n) REGISTER(0xe000e100u + 4u * (n))
#define NVIC_ICER(n) REGISTER(0xe000e180u + 4u * (n))
#define NVIC_IPR(n) (*(volatile uint8_t *)(0xe000e400u + (n)))
#define SCB_ICSR REGISTER(0xe000ed04u)
#define SCB_SHPR3 REGISTER(0xe000ed20u)

#define SYST_CSR_RUN 7u /* processor clock, interrupt, enable */
#define SYST_RVR_MAX 0xffffffu
#define ICSR_PENDSVSET (1u << 28)

/* RCC and GPIOA (RM0456) */
#define RCC_AHB2ENR1 0x46020c8cu
#define RCC_AHB2ENR1_GPIOAEN (1u << 0)
#define GPIOA_MODER REGISTER(0x42020000u)
#define GPIOA_ODR REGISTER(0x42020014u)
#define GPIOA_BSRR REGISTER(0x42020018u)

/* Interrupts that the board leaves to the application and that no peripheral of ours uses */
#define TIM8_BRK_IRQ 51u
#define TIM6_IRQ 49u

static inline void wait_for_interrupt(void) { __asm volatile("dsb\n\twfi" ::: "memory"); }
static inline void mask_interrupts(void) { __asm volatile("cpsid i" ::: "memory"); }
static inline void unmask_interrupts(void) { __asm volatile("cpsie i\n\tisb" ::: "memory"); }
static inline void synchronise(void) { __asm volatile("dsb\n\tisb" ::: "memory"); }

static inline void enable_interrupt(uint32_t irq) { NVIC_ISER(irq / 32u) = 1u << (irq % 32u); }
static inline void disable_interrupt(uint32_t irq)
{
    NVIC_ICER(irq / 32u) = 1u << (irq % 32u);
    synchronise();
}

#endif
