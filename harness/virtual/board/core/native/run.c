/* The run loop, and what Python calls. See python_core.py. */
#include "core.h"

#if defined(_WIN32)
#define EXPORTED __declspec(dllexport)
#else
#define EXPORTED __attribute__((visibility("default")))
#endif

/* Let the emulator stop at the next block start. */
void stop_soon(struct core *core)
{
    core->deadline = core->alarm = NOW;
}

void fail(struct core *core, enum failure failure)
{
    if (!core->failed) {
        core->failed = failure;
    }
    stop_soon(core);
}

/* Look at what is pending at the next block start; with SEVONPEND what is newly pending is an event. */
void changed(struct core *core, const exception_set *before)
{
    stop_soon(core);
    for (int word = 0; word < SET_WORDS; word++) {
        if ((core->scr & SEVONPEND) != 0 && (core->pending.word[word] & ~before->word[word]) != 0) {
            core->event = 1;
        }
    }
}

static void enter_debug(struct core *core, uint32_t reason)
{
    core->wants_halt = 0;
    core->state = HALTED;
    core->dfsr |= reason;
    core->client->halted(reason);
}

static void reset(struct core *core)
{
    uint32_t stack = load32(core->flash), vector = load32(core->flash + 4);

    core->wants_reset = core->awaits_reset = core->announces_reset = core->imprecise = 0;
    core->wants_halt = 0;
    core->has_resumed_at = core->event = 0;
    model_reset(core);
    systick_reset(core);
    scs_reset(core);
    core->state = RUNNING;
    core->locked_up = core->sleeps_on_exit = 0;
    core->invalid_state = (vector & 1) == 0;
    reset_registers(core, stack & ~3u, vector);
    write_limit(core, MSPLIM, 0);
    write_limit(core, PSPLIM, 0);
    if (core->halt_on_reset) {
        enter_debug(core, HALT_VECTOR_CATCH);
    }
}

/* Do what was asked for by the outside; return whether the core goes on. */
static int obey(struct core *core)
{
    if (core->wants_reset) {
        reset(core);
    }
    while (core->announces_reset) {
        core->announces_reset = 0;
        core->awaits_reset = 1;
        core->client->reset_requested();
        if (core->wants_reset) {
            reset(core);
        }
    }
    if (core->wants_halt != 0) {
        enter_debug(core, core->wants_halt);
    }
    return !(core->stop_requested || core->awaits_reset || core->failed || core->state == HALTED
             || core->state == LOCKUP);
}

static void note_lockup(struct core *core)
{
    if (core->locked_up && core->state != HALTED) {
        core->state = LOCKUP;
    }
}

static int at_breakpoint(struct core *core)
{
    uint32_t pc;

    if (core->exit_count == 0) {
        return 0;
    }
    pc = get(core, REG_PC);
    return is_exit(core, pc) && !(core->has_resumed_at && core->resumed_at == pc);
}

/* Take an exception or halt, if there is a reason to, and return whether there was one. */
static int interrupt(struct core *core)
{
    uint32_t number;

    if (core->imprecise) {
        core->imprecise = 0;
        fault(core, BUS_FAULT, IMPRECISERR);
    } else if ((number = next_to_take(core)) != 0) {
        take(core, number);
    } else if (core->invalid_state) {
        core->invalid_state = 0;
        fault(core, USAGE_FAULT, INVSTATE);
    } else if (at_breakpoint(core)) {
        enter_debug(core, HALT_BREAKPOINT);
    } else {
        return 0;
    }
    note_lockup(core);
    return 1;
}

/* WFE ends by an event or an exception, WFI by an interrupt even if PRIMASK holds it back. */
static int wakes(struct core *core)
{
    struct masks masks;

    if (core->imprecise) { /* of an access in the block that ended with WFI */
        return 1;
    }
    if (core->waits_for_event) {
        return core->event || next_to_take(core) != 0;
    }
    if (!anything_pending(core)) {
        return 0;
    }
    masks = read_masks(core);
    masks.primask = 0;
    return next_exception(core, masks) != 0;
}

