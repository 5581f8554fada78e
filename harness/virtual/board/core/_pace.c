/* The block hook of the emulator, compiled: what engine.py does for every basic block, without Python in between.
 *
 * Called by unicorn at the start of each block. It counts time, one cycle per halfword of code, and lets the engine decide
 * only when there is something to decide: the deadline has come, or something that is held back may have become
 * unmasked. Built without any header of Python or unicorn: the engine loads it by ctypes and gives its address to the
 * emulator. Layout of struct pace: class Pace in pace.py.
 */
#include <stdint.h>

struct pace {
    int64_t cycles;      /* time so far */
    int64_t deadline;    /* when to ask */
    uint32_t block_end;  /* address behind the block that executes */
    uint8_t watch;       /* ask at every block */
    uint8_t silent;      /* outside of time: count nothing */
    uint8_t spare[2];
    uint32_t hidden_from, hidden_to; /* code in which nothing stops: the veneers */
    int32_t (*decide)(void);         /* returns whether the emulator was stopped */
};

#if defined(_WIN32)
__declspec(dllexport)
#else
__attribute__((visibility("default")))
#endif
void harness_on_block(void *emulator, uint64_t address, uint32_t size, void *user)
{
    struct pace *pace = user;

    (void)emulator;
    if (pace->silent) {
        return;
    }
    if ((pace->cycles >= pace->deadline || pace->watch) && !(address >= pace->hidden_from && address < pace->hidden_to)
        && pace->decide()) {
        return;
    }
    pace->cycles += size >> 1;
    pace->block_end = (uint32_t)(address + size);
}
