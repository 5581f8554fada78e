/* Text and logging for fixtures: no heap, no libc. */
#ifndef SUPPORT_H
#define SUPPORT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char bytes[128];
    uint32_t length;
};

/* Append to a text; what does not fit is left out. */
void text_add(struct text *text, const char *string);
void text_add_number(struct text *text, uint32_t number);
void text_add_hex(struct text *text, uint32_t number);

/* Give the kernel the log buffer. Call once, before the first log_text. */
void log_start(void);

/* Log one message. Messages the kernel refuses are counted in log_failures. */
void log_text(const struct text *text);
void log_string(const char *string);
void log_number(const char *before, uint32_t number);

extern volatile uint32_t log_failures;

/* Start SysTick at this rate or, where 24 bits do not reach that far down, at the next power-of-two multiple of it.
 * Returns the ticks per period of the rate that was asked for. */
uint32_t tick_start(uint32_t rate_hz);

/* A constant that a test may set in the image before it runs: read at run time, kept by name in the symbol table. */
#define SETTING __attribute__((used, section(".settings"))) const volatile

#endif
