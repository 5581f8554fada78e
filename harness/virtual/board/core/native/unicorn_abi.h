/* The few parts of unicorn's C interface that the core uses, as its version 2 fixes them.
 *
 * No header of unicorn is needed to build this: the core gets the addresses of the functions from the Python binding
 * that has the library loaded. Numbers: unicorn.arm_const and unicorn.unicorn_const; a test compares them.
 */
#ifndef HARNESS_UNICORN_ABI_H
#define HARNESS_UNICORN_ABI_H

#include <stddef.h>
#include <stdint.h>

/* Filled in by Python: class UnicornFunctions in native.py. */
struct unicorn {
    int (*emu_start)(void *emulator, uint64_t begin, uint64_t until, uint64_t timeout, size_t count);
    int (*emu_stop)(void *emulator);
    int (*reg_read)(void *emulator, int number, void *value);
    int (*reg_write)(void *emulator, int number, const void *value);
    int (*hook_add)(void *emulator, size_t *hook, int type, void *callback, void *user, uint64_t begin, uint64_t end,
                    ...);
    int (*mmio_map)(void *emulator, uint64_t address, size_t size, void *read, void *read_user, void *write,
                    void *write_user);
    int (*mem_protect)(void *emulator, uint64_t address, size_t size, uint32_t permissions);
    int (*ctl)(void *emulator, int control, ...);
};

enum register_number {
    REG_APSR_NZCV = 2, REG_FPSCR = 6, REG_LR = 10, REG_PC = 11, REG_SP = 12, REG_D0 = 14, REG_R0 = 66, REG_R12 = 78,
    REG_MSP = 115, REG_PSP = 116, REG_CONTROL = 117, REG_XPSR = 120, REG_PRIMASK = 123, REG_BASEPRI = 124,
    REG_FAULTMASK = 126
};

enum hook_type { HOOK_INTR = 1, HOOK_CODE = 4, HOOK_BLOCK = 8, HOOK_MEM_INVALID = 1008, HOOK_INSN_INVALID = 16384 };

enum error_number {
    ERR_READ_UNMAPPED = 6, ERR_WRITE_UNMAPPED = 7, ERR_FETCH_UNMAPPED = 8, ERR_INSN_INVALID = 10, ERR_WRITE_PROT = 12,
    ERR_READ_PROT = 13, ERR_FETCH_PROT = 14
};

enum memory_event { FETCH_FORBIDDEN = 24 };
enum permission { PERMIT_ALL = 7 };

/* What the interrupt hook is told. */
enum trap {
    TRAP_SVC = 2, TRAP_FETCH = 3, TRAP_DATA = 4, TRAP_BKPT = 7, TRAP_EXCEPTION_EXIT = 8, TRAP_NOCP = 17,
    TRAP_INVSTATE = 18, TRAP_STKOF = 19, TRAP_UNALIGNED = 22
};

#define CONTROL_EXITS (6 | 2 << 26 | 1 << 30)
#define CONTROL_FLUSH_CODE (10 | 1 << 30)

#endif
