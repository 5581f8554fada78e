/* The emulator's register file, with the tricks that its M profile needs: see registers.py and stubs.py. */
#include "core.h"

#define SOME_HANDLER 2u

uint32_t get(struct core *core, int number)
{
    uint32_t value[2] = {0, 0}; /* a register may be written as 64 bits */

    core->unicorn->reg_read(core->emulator, number, value);
    return value[0];
}

void set(struct core *core, int number, uint32_t value)
{
    uint32_t words[2] = {value, 0};

    core->unicorn->reg_write(core->emulator, number, words);
}

void read_context(struct core *core, uint32_t context[CONTEXT_WORDS])
{
    for (int index = 0; index <= AT_R12; index++) {
        context[index] = get(core, REG_R0 + index);
    }
    context[AT_SP] = get(core, REG_SP);
    context[AT_LR] = get(core, REG_LR);
    context[AT_PC] = get(core, REG_PC);
    context[AT_XPSR] = get(core, REG_XPSR);
    context[AT_CONTROL] = get(core, REG_CONTROL);
}

int unprivileged(struct core *core)
{
    return (get(core, REG_CONTROL) & NPRIV) != 0 && (get(core, REG_XPSR) & XPSR_NUMBER) == 0;
}

/* Writing the exception number swaps the stack pointers; only the write of the flags, which has to be the last, makes
 * the emulator notice the change of mode. */
void jump(struct core *core, uint32_t address, uint32_t xpsr)
{
    set(core, REG_XPSR, xpsr | XPSR_T);
    set(core, REG_PC, address | 1u);
    set(core, REG_APSR_NZCV, xpsr);
}

void enter_handler_mode(struct core *core, uint32_t exception, uint32_t address, uint32_t exc_return)
{
    uint32_t xpsr = (get(core, REG_XPSR) & ~(XPSR_NUMBER | XPSR_IT)) | exception;
    uint32_t control;

    set(core, REG_XPSR, xpsr | XPSR_T);
    control = get(core, REG_CONTROL);
    if ((control & (SPSEL | FPCA | SFPA)) != 0) {
        set(core, REG_CONTROL, control & ~(SPSEL | FPCA | SFPA));
    }
    set(core, REG_LR, exc_return);
    set(core, REG_PC, address | 1u);
    set(core, REG_APSR_NZCV, xpsr);
}

void reset_registers(struct core *core, uint32_t stack, uint32_t address)
{
    static const int cleared[] = {REG_CONTROL, REG_PRIMASK, REG_BASEPRI, REG_FAULTMASK, REG_PSP, REG_FPSCR};

    /* In Handler mode everything may be written, whatever the state was. */
    set(core, REG_XPSR, XPSR_T | SOME_HANDLER);
    for (unsigned index = 0; index < sizeof cleared / sizeof cleared[0]; index++) {
        set(core, cleared[index], 0);
    }
    for (int index = 0; index <= AT_R12; index++) {
        set(core, REG_R0 + index, 0);
    }
    set(core, REG_SP, stack);
    set(core, REG_LR, 0xFFFFFFFFu);
    jump(core, address & ~1u, 0);
}

struct masks read_masks(struct core *core)
{
    struct masks masks;
    int hidden = unprivileged(core);
    uint32_t xpsr = 0, pc = 0;

    if (hidden) { /* be in Handler mode meanwhile */
        xpsr = get(core, REG_XPSR);
        pc = get(core, REG_PC);
        jump(core, pc, SOME_HANDLER);
    }
    masks.primask = get(core, REG_PRIMASK);
    masks.basepri = get(core, REG_BASEPRI);
    masks.faultmask = get(core, REG_FAULTMASK);
    if (hidden) {
        jump(core, pc, xpsr);
    }
    return masks;
}

/* The emulator does not offer its stack limits: instructions in a page of our own read and write them. */
static uint32_t run_limit_stub(struct core *core, enum limit limit, int write, uint32_t value)
{
    uint32_t xpsr = get(core, REG_XPSR), pc = get(core, REG_PC), r0 = get(core, REG_R0), result;
    uint32_t number = xpsr & XPSR_NUMBER;

    set(core, REG_R0, value);
    jump(core, STUB_BASE, XPSR_T | (number != 0 ? number : SOME_HANDLER));
    run_stub(core, STUB_BASE + 16u * (2u * (uint32_t)limit + (write ? 1u : 0u)));
    result = get(core, REG_R0);
    set(core, REG_R0, r0);
    jump(core, pc, xpsr);
    return result;
}

/* No stub runs as long as nothing can have set this limit. */
uint32_t read_limit(struct core *core, enum limit limit)
{
    if ((core->limits_used >> limit & 1) == 0 && !core->code_in_ram) {
        return 0;
    }
    return run_limit_stub(core, limit, 0, 0);
}

void write_limit(struct core *core, enum limit limit, uint32_t value)
{
    run_limit_stub(core, limit, 1, value);
}
