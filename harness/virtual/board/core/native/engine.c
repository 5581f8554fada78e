/* The emulator from stop to stop: hooks that count time and stop it, and what it came back for. See engine.py.
 *
 * Never stopped but at the start of a block: what is stopped inside of an access to a register is executed again.
 */
#include "core.h"

static void stop(struct core *core, enum stop why, uint32_t detail)
{
    core->stop = (uint8_t)why;
    core->detail = detail;
    core->unicorn->emu_stop(core->emulator);
}

static int is_thumb(struct core *core)
{
    return (get(core, REG_XPSR) & XPSR_T) != 0;
}

/* Return whether the masks are other than at the last call. Whatever else could let something through ends the run. */
static int masks_changed(struct core *core)
{
    static const int numbers[4] = {REG_PRIMASK, REG_BASEPRI, REG_FAULTMASK, REG_CONTROL};
    int changed = !core->asked;

    for (int index = 0; index < 4; index++) {
        uint32_t value = get(core, numbers[index]);
        changed |= value != core->masks_seen[index];
        core->masks_seen[index] = value;
    }
    core->asked = 1;
    return changed;
}

/* Stop at this block start if there is a reason to; return whether there is. */
static int decide(struct core *core, uint32_t address)
{
    int due = core->cycles >= core->deadline;

    if (due && core->deadline == core->probe_at && core->probe_at < core->limit) {
        core->cycles += idle_probe(core, address);
        due = core->cycles >= core->deadline;
    }
    if (!due && !(core->watch && masks_changed(core) && (unprivileged(core) || next_to_take(core) != 0))) {
        return 0;
    }
    stop(core, is_thumb(core) ? STOP_BLOCK : STOP_NOT_THUMB, 0);
    return 1;
}

static int is_veneer(uint32_t address)
{
    return address - VENEER_BASE < VENEER_SIZE || address - OLD_VENEER_BASE < OLD_VENEER_SIZE;
}

static uint32_t veneer_slot(uint32_t address)
{
    return address < VENEER_BASE ? OLD_SLOT + (address - OLD_VENEER_BASE) / VENEER_STRIDE
                                 : (address - VENEER_BASE) / VENEER_STRIDE;
}

static void count_block(struct core *core, uint32_t address, uint32_t size)
{
    core->cycles += size >> 1;
    core->block_end = address + size;
}

/* A block start at which there may be something to do. */
#if defined(__GNUC__)
__attribute__((noinline))
#endif
static void on_alarm(struct core *core, uint32_t address, uint32_t size)
{
    if (!core->silent && (is_veneer(address) || !decide(core, address))) {
        count_block(core, address, size);
    }
}

/* Called at the start of each block: what is done here costs as much as a few instructions of the application, so all
 * that is seldom is elsewhere, and needs no register kept meanwhile. */
static void on_block(void *emulator, uint64_t address, uint32_t size, void *user)
{
    struct core *core = user;

    (void)emulator;
    if (core->cycles >= core->alarm) {
        on_alarm(core, (uint32_t)address, size);
        return;
    }
    count_block(core, (uint32_t)address, size);
}

static void on_interrupt(void *emulator, uint32_t number, void *user)
{
    struct core *core = user;

    (void)emulator;
    if (number == TRAP_SVC) {
        uint32_t address = get(core, REG_PC) - 2;
        if (is_veneer(address)) {
            core->client->system_call(veneer_slot(address));
            if (core->failed) {
                stop(core, STOP_BLOCK, 0);
            }
            return;
        }
    }
    stop(core, STOP_TRAP, number);
}

/* Return what the instruction before the program counter waits for, if it ended the block and is a wait: STOP_BLOCK
 * for a YIELD, which waits for nothing, STOP_NONE for anything else. */
static enum stop waited(struct core *core)
{
    static const enum stop waits[] = {STOP_BLOCK, STOP_WFE, STOP_WFI}; /* hints 1 to 3 */
    uint32_t pc = get(core, REG_PC), code;
    const uint8_t *at;

    if (pc == SLEEP_VENEER + 6 && pc == core->block_end) {
        return STOP_WFI;
    }
    if (pc != core->block_end || (at = readable(core, pc - 4, 4)) == NULL) {
        return STOP_NONE;
    }
    code = load32(at);
    if ((code >> 16 & 0xFF0F) == 0xBF00) {
        uint32_t hint = code >> 20 & 0xF;
        return hint >= 1 && hint <= 3 ? waits[hint - 1] : STOP_NONE;
    }
    if ((code & 0xFFFCFFFF) == 0x8000F3AF) {
        uint32_t hint = code >> 16 & 3;
        return hint != 0 ? waits[hint - 1] : STOP_NONE;
    }
    return STOP_NONE;
}

