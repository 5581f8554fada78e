/* Idle loops: recognising that what executes only waits, and letting the time pass at once.
 *
 * Every now and then, at a block start, the interpreter of thumb.h goes ahead from there. If it comes back to this
 * place with every register, flag, mask and byte of memory as it was, and met nothing but instructions it knows, flash
 * and RAM on the way, then nothing will change until something from outside does: the next interrupt or the end of the
 * slice. Whole turns of the loop are then skipped, their time is added, and execution goes on at the same place; the
 * turn in which the deadline falls is executed. So stops, and with them the trace, are where they would have been.
 */
#include "thumb.h"

#include <string.h>

enum { INSTRUCTIONS = 1000, SHORT_PAUSE = 64, LONG_PAUSE = 1 << 21 };

static int prepare_machine(struct machine *machine, struct core *core, uint32_t address)
{
    uint32_t xpsr = get(core, REG_XPSR);

    machine->core = core;
    for (int index = 0; index <= AT_R12; index++) {
        machine->r[index] = get(core, REG_R0 + index);
    }
    machine->r[13] = get(core, REG_SP);
    machine->r[14] = get(core, REG_LR);
    machine->r[15] = address;
    machine->n = xpsr >> 31;
    machine->z = xpsr >> 30 & 1;
    machine->c = xpsr >> 29 & 1;
    machine->v = xpsr >> 28 & 1;
    machine->it = 0;
    machine->privileged = !unprivileged(core);
    machine->primask = get(core, REG_PRIMASK);
    machine->basepri = get(core, REG_BASEPRI);
    machine->halfwords = 0;
    machine->logged = 0;
    return (xpsr & XPSR_IT) == 0 && (xpsr & XPSR_T) != 0;
}

static int is_same(const struct machine *machine, const struct machine *before)
{
    return memcmp(machine->r, before->r, sizeof machine->r) == 0 && machine->n == before->n && machine->z == before->z
        && machine->c == before->c && machine->v == before->v && machine->it == before->it
        && machine->primask == before->primask && machine->basepri == before->basepri;
}

/* Return how long one turn of the loop from here takes in which nothing changes, 0 if there is none. */
static uint32_t length_of_turn(struct core *core, uint32_t address)
{
    struct machine machine, before;

    if (!prepare_machine(&machine, core, address)) {
        return 0;
    }
    before = machine;
    for (int count = 0; count < INSTRUCTIONS && !is_exit(core, machine.r[15]) && machine_step(&machine); count++) {
        if (machine.r[15] == address && is_same(&machine, &before)) {
            return machine_take_back(&machine) ? machine.halfwords : 0;
        }
    }
    machine_take_back(&machine);
    return 0;
}

/* Look for an idle loop at this block start, and return how many cycles to skip. */
int64_t idle_probe(struct core *core, uint32_t address)
{
    uint32_t turn = anything_pending(core) ? 0 : length_of_turn(core, address);
    int64_t skipped = 0;

    core->deadline = core->limit;
    if (turn != 0) {
        skipped = (core->limit - core->cycles) / turn * turn;
        core->idle_skips++;
        core->idle_cycles += (uint64_t)skipped;
        core->probe_pause = SHORT_PAUSE;
        core->probe_at = core->cycles + skipped + SHORT_PAUSE;
    } else {
        core->probe_at = core->cycles + core->probe_pause;
        core->probe_pause = core->probe_pause < LONG_PAUSE ? 2 * core->probe_pause : LONG_PAUSE;
    }
    if (core->probe_at < core->deadline) {
        core->deadline = core->probe_at;
    }
    core->alarm = core->watch ? NOW : core->deadline;
    return skipped;
}

/* Let the interpreter execute one instruction where the core stands, for tests that compare it with the emulator.
 * Returns 0 if it does not know it; else registers gets r0 to r15 and the flags, memory has changed. */
int32_t foresee(struct core *core, uint32_t registers[17])
{
    struct machine machine;

    if (!prepare_machine(&machine, core, get(core, REG_PC)) || !machine_step(&machine)) {
        machine_take_back(&machine);
        return 0;
    }
    memcpy(registers, machine.r, sizeof machine.r);
    registers[16] = machine.n << 31 | machine.z << 30 | machine.c << 29 | machine.v << 28;
    return 1;
}
