/* SysTick, known by its value at one cycle and computed for any later one. See systick.py. */
#include "core.h"

enum { ENABLE = 1, TICKINT = 2, CLKSOURCE = 4, EXTERNAL_DIVIDER = 8 };
#define COUNTFLAG (1u << 16)
#define COUNTER_MASK 0xFFFFFFu

void systick_reset(struct core *core)
{
    core->tick_control = core->tick_reload = core->tick_value = core->tick_flag = 0;
    core->tick_anchor = 0;
}

static int64_t step(const struct core *core)
{
    return (core->tick_control & CLKSOURCE) != 0 ? 1 : EXTERNAL_DIVIDER;
}

/* Return after how many counts from the anchor the counter goes from 1 to 0; 0 if it is stopped. */
static int64_t counts_to_zero(const struct core *core)
{
    if (core->tick_value != 0) {
        return core->tick_value;
    }
    return core->tick_reload != 0 ? (int64_t)core->tick_reload + 1 : 0;
}

/* Return when the exception will be asked for next, NEVER if it never will. */
int64_t systick_due(const struct core *core)
{
    int64_t counts = counts_to_zero(core);

    if ((core->tick_control & (ENABLE | TICKINT)) != (ENABLE | TICKINT) || counts == 0) {
        return NEVER;
    }
    return core->tick_anchor + counts * step(core);
}

/* Bring the counter up to now and return whether it asked for the exception on the way. */
int systick_advance(struct core *core, int64_t now)
{
    int64_t counts, first, over, period = (int64_t)core->tick_reload + 1;

    if ((core->tick_control & ENABLE) == 0) {
        return 0;
    }
    counts = (now - core->tick_anchor) / step(core);
    if (counts <= 0) {
        return 0;
    }
    core->tick_anchor += counts * step(core);
    first = counts_to_zero(core);
    if (first == 0) {
        return 0;
    }
    if (counts < first) {
        core->tick_value = (uint32_t)((core->tick_value != 0 ? core->tick_value : period) - counts);
        return 0;
    }
    over = (counts - first) % period;
    core->tick_value = over != 0 ? (uint32_t)(period - over) : 0;
    core->tick_flag = 1;
    return (core->tick_control & TICKINT) != 0;
}

uint32_t systick_read(struct core *core, uint32_t offset)
{
    uint32_t flag = core->tick_flag;

    switch (offset) {
    case 0x10:
        core->tick_flag = 0;
        return core->tick_control | (flag ? COUNTFLAG : 0);
    case 0x14:
        return core->tick_reload;
    case 0x18:
        return core->tick_value;
    default:
        return 0;
    }
}

void systick_write(struct core *core, uint32_t offset, uint32_t value)
{
    switch (offset) {
    case 0x10:
        if ((core->tick_control & ENABLE) == 0 || ((core->tick_control ^ value) & CLKSOURCE) != 0) {
            core->tick_anchor = core->cycles;
        }
        core->tick_control = value & (ENABLE | TICKINT | CLKSOURCE);
        break;
    case 0x14:
        core->tick_reload = value & COUNTER_MASK;
        break;
    case 0x18:
        core->tick_value = core->tick_flag = 0;
        core->tick_anchor = core->cycles;
        break;
    default:
        break;
    }
}
