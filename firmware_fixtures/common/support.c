#include "support.h"

#include "board.h"
#include "microvisor.h"

#define LOG_BUFFER_SIZE 4096u

volatile uint32_t log_failures;
static uint8_t log_buffer[LOG_BUFFER_SIZE] __attribute__((aligned(512)));

void text_add(struct text *text, const char *string)
{
    while (*string != '\0' && text->length < sizeof text->bytes) {
        text->bytes[text->length++] = *string++;
    }
}

void text_add_number(struct text *text, uint32_t number)
{
    char digits[11];
    uint32_t start = sizeof digits - 1;

    digits[start] = '\0';
    do {
        digits[--start] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0u);
    text_add(text, &digits[start]);
}

void text_add_hex(struct text *text, uint32_t number)
{
    char digits[9];

    for (uint32_t i = 0; i < 8u; i++) {
        digits[i] = "0123456789abcdef"[(number >> (28u - 4u * i)) & 0xfu];
    }
    digits[8] = '\0';
    text_add(text, digits);
}

void log_start(void)
{
    if (mvServerLoggingInit(log_buffer, sizeof log_buffer) != MV_STATUS_OKAY) {
        log_failures++;
    }
}

void log_text(const struct text *text)
{
    if (mvServerLog((const uint8_t *)text->bytes, (uint16_t)text->length) != MV_STATUS_OKAY) {
        log_failures++;
    }
}

void log_string(const char *string)
{
    struct text text = {.length = 0};

    text_add(&text, string);
    log_text(&text);
}

void log_number(const char *before, uint32_t number)
{
    struct text text = {.length = 0};

    text_add(&text, before);
    text_add_number(&text, number);
    log_text(&text);
}

uint32_t tick_start(uint32_t rate_hz)
{
    uint32_t hclk = 0;
    uint32_t ticks = 1;

    if (mvGetHClk(&hclk) != MV_STATUS_OKAY || hclk < rate_hz) {
        for (;;) { /* a board without a clock can do nothing */
        }
    }
    while (hclk / (rate_hz * ticks) - 1u > SYST_RVR_MAX) {
        ticks *= 2u;
    }
    SYST_RVR = hclk / (rate_hz * ticks) - 1u;
    SYST_CVR = 0;
    SYST_CSR = SYST_CSR_RUN;
    return ticks;
}
