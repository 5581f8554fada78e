/* The block hook of the emulator, compiled: what engine.py does for every basic block, without Python in between.
 *
 * Called by unicorn at the start of each block. It counts time, one cycle per halfword of code, and lets the engine
 * decide only when there is something to decide: the deadline has come, or, while an interrupt is held back, the
 * application has changed a mask or its privilege. Whatever else could let an interrupt through ends the run by itself.
 *
 * Built without any header of Python or unicorn: the engine loads it by ctypes and gives its address to the emulator.
 * Layout of struct pace: class Pace in pace.py.
 */
#include <stdint.h>

struct pace {
    int64_t cycles;      /* time so far */
    int64_t deadline;    /* when to ask */
    uint32_t block_end;  /* address behind the block that executes */
    uint8_t watch;       /* ask at every block */
    uint8_t silent;      /* outside of time: count nothing */
    uint8_t asked;       /* whether the masks below are those that the engine last decided on */
    uint8_t spare;
    uint32_t hidden_from, hidden_to; /* code in which nothing stops: the veneers */
    int32_t mask_registers[4];       /* what the emulator calls PRIMASK, BASEPRI, FAULTMASK and CONTROL */
    uint32_t masks[4];
    int32_t (*decide)(void); /* returns whether the emulator was stopped */
    int32_t (*read_register)(void *emulator, int32_t number, void *value);
};

/* Return whether the masks are other than at the last call. */
static int masks_changed(void *emulator, struct pace *pace)
{
    int changed = !pace->asked;

    for (int index = 0; index < 4; index++) {
        uint32_t value = 0;
        pace->read_register(emulator, pace->mask_registers[index], &value);
        changed |= value != pace->masks[index];
        pace->masks[index] = value;
    }
    pace->asked = 1;
    return changed;
}

#if defined(_WIN32)
__declspec(dllexport)
#else
__attribute__((visibility("default")))
#endif
void harness_on_block(void *emulator, uint64_t address, uint32_t size, void *user)
{
    struct pace *pace = user;

    if (pace->silent) {
        return;
    }
    if ((pace->cycles >= pace->deadline || pace->watch) && !(address >= pace->hidden_from && address < pace->hidden_to)
        && (pace->cycles >= pace->deadline || masks_changed(emulator, pace)) && pace->decide()) {
        return;
    }
    pace->cycles += size >> 1;
    pace->block_end = (uint32_t)(address + size);
}
