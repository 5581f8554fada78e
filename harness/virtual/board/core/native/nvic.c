/* The NVIC's registers: views on the exception model. Addresses are offsets into the SCS. See nvic.py. */
#include "core.h"

enum { ISER = 0x100, ICER = 0x180, ISPR = 0x200, ICPR = 0x280, IABR = 0x300, IPR = 0x400, STIR = 0xF00 };

int nvic_covers(uint32_t offset)
{
    return (offset >= ISER && offset < IPR + IRQS) || offset == STIR;
}

int nvic_is_priority(uint32_t offset)
{
    return offset >= IPR && offset < IPR + IRQS;
}

/* Return the first exception that a word of a bank of bits stands for. */
static uint32_t first_of(uint32_t offset)
{
    return FIRST_IRQ + 8u * (offset & 0x7Cu);
}

static uint32_t bits_of(const exception_set *set, uint32_t first)
{
    uint32_t bits = 0;

    for (uint32_t index = 0; index < 32 && first + index < EXCEPTIONS; index++) {
        bits |= (uint32_t)in_set(set, first + index) << index;
    }
    return bits;
}

uint32_t nvic_read(const struct core *core, uint32_t offset)
{
    uint32_t value = 0;

    if (offset == STIR) {
        return 0;
    }
    if (offset >= IPR) {
        for (uint32_t index = 0; index < 4 && offset + index < IPR + IRQS; index++) {
            value |= (uint32_t)core->priority[FIRST_IRQ + offset - IPR + index] << 8 * index;
        }
        return value;
    }
    switch (offset & ~0x7Fu) {
    case ISER:
    case ICER:
        return bits_of(&core->enabled, first_of(offset));
    case ISPR:
    case ICPR:
        return bits_of(&core->pending, first_of(offset));
    case IABR:
        return bits_of(&core->active, first_of(offset));
    default:
        return 0;
    }
}

static void write_bit(struct core *core, uint32_t bank, uint32_t exception)
{
    switch (bank) {
    case ISER:
        add_to(&core->enabled, exception);
        break;
    case ICER:
        remove_from(&core->enabled, exception);
        break;
    case ISPR:
        add_to(&core->pending, exception);
        break;
    case ICPR:
        unpend(core, exception);
        break;
    default:
        break;
    }
}

void nvic_write(struct core *core, uint32_t offset, uint32_t value)
{
    if (offset == STIR) {
        if ((value & 0x1FF) < IRQS) {
            add_to(&core->pending, FIRST_IRQ + (value & 0x1FF));
        }
        return;
    }
    for (uint32_t index = 0; index < 4 && offset >= IPR && offset + index < IPR + IRQS; index++) {
        core->priority[FIRST_IRQ + offset - IPR + index] = (int16_t)(value >> 8 * index & 0xF0);
    }
    for (uint32_t index = 0; index < 32 && offset < IPR && first_of(offset) + index < EXCEPTIONS; index++) {
        if ((value >> index & 1) != 0) {
            write_bit(core, offset & ~0x7Fu, first_of(offset) + index);
        }
    }
}
