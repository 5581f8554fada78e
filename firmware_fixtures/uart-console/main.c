/* uart-console: answers lines on USART2, polled, by interrupt or by DMA.
 *
 * `console_mode` selects how; the answers are the same. Says `ready` first, then answers each line LINE with
 * `echo N: LINE`, N counting from 1. 115200 8N1 at PD5 and PD6.
 */
#include "board.h"
#include "chip.h"
#include "microvisor.h"
#include "support.h"

enum { POLLED, INTERRUPT, DMA };

SETTING uint32_t console_mode = POLLED;
SETTING uint32_t console_baud = 115200;

volatile uint32_t line_count;
volatile uint32_t overrun_count;

#define RING 64u /* a power of two */

struct ring {
    volatile uint32_t in, out;
    uint8_t bytes[RING];
};

static struct ring received, to_send;
static volatile uint32_t dma_sending;

/* What the DMA controller loads at the end of each round: block length, destination, and this item again. */
static volatile uint32_t round[3] __attribute__((aligned(16)));

void usart2_handler(void)
{
    uint32_t status = USART2_ISR;

    if ((status & USART_ISR_ORE) != 0u) {
        overrun_count++;
        USART2_ICR = USART_ISR_ORE;
    }
    if ((status & USART_ISR_IDLE) != 0u) { /* only there to end a WFI */
        USART2_ICR = USART_ISR_IDLE;
    }
    if (console_mode != INTERRUPT) {
        return;
    }
    if ((status & USART_ISR_RXNE) != 0u) {
        uint8_t byte = (uint8_t)USART2_RDR;
        if (received.in - received.out < RING) {
            received.bytes[received.in % RING] = byte;
            received.in++;
        }
    }
    if ((status & USART_ISR_TXE) != 0u && (USART2_CR1 & USART_CR1_TXEIE) != 0u) {
        if (to_send.in == to_send.out) {
            USART2_CR1 &= ~USART_CR1_TXEIE;
        } else {
            USART2_TDR = to_send.bytes[to_send.out % RING];
            to_send.out++;
        }
    }
}

void gpdma1_channel1_handler(void)
{
    GPDMA1_CFCR(1u) = GPDMA_ALL_FLAGS;
    dma_sending = 0;
}

void gpdma1_channel0_handler(void) { GPDMA1_CFCR(0u) = GPDMA_ALL_FLAGS; }

static void send_polled(const char *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        while ((USART2_ISR & USART_ISR_TXE) == 0u) {
        }
        USART2_TDR = (uint8_t)bytes[i];
    }
    while ((USART2_ISR & USART_ISR_TC) == 0u) {
    }
}

static void send_by_interrupt(const char *bytes, uint32_t length)
{
    for (uint32_t i = 0; i < length; i++) {
        while (to_send.in - to_send.out == RING) {
            wait_for_interrupt();
        }
        to_send.bytes[to_send.in % RING] = (uint8_t)bytes[i];
        to_send.in++;
        mask_interrupts();
        USART2_CR1 |= USART_CR1_TXEIE;
        unmask_interrupts();
    }
}

static void send_by_dma(const char *bytes, uint32_t length)
{
    static uint8_t buffer[256];

    while (dma_sending != 0u) {
        wait_for_interrupt();
    }
    for (uint32_t i = 0; i < length; i++) {
        buffer[i % sizeof buffer] = (uint8_t)bytes[i];
    }
    dma_sending = 1;
    GPDMA1_CTR1(1u) = GPDMA_CTR1_SINC;
    GPDMA1_CTR2(1u) = GPDMA1_REQUEST_USART2_TX | GPDMA_CTR2_DREQ;
    GPDMA1_CBR1(1u) = length;
    GPDMA1_CSAR(1u) = (uint32_t)buffer;
    GPDMA1_CDAR(1u) = (uint32_t)&USART2_TDR;
    GPDMA1_CLLR(1u) = 0;
    GPDMA1_CCR(1u) = GPDMA_CCR_TCIE | GPDMA_CCR_EN;
}

static void send(const char *bytes, uint32_t length)
{
    switch (console_mode) {
    case INTERRUPT:
        send_by_interrupt(bytes, length);
        break;
    case DMA:
        send_by_dma(bytes, length);
        break;
    default:
        send_polled(bytes, length);
        break;
    }
}