/* Do everything that happens between two blocks; return whether there is something to run. */
static int prepare(struct core *core)
{
    while (obey(core)) {
        if (systick_advance(core, core->cycles)) {
            exception_set before = core->pending;
            add_to(&core->pending, SYSTICK);
            changed(core, &before);
        }
        if (core->state == SLEEPING) {
            if (!wakes(core)) {
                return 1;
            }
            core->state = RUNNING;
            if (core->waits_for_event) {
                core->event = 0;
            }
        }
        if (!interrupt(core)) {
            return 1;
        }
    }
    return 0;
}

static void trap(struct core *core, uint32_t number)
{
    switch (number) {
    case TRAP_SVC:
        raise_synchronous(core, SVCALL);
        break;
    case TRAP_EXCEPTION_EXIT:
        exception_return(core);
        if (core->sleeps_on_exit) {
            core->sleeps_on_exit = core->waits_for_event = 0;
            core->state = SLEEPING;
        }
        break;
    case TRAP_BKPT:
        if (core->debug_enabled) {
            enter_debug(core, HALT_BREAKPOINT);
        } else {
            core->hfsr |= DEBUGEVT;
            raise_synchronous(core, HARD_FAULT);
        }
        break;
    case TRAP_FETCH:
        fault(core, MEM_MANAGE, IACCVIOL);
        break;
    case TRAP_DATA:
    case TRAP_UNALIGNED:
        fault(core, USAGE_FAULT, UNALIGNED);
        break;
    case TRAP_NOCP:
        fault(core, USAGE_FAULT, NOCP);
        break;
    case TRAP_INVSTATE:
        fault(core, USAGE_FAULT, INVSTATE);
        break;
    case TRAP_STKOF:
        fault(core, USAGE_FAULT, STKOF);
        break;
    default:
        fail(core, FAILED_EMULATOR);
        break;
    }
}

/* Deal with the reason for which the emulator came back. */
static void finish(struct core *core)
{
    switch (core->stop) {
    case STOP_TRAP:
        trap(core, core->detail);
        break;
    case STOP_MEMORY:
        if (core->detail == ERR_FETCH_PROT) {
            fault(core, MEM_MANAGE, IACCVIOL);
        } else {
            fault(core, BUS_FAULT, core->detail == ERR_FETCH_UNMAPPED ? IBUSERR : PRECISERR | BFARVALID);
        }
        break;
    case STOP_INVALID:
        fault(core, USAGE_FAULT, UNDEFINSTR);
        break;
    case STOP_NOT_THUMB:
        core->invalid_state = 1;
        break;
    case STOP_WFI:
    case STOP_WFE:
        core->state = SLEEPING;
        core->waits_for_event = core->stop == STOP_WFE;
        break;
    default:
        break;
    }
    note_lockup(core);
}

static void execute(struct core *core, int64_t limit)
{
    int resumed = core->has_resumed_at;

    core->has_resumed_at = 0;
    if (resumed) {
        uint32_t pc = get(core, REG_PC);
        if (core->resumed_at == pc && is_exit(core, pc)) {
            engine_step(core);
            finish(core);
            return;
        }
    }
    core->limit = limit;
    core->deadline = limit < core->probe_at ? limit : core->probe_at;
    /* Unprivileged code can't change the masks, so only privileged code is watched while something is held back. */
    core->watch = anything_pending(core) && !unprivileged(core);
    core->asked = 0;
    core->alarm = core->watch ? NOW : core->deadline;
    engine_run(core);
    finish(core);
}

EXPORTED uint64_t harness_core_size(void)
{
    return sizeof(struct core);
}

EXPORTED int harness_core_attach(struct core *core)
{
    int error = add_hooks(core);

    return error != 0 ? error : map_private_bus(core);
}

