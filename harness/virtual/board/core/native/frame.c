/* Exception frames: what entry pushes and return pops, and EXC_RETURN between them. See frame.py. */
#include "core.h"

#define PREFIX 0xFFFFFF80u
#define DCRS (1u << 5)
#define BASIC (1u << 4)
#define THREAD (1u << 3)
#define PROCESS_STACK (1u << 2)
#define RESERVED (1u << 1)

enum { BASIC_SIZE = 0x20, FP_SIZE = 0x68, FP_PAIRS = 8, FPSCR_AT = 0x60 };

static void push_floating_point(struct core *core, uint8_t *frame)
{
    for (int pair = 0; pair < FP_PAIRS; pair++) {
        uint32_t value[2] = {0, 0};
        core->unicorn->reg_read(core->emulator, REG_D0 + pair, value);
        store32(frame + BASIC_SIZE + 8 * pair, value[0]);
        store32(frame + BASIC_SIZE + 8 * pair + 4, value[1]);
    }
    store32(frame + FPSCR_AT, get(core, REG_FPSCR));
    store32(frame + FPSCR_AT + 4, 0);
}

/* Push a frame of this context and tell the EXC_RETURN value that undoes it. The stack pointer moves even if nothing
 * could be written; at an overflow it is left at the limit. */
enum frame_fault push_frame(struct core *core, const uint32_t context[CONTEXT_WORDS], uint32_t limit, int keep_fp,
                            uint32_t *exc_return)
{
    static const uint8_t order[] = {0, 1, 2, 3, AT_R12, AT_LR, AT_PC};
    uint32_t pointer = context[AT_SP], size = keep_fp ? FP_SIZE : BASIC_SIZE, address = (pointer - size) & ~7u;
    int thread = (context[AT_XPSR] & XPSR_NUMBER) == 0;
    uint8_t *frame;

    *exc_return = PREFIX | DCRS | (keep_fp ? 0 : BASIC) | (thread ? THREAD : 0)
        | (thread && (context[AT_CONTROL] & SPSEL) != 0 ? PROCESS_STACK : 0);
    if (address < limit || pointer < size) {
        set(core, REG_SP, limit);
        return limit != 0 ? FRAME_OVERFLOW : FRAME_NO_MEMORY;
    }
    set(core, REG_SP, address);
    frame = writable(core, address, size);
    if (frame == NULL) {
        return FRAME_NO_MEMORY;
    }
    for (unsigned index = 0; index < sizeof order; index++) {
        store32(frame + 4 * index, context[order[index]]);
    }
    store32(frame + 28, (context[AT_XPSR] & ~XPSR_ALIGNED) | ((pointer & 4) != 0 ? XPSR_ALIGNED : 0));
    if (keep_fp) {
        push_floating_point(core, frame);
    }
    return FRAME_OK;
}

/* Bit 0 got lost in the program counter and is not looked at. */
int exc_return_is_valid(uint32_t exc_return)
{
    return (exc_return & PREFIX) == PREFIX && (exc_return & RESERVED) == 0 && (exc_return & DCRS) != 0
        && ((exc_return & THREAD) != 0 || (exc_return & PROCESS_STACK) == 0);
}

static void pop_floating_point(struct core *core, const uint8_t *frame)
{
    for (int pair = 0; pair < FP_PAIRS; pair++) {
        uint32_t value[2] = {load32(frame + BASIC_SIZE + 8 * pair), load32(frame + BASIC_SIZE + 8 * pair + 4)};
        core->unicorn->reg_write(core->emulator, REG_D0 + pair, value);
    }
    set(core, REG_FPSCR, load32(frame + FPSCR_AT));
}

/* Restore the context below and tell the xPSR it had. Nothing changes if that is not possible. */
enum frame_fault pop_frame(struct core *core, uint32_t exc_return, uint32_t *xpsr)
{
    static const uint8_t order[] = {REG_R0, REG_R0 + 1, REG_R0 + 2, REG_R0 + 3, REG_R12, REG_LR};
    int stack = (exc_return & PROCESS_STACK) != 0 ? REG_PSP : REG_SP, has_fp = (exc_return & BASIC) == 0;
    uint32_t pointer = get(core, stack), size = has_fp ? FP_SIZE : BASIC_SIZE, control, wanted;
    const uint8_t *frame = readable(core, pointer, size);

    if (frame == NULL) {
        return FRAME_NO_MEMORY;
    }
    *xpsr = load32(frame + 28);
    if (((*xpsr & XPSR_NUMBER) == 0) != ((exc_return & THREAD) != 0)) {
        return FRAME_CONTRADICTS;
    }
    if (has_fp) {
        pop_floating_point(core, frame);
    }
    set(core, stack, (pointer + size) | ((*xpsr & XPSR_ALIGNED) != 0 ? 4u : 0));
    for (unsigned index = 0; index < sizeof order; index++) {
        set(core, order[index], load32(frame + 4 * index));
    }
    /* While still in Handler mode: an unprivileged context below could not write CONTROL any more. */
    control = get(core, REG_CONTROL);
    wanted = (control & ~(SPSEL | FPCA | SFPA)) | ((exc_return & PROCESS_STACK) != 0 ? SPSEL : 0) | (has_fp ? FPCA : 0);
    if (wanted != control) {
        set(core, REG_CONTROL, wanted);
    }
    jump(core, load32(frame + 24) & ~1u, *xpsr & ~XPSR_ALIGNED);
    return FRAME_OK;
}
