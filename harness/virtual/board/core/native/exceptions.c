/* The exception model: what is pending, what runs, what is taken next. See exceptions.py. */
#include "core.h"

#include <string.h>

#define PRIORITY_MASK 0xF0u
#define THREAD_PRIORITY 256

int in_set(const exception_set *set, uint32_t exception)
{
    return (int)(set->word[exception >> 6] >> (exception & 63) & 1);
}

void add_to(exception_set *set, uint32_t exception)
{
    set->word[exception >> 6] |= UINT64_C(1) << (exception & 63);
}

void remove_from(exception_set *set, uint32_t exception)
{
    set->word[exception >> 6] &= ~(UINT64_C(1) << (exception & 63));
}

/* Return the lowest number in a word of a set, which is not empty. */
static uint32_t lowest(uint64_t bits)
{
    uint32_t number = 0;

    while ((bits & 0xFF) == 0) {
        bits >>= 8;
        number += 8;
    }
    while ((bits & 1) == 0) {
        bits >>= 1;
        number++;
    }
    return number;
}

int anything_pending(const struct core *core)
{
    uint64_t found = 0;

    for (int word = 0; word < SET_WORDS; word++) {
        found |= core->pending.word[word] & core->enabled.word[word];
    }
    return found != 0;
}

void model_reset(struct core *core)
{
    static const uint8_t always_enabled[] = {NMI, HARD_FAULT, SVCALL, PENDSV, SYSTICK};

    core->pending = core->lines;
    memset(&core->active, 0, sizeof core->active);
    memset(&core->enabled, 0, sizeof core->enabled);
    for (unsigned index = 0; index < sizeof always_enabled; index++) {
        add_to(&core->enabled, always_enabled[index]);
    }
    memset(core->priority, 0, sizeof core->priority);
    core->priority[1] = -3;
    core->priority[NMI] = -2;
    core->priority[HARD_FAULT] = -1;
    core->group_mask = 0xFE;
}

void set_grouping(struct core *core, uint32_t prigroup)
{
    core->group_mask = 0xFFu & ~((2u << prigroup) - 1u);
}

static int group_priority(const struct core *core, uint32_t exception)
{
    int value = core->priority[exception];

    return value < 0 ? value : value & (int)core->group_mask;
}

static int execution_priority(const struct core *core, struct masks masks)
{
    int current = THREAD_PRIORITY;
    int basepri = (int)(masks.basepri & PRIORITY_MASK);

    for (int word = 0; word < SET_WORDS; word++) {
        for (uint64_t bits = core->active.word[word]; bits != 0; bits &= bits - 1) {
            int priority = group_priority(core, 64u * (uint32_t)word + lowest(bits));
            if (priority < current) {
                current = priority;
            }
        }
    }
    if (basepri != 0 && (basepri & (int)core->group_mask) < current) {
        current = basepri & (int)core->group_mask;
    }
    if ((masks.primask & 1) != 0 && current > 0) {
        current = 0;
    }
    if ((masks.faultmask & 1) != 0 && current > -1) {
        current = -1;
    }
    return current;
}

/* Return the pending and enabled exception of highest priority, 0 if there is none; the lowest number wins a tie. */
uint32_t most_urgent(const struct core *core)
{
    uint32_t best = 0;
    int best_priority = THREAD_PRIORITY;

    for (int word = 0; word < SET_WORDS; word++) {
        uint64_t bits = core->pending.word[word] & core->enabled.word[word];
        if (core->mask_interrupts) {
            bits &= word == 0 ? (1u << PENDSV) - 1u : 0u;
        }
        for (; bits != 0; bits &= bits - 1) {
            uint32_t number = 64u * (uint32_t)word + lowest(bits);
            if (core->priority[number] < best_priority) {
                best = number;
                best_priority = core->priority[number];
            }
        }
    }
    return best;
}

/* Return the exception that preempts what executes now, 0 if none does. */
uint32_t next_exception(const struct core *core, struct masks masks)
{
    uint32_t best = most_urgent(core);

    return best != 0 && group_priority(core, best) < execution_priority(core, masks) ? best : 0;
}

void unpend(struct core *core, uint32_t exception)
{
    if (!in_set(&core->lines, exception) || in_set(&core->active, exception)) {
        remove_from(&core->pending, exception);
    } else {
        add_to(&core->pending, exception);
    }
}

void set_line(struct core *core, uint32_t exception, int level)
{
    if (!level) {
        remove_from(&core->lines, exception);
        return;
    }
    if (!in_set(&core->active, exception)) {
        add_to(&core->pending, exception);
    }
    add_to(&core->lines, exception);
}

/* Raise what can't wait and return what became pending for it; 0 is lockup. */
uint32_t pend_synchronous(struct core *core, uint32_t exception, struct masks masks)
{
    int current = execution_priority(core, masks);

    if (exception != HARD_FAULT && in_set(&core->enabled, exception) && group_priority(core, exception) < current) {
        add_to(&core->pending, exception);
        return exception;
    }
    if (current > core->priority[HARD_FAULT]) {
        add_to(&core->pending, HARD_FAULT);
        return HARD_FAULT;
    }
    return 0;
}

void activate(struct core *core, uint32_t exception)
{
    remove_from(&core->pending, exception);
    add_to(&core->active, exception);
}

void deactivate(struct core *core, uint32_t exception)
{
    remove_from(&core->active, exception);
    if (in_set(&core->lines, exception)) {
        add_to(&core->pending, exception);
    }
}