/* Reset at once; during a run at the next block start. */
EXPORTED void harness_core_reset(struct core *core)
{
    if (core->running) {
        core->wants_reset = 1;
        stop_soon(core);
    } else {
        reset(core);
    }
}

/* Execute until that cycle; return whether nothing else ended the run. */
EXPORTED int32_t harness_core_run(struct core *core, int64_t until)
{
    int goes_on;

    core->running = 1;
    while ((goes_on = prepare(core)) && core->cycles < until) {
        int64_t due = systick_due(core), limit = due < until ? due : until;
        if (core->state != SLEEPING) {
            execute(core, limit);
        } else if (core->cycles < limit) {
            core->cycles = limit;
        }
    }
    core->running = core->stop_requested = 0;
    return goes_on;
}

static int leave_debug(struct core *core)
{
    core->locked_up = get(core, REG_PC) == LOCKUP_ADDRESS;
    core->state = core->locked_up ? LOCKUP : RUNNING;
    return !core->locked_up;
}

EXPORTED void harness_core_halt(struct core *core, uint32_t reason)
{
    if (core->state == HALTED) {
        return;
    }
    if (core->running) {
        core->wants_halt = reason;
        stop_soon(core);
    } else {
        enter_debug(core, reason);
    }
}

EXPORTED void harness_core_resume(struct core *core)
{
    if (core->state == HALTED) {
        leave_debug(core);
        core->resumed_at = get(core, REG_PC);
        core->has_resumed_at = 1;
    }
}

EXPORTED void harness_core_step(struct core *core)
{
    if (core->state != HALTED) {
        return;
    }
    if (leave_debug(core)) {
        uint32_t before = get(core, REG_PC);
        core->running = 1;
        core->resumed_at = before;
        core->has_resumed_at = 1;
        if (prepare(core) && get(core, REG_PC) == before) {
            engine_step(core);
            finish(core);
            prepare(core);
        }
        core->running = core->stop_requested = 0;
    }
    harness_core_halt(core, HALT_REQUEST);
}

/* Return the cycle at which there is something to execute, -1 if only the outside can bring it. */
EXPORTED int64_t harness_core_next_wake(struct core *core)
{
    int64_t due;

    if (core->awaits_reset || core->state == HALTED || core->state == LOCKUP) {
        return -1;
    }
    if (core->state == RUNNING || wakes(core)) {
        return core->cycles;
    }
    due = systick_due(core);
    if (due == NEVER) {
        return -1;
    }
    return due > core->cycles ? due : core->cycles;
}

EXPORTED void harness_core_pend(struct core *core, uint32_t irq)
{
    exception_set before = core->pending;

    add_to(&core->pending, FIRST_IRQ + irq);
    changed(core, &before);
}

EXPORTED void harness_core_unpend(struct core *core, uint32_t irq)
{
    unpend(core, FIRST_IRQ + irq);
}

EXPORTED void harness_core_set_line(struct core *core, uint32_t irq, int32_t level)
{
    exception_set before = core->pending;

    set_line(core, FIRST_IRQ + irq, level);
    changed(core, &before);
}

EXPORTED uint32_t harness_core_private_read(struct core *core, uint32_t address, uint32_t size)
{
    return private_read(core, address, size);
}

EXPORTED void harness_core_private_write(struct core *core, uint32_t address, uint32_t size, uint32_t value)
{
    exception_set before = core->pending;

    private_write(core, address, size, value);
    changed(core, &before);
}

static void on_event(void *emulator, uint64_t address, uint32_t size, void *user)
{
    struct core *core = user;

    (void)emulator;
    (void)address;
    (void)size;
    core->event = 1;
}

/* Return the hook for a place that holds an SEV, which does nothing in the emulator. */
EXPORTED void *harness_core_event_hook(void)
{
    return (void *)on_event;
}

EXPORTED int32_t harness_core_foresee(struct core *core, uint32_t *registers)
{
    return foresee(core, registers);
}
