/* Taking exceptions and returning from them: the exception model applied to registers and memory. See sequencer.py. */
#include "core.h"

#include <string.h>

#define TRACE_PRIME UINT64_C(0x100000001B3)
#define RETURNED (1u << 15)
#define SECURE_FRAME (1u << 6)
#define ASPEN (1u << 31)

static void record(struct core *core, uint32_t exception, uint32_t pc)
{
    if (!core->trace_enabled) {
        return;
    }
    core->trace_hash = (core->trace_hash ^ exception) * TRACE_PRIME;
    core->trace_hash = (core->trace_hash ^ pc) * TRACE_PRIME;
    core->trace_hash = (core->trace_hash ^ (uint64_t)core->cycles) * TRACE_PRIME;
    core->trace_count++;
    if (core->trace_hooked) {
        core->client->traced(exception, pc, core->cycles);
    }
}

uint32_t next_to_take(struct core *core)
{
    return anything_pending(core) ? next_exception(core, read_masks(core)) : 0;
}

static void tell_fault(struct core *core, uint32_t exception, const uint32_t context[CONTEXT_WORDS], int lockup)
{
    memcpy(core->recorded, context, sizeof core->recorded);
    core->client->faulted(exception, lockup);
}

static void lock_up(struct core *core, uint32_t exception)
{
    uint32_t context[CONTEXT_WORDS];

    read_context(core, context);
    core->locked_up = 1;
    jump(core, LOCKUP_ADDRESS, context[AT_XPSR]);
    tell_fault(core, exception, context, 1);
}

void raise_synchronous(struct core *core, uint32_t exception)
{
    uint32_t pended = pend_synchronous(core, exception, read_masks(core));

    if (pended == 0) {
        lock_up(core, exception);
    } else if (pended != exception) {
        core->hfsr |= FORCED;
    }
}

void fault(struct core *core, uint32_t exception, uint32_t status)
{
    core->cfsr |= status;
    if ((status & BFARVALID) != 0) {
        core->bfar = core->fault_address;
    }
    raise_synchronous(core, exception);
}

static void enter(struct core *core, uint32_t number, uint32_t exc_return, const uint32_t context[CONTEXT_WORDS])
{
    const uint8_t *entry = readable(core, core->vtor + 4 * number, 4);
    uint32_t vector;

    if (entry == NULL) {
        core->hfsr |= VECTTBL;
        if (number == HARD_FAULT || number == NMI) {
            lock_up(core, number);
            return;
        }
        add_to(&core->pending, HARD_FAULT);
        enter(core, HARD_FAULT, exc_return, context);
        return;
    }
    vector = load32(entry);
    activate(core, number);
    core->event = 1;
    core->invalid_state = (vector & 1) == 0;
    enter_handler_mode(core, number, vector & ~1u, exc_return);
    record(core, number, vector & ~1u);
    if (number >= HARD_FAULT && number <= USAGE_FAULT) {
        tell_fault(core, number, context, 0);
    }
}

void take(struct core *core, uint32_t number)
{
    uint32_t context[CONTEXT_WORDS], exc_return, more_urgent;
    int psp;

    read_context(core, context);
    psp = (context[AT_XPSR] & XPSR_NUMBER) == 0 && (context[AT_CONTROL] & SPSEL) != 0;
    switch (push_frame(core, context, read_limit(core, psp ? PSPLIM : MSPLIM),
                       (context[AT_CONTROL] & FPCA) != 0 && (core->fpccr & ASPEN) != 0, &exc_return)) {
    case FRAME_OK:
        break;
    case FRAME_OVERFLOW:
        fault(core, USAGE_FAULT, STKOF);
        break;
    default:
        fault(core, BUS_FAULT, STKERR);
        break;
    }
    if (!core->locked_up) {
        more_urgent = next_to_take(core);
        enter(core, more_urgent != 0 ? more_urgent : number, exc_return, context);
    }
}

/* A return that breaks the rules becomes a tail-chained fault; the frame stays where it is. */
static void fail_return(struct core *core, uint32_t exc_return, const uint32_t context[CONTEXT_WORDS],
                        uint32_t exception, uint32_t status)
{
    uint32_t number;

    fault(core, exception, status);
    if (!core->locked_up && (number = next_to_take(core)) != 0) {
        enter(core, number, exc_return, context);
    }
}

static void go_back(struct core *core, uint32_t exc_return, const uint32_t context[CONTEXT_WORDS])
{
    uint32_t xpsr = 0;

    switch (pop_frame(core, exc_return, &xpsr)) {
    case FRAME_OK:
        core->invalid_state = (xpsr & XPSR_T) == 0;
        record(core, RETURNED | (xpsr & XPSR_NUMBER), get(core, REG_PC));
        core->sleeps_on_exit = (core->scr & SLEEPONEXIT) != 0 && (xpsr & XPSR_NUMBER) == 0;
        break;
    case FRAME_CONTRADICTS:
        fail_return(core, exc_return, context, USAGE_FAULT, INVPC);
        break;
    default:
        fail_return(core, exc_return, context, BUS_FAULT, UNSTKERR);
        break;
    }
}

/* The program counter holds an EXC_RETURN value: go back, or on to the next handler. */
void exception_return(struct core *core)
{
    uint32_t context[CONTEXT_WORDS], exc_return, number, following;
    int was_active;

    read_context(core, context);
    exc_return = context[AT_PC];
    number = context[AT_XPSR] & XPSR_NUMBER;
    if (number == 0) {
        /* In Thread mode this is only an address, in a region that is never executable. */
        fault(core, MEM_MANAGE, IACCVIOL);
        return;
    }
    was_active = in_set(&core->active, number);
    if (was_active) {
        deactivate(core, number);
        if (number != NMI && number != HARD_FAULT) {
            set(core, REG_FAULTMASK, 0);
        }
    }
    core->event = 1;
    if (!was_active || !exc_return_is_valid(exc_return)) {
        fail_return(core, exc_return, context, USAGE_FAULT, INVPC);
    } else if ((following = next_to_take(core)) != 0) {
        /* Bit 0 got lost in the program counter; in the values of the Secure world it is set. */
        enter(core, following, exc_return | ((exc_return & SECURE_FRAME) != 0 ? 1u : 0), context);
    } else {
        go_back(core, exc_return, context);
    }
}