/* WFE and YIELD arrive here as invalid instructions, with the program counter behind them. */
static _Bool on_invalid(void *emulator, void *user)
{
    struct core *core = user;
    enum stop wait = waited(core);

    (void)emulator;
    if (wait == STOP_WFE) {
        if (!core->event) {
            stop(core, STOP_WFE, 0);
        }
        core->event = 0;
    }
    return wait != STOP_NONE;
}

/* Remember the address; whether something is there is Python's to say, in a hook that comes after this. RAM can't be
 * executed at first: so the core learns that an application has code there, which nobody has looked through. */
static _Bool on_memory(void *emulator, int type, uint64_t address, int size, int64_t value, void *user)
{
    struct core *core = user;

    (void)size;
    (void)value;
    core->fault_address = (uint32_t)address;
    if (type != FETCH_FORBIDDEN || core->code_in_ram || writable(core, (uint32_t)address, 2) == NULL) {
        return 0;
    }
    core->code_in_ram = 1;
    return core->unicorn->mem_protect(emulator, RAM_BASE, RAM_SIZE, PERMIT_ALL) == 0;
}

int add_hooks(struct core *core)
{
    const struct { int type; void *callback; } hooks[] = {
        {HOOK_INTR, (void *)on_interrupt}, {HOOK_INSN_INVALID, (void *)on_invalid}, {HOOK_BLOCK, (void *)on_block},
        {HOOK_MEM_INVALID, (void *)on_memory}};

    for (unsigned index = 0; index < sizeof hooks / sizeof hooks[0]; index++) {
        size_t handle;
        int error = core->unicorn->hook_add(core->emulator, &handle, hooks[index].type, hooks[index].callback, core,
                                            UINT64_C(1), UINT64_C(0));
        if (error != 0) {
            return error;
        }
    }
    return 0;
}

int is_exit(const struct core *core, uint32_t address)
{
    for (uint32_t index = 0; index < core->exit_count; index++) {
        if (core->exits[index] == address) {
            return 1;
        }
    }
    return 0;
}

static void explain_error(struct core *core, int error)
{
    core->detail = (uint32_t)error;
    switch (error) {
    case ERR_INSN_INVALID:
        core->stop = is_thumb(core) ? STOP_INVALID : STOP_NOT_THUMB;
        break;
    case ERR_READ_UNMAPPED:
    case ERR_WRITE_UNMAPPED:
    case ERR_FETCH_UNMAPPED:
    case ERR_WRITE_PROT:
    case ERR_READ_PROT:
    case ERR_FETCH_PROT:
        core->stop = STOP_MEMORY;
        break;
    default:
        fail(core, FAILED_EMULATOR);
        break;
    }
}

/* No hook stopped it: a WFI, an exit or the end of a step. */
static void explain_silence(struct core *core, int stepped)
{
    if (waited(core) == STOP_WFI) {
        core->stop = STOP_WFI;
    } else if (!stepped && !is_exit(core, get(core, REG_PC))) {
        core->detail = 0;
        fail(core, FAILED_EMULATOR);
    } else if (!is_thumb(core)) {
        core->stop = STOP_NOT_THUMB;
    } else {
        core->stop = stepped ? STOP_BLOCK : STOP_EXIT;
    }
}

static void emulate(struct core *core, uint32_t address, size_t count)
{
    int error;

    core->stop = STOP_NONE;
    error = core->unicorn->emu_start(core->emulator, address | 1u, 0, 0, count);
    if (error != 0) {
        explain_error(core, error);
    } else if (core->stop == STOP_NONE && !core->failed) {
        explain_silence(core, count != 0);
    }
}

void engine_run(struct core *core)
{
    emulate(core, get(core, REG_PC), 0);
}

static void set_exits(struct core *core, uint32_t count)
{
    if (core->exit_count != 0) {
        core->unicorn->ctl(core->emulator, CONTROL_EXITS, core->exits, (size_t)count);
    }
}

/* Execute one instruction and count its time. Code that counts instructions must not be shared with code that does
 * not: it is thrown away before and after. */
void engine_step(struct core *core)
{
    uint32_t address = get(core, REG_PC), length = 2;
    const uint8_t *code = readable(core, address + 1, 1);

    if (code != NULL && *code >> 3 >= 0x1D) {
        length = 4;
    }
    set_exits(core, 0);
    core->unicorn->ctl(core->emulator, CONTROL_FLUSH_CODE);
    core->silent = 1;
    core->alarm = NOW;
    core->block_end = address + length;
    emulate(core, address, 1);
    core->silent = 0;
    set_exits(core, core->exit_count);
    core->unicorn->ctl(core->emulator, CONTROL_FLUSH_CODE);
    core->cycles += length / 2;
}

/* Execute instructions of our own up to a WFI, outside of time. */
void run_stub(struct core *core, uint32_t address)
{
    core->silent = 1;
    core->alarm = NOW;
    core->unicorn->emu_start(core->emulator, address | 1u, 0, 0, 0);
    core->silent = 0;
}