static char receive(void)
{
    if (console_mode == POLLED) {
        while ((USART2_ISR & USART_ISR_RXNE) == 0u) {
            if ((USART2_ISR & USART_ISR_ORE) != 0u) {
                overrun_count++;
                USART2_ICR = USART_ISR_ORE;
            }
        }
        return (char)USART2_RDR;
    }
    for (;;) {
        mask_interrupts();
        if (console_mode == DMA) { /* as far as the controller has come in this round */
            received.in = RING - (GPDMA1_CBR1(0u) & 0xffffu);
        }
        if (received.in % RING != received.out % RING) {
            break;
        }
        wait_for_interrupt();
        unmask_interrupts();
    }
    char byte = (char)received.bytes[received.out % RING];
    received.out++;
    unmask_interrupts();
    return byte;
}

static void receive_by_dma_start(void)
{
    round[0] = RING;
    round[1] = (uint32_t)received.bytes;
    round[2] = GPDMA_CLLR_UB1 | GPDMA_CLLR_UDA | GPDMA_CLLR_ULL | ((uint32_t)round & 0xfffcu);
    GPDMA1_CTR1(0u) = GPDMA_CTR1_DINC;
    GPDMA1_CTR2(0u) = GPDMA1_REQUEST_USART2_RX;
    GPDMA1_CBR1(0u) = RING;
    GPDMA1_CSAR(0u) = (uint32_t)&USART2_RDR;
    GPDMA1_CDAR(0u) = (uint32_t)received.bytes;
    GPDMA1_CLBAR(0u) = (uint32_t)round & 0xffff0000u;
    GPDMA1_CLLR(0u) = round[2];
    GPDMA1_CCR(0u) = GPDMA_CCR_TCIE | GPDMA_CCR_EN;
}

static void console_start(void)
{
    uint32_t clock = 0;
    uint32_t control = USART_CR1_UE | USART_CR1_RE | USART_CR1_TE;

    mvPeriphPoke32(RCC_AHB1ENR, RCC_AHB1ENR_GPDMA1EN, RCC_AHB1ENR_GPDMA1EN);
    mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIODEN, RCC_AHB2ENR1_GPIODEN);
    mvPeriphPoke32(RCC_APB1ENR1, RCC_APB1ENR1_USART2EN, RCC_APB1ENR1_USART2EN);
    pin_alternate(GPIOD, 5u, 7u);
    pin_alternate(GPIOD, 6u, 7u);
    mvGetPClk1(&clock);
    USART2_BRR = (clock + console_baud / 2u) / console_baud;
    if (console_mode == INTERRUPT) {
        control |= USART_CR1_RXNEIE;
    } else if (console_mode == DMA) {
        control |= USART_CR1_IDLEIE;
        receive_by_dma_start();
        USART2_CR3 = USART_CR3_DMAR | USART_CR3_DMAT;
        enable_interrupt(GPDMA1_CHANNEL0_IRQ);
        enable_interrupt(GPDMA1_CHANNEL1_IRQ);
    }
    USART2_CR1 = control;
    while ((USART2_ISR & (USART_ISR_TEACK | USART_ISR_REACK)) != (USART_ISR_TEACK | USART_ISR_REACK)) {
    }
    if (console_mode != POLLED) {
        enable_interrupt(USART2_IRQ);
    }
}

int main(void)
{
    struct text line = {.length = 0};

    log_start();
    console_start();
    log_number("console mode ", console_mode);
    send("ready\r\n", 7);
    for (;;) {
        char byte = receive();

        if (byte == '\r') {
            continue;
        }
        if (byte != '\n') {
            if (line.length < 96u) {
                line.bytes[line.length++] = byte;
            }
            continue;
        }
        struct text answer = {.length = 0};
        line_count++;
        text_add(&answer, "echo ");
        text_add_number(&answer, line_count);
        text_add(&answer, ": ");
        for (uint32_t i = 0; i < line.length; i++) {
            answer.bytes[answer.length++] = line.bytes[i];
        }
        text_add(&answer, "\r\n");
        send(answer.bytes, answer.length);
        line.length = 0;
    }
}
