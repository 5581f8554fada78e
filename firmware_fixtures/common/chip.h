/* Registers of the STM32U585's serial, bus, timer and DMA units that fixtures touch, and how their pins and clocks are
 * switched on (RM0456). Addresses are the non-secure aliases.
 */
#ifndef CHIP_H
#define CHIP_H

#include <stdint.h>

#include "board.h"

/* RCC, by way of the kernel */
#define RCC_AHB1ENR 0x46020c88u
#define RCC_APB1ENR1 0x46020c9cu
#define RCC_AHB1ENR_GPDMA1EN (1u << 0)
#define RCC_AHB2ENR1_GPIOBEN (1u << 1)
#define RCC_AHB2ENR1_GPIODEN (1u << 3)
#define RCC_APB1ENR1_TIM2EN (1u << 0)
#define RCC_APB1ENR1_TIM6EN (1u << 4)
#define RCC_APB1ENR1_USART2EN (1u << 17)
#define RCC_APB1ENR1_I2C1EN (1u << 21)

/* GPIO */
#define GPIOA 0x42020000u
#define GPIOB 0x42020400u
#define GPIOD 0x42020c00u
#define GPIO_MODER(port) REGISTER((port) + 0x00u)
#define GPIO_OTYPER(port) REGISTER((port) + 0x04u)
#define GPIO_PUPDR(port) REGISTER((port) + 0x0cu)
#define GPIO_AFR(port, pin) REGISTER((port) + ((pin) < 8u ? 0x20u : 0x24u))

/* USART2 */
#define USART2_IRQ 62u
#define USART2_CR1 REGISTER(0x40004400u)
#define USART2_CR2 REGISTER(0x40004404u)
#define USART2_CR3 REGISTER(0x40004408u)
#define USART2_BRR REGISTER(0x4000440cu)
#define USART2_ISR REGISTER(0x4000441cu)
#define USART2_ICR REGISTER(0x40004420u)
#define USART2_RDR REGISTER(0x40004424u)
#define USART2_TDR REGISTER(0x40004428u)
#define USART_CR1_UE (1u << 0)
#define USART_CR1_RE (1u << 2)
#define USART_CR1_TE (1u << 3)
#define USART_CR1_IDLEIE (1u << 4)
#define USART_CR1_RXNEIE (1u << 5)
#define USART_CR1_TCIE (1u << 6)
#define USART_CR1_TXEIE (1u << 7)
#define USART_CR3_DMAR (1u << 6)
#define USART_CR3_DMAT (1u << 7)
#define USART_ISR_ORE (1u << 3)
#define USART_ISR_IDLE (1u << 4)
#define USART_ISR_RXNE (1u << 5)
#define USART_ISR_TC (1u << 6)
#define USART_ISR_TXE (1u << 7)
#define USART_ISR_TEACK (1u << 21)
#define USART_ISR_REACK (1u << 22)

/* GPDMA1 */
#define GPDMA1_CHANNEL0_IRQ 29u
#define GPDMA1_CHANNEL1_IRQ 30u
#define GPDMA1_C(channel, offset) REGISTER(0x40020000u + 0x80u * (channel) + (offset))
#define GPDMA1_CLBAR(channel) GPDMA1_C(channel, 0x50u)
#define GPDMA1_CFCR(channel) GPDMA1_C(channel, 0x5cu)
#define GPDMA1_CSR(channel) GPDMA1_C(channel, 0x60u)
#define GPDMA1_CCR(channel) GPDMA1_C(channel, 0x64u)
#define GPDMA1_CTR1(channel) GPDMA1_C(channel, 0x90u)
#define GPDMA1_CTR2(channel) GPDMA1_C(channel, 0x94u)
#define GPDMA1_CBR1(channel) GPDMA1_C(channel, 0x98u)
#define GPDMA1_CSAR(channel) GPDMA1_C(channel, 0x9cu)
#define GPDMA1_CDAR(channel) GPDMA1_C(channel, 0xa0u)
#define GPDMA1_CLLR(channel) GPDMA1_C(channel, 0xccu)
#define GPDMA_ALL_FLAGS 0x7f00u
#define GPDMA_CSR_TCF (1u << 8)
#define GPDMA_CCR_EN (1u << 0)
#define GPDMA_CCR_TCIE (1u << 8)
#define GPDMA_CTR1_SINC (1u << 3)
#define GPDMA_CTR1_DINC (1u << 19)
#define GPDMA_CTR2_DREQ (1u << 10)
#define GPDMA_CLLR_UB1 (1u << 29)
#define GPDMA_CLLR_UDA (1u << 27)
#define GPDMA_CLLR_ULL (1u << 16)
#define GPDMA1_REQUEST_USART2_RX 26u
#define GPDMA1_REQUEST_USART2_TX 27u

/* I2C1 */
#define I2C1_CR1 REGISTER(0x40005400u)
#define I2C1_CR2 REGISTER(0x40005404u)
#define I2C1_TIMINGR REGISTER(0x40005410u)
#define I2C1_ISR REGISTER(0x40005418u)
#define I2C1_ICR REGISTER(0x4000541cu)
#define I2C1_RXDR REGISTER(0x40005424u)
#define I2C1_TXDR REGISTER(0x40005428u)
#define I2C_CR1_PE (1u << 0)
#define I2C_CR2_RD_WRN (1u << 10)
#define I2C_CR2_START (1u << 13)
#define I2C_CR2_NBYTES(n) ((n) << 16)
#define I2C_CR2_AUTOEND (1u << 25)
#define I2C_ISR_TXIS (1u << 1)
#define I2C_ISR_RXNE (1u << 2)
#define I2C_ISR_NACKF (1u << 4)
#define I2C_ISR_STOPF (1u << 5)
#define I2C_ISR_TC (1u << 6)
#define I2C_ISR_BUSY (1u << 15)

/* Timers */
#define TIM2 0x40000000u
#define TIM6 0x40001000u
#define TIM_CR1(timer) REGISTER((timer) + 0x00u)
#define TIM_DIER(timer) REGISTER((timer) + 0x0cu)
#define TIM_SR(timer) REGISTER((timer) + 0x10u)
#define TIM_EGR(timer) REGISTER((timer) + 0x14u)
#define TIM_CCMR1(timer) REGISTER((timer) + 0x18u)
#define TIM_CCER(timer) REGISTER((timer) + 0x20u)
#define TIM_PSC(timer) REGISTER((timer) + 0x28u)
#define TIM_ARR(timer) REGISTER((timer) + 0x2cu)
#define TIM_CCR1(timer) REGISTER((timer) + 0x34u)
#define TIM_CR1_CEN (1u << 0)
#define TIM_CR1_ARPE (1u << 7)
#define TIM_DIER_UIE (1u << 0)
#define TIM_SR_UIF (1u << 0)
#define TIM_EGR_UG (1u << 0)
#define TIM_CCMR1_PWM1_PRELOADED ((6u << 4) | (1u << 3)) /* of channel 1 */
#define TIM_CCER_CC1E (1u << 0)

/* Let a pin be driven by a peripheral. */
static inline void pin_alternate(uint32_t port, uint32_t pin, uint32_t function)
{
    uint32_t shift = 4u * (pin % 8u);

    GPIO_AFR(port, pin) = (GPIO_AFR(port, pin) & ~(15u << shift)) | (function << shift);
    GPIO_MODER(port) = (GPIO_MODER(port) & ~(3u << (2u * pin))) | (2u << (2u * pin));
}

#endif
