/* The compiled core: one plain structure of state that Python sees too, and what each source file offers the others.
 *
 * python_core.py and the modules around it are the specification: each function here does what its namesake there
 * does, at the same cycle. Where this and that differ, this is wrong. Clauses of the architecture (DDI0553) are cited
 * there and not repeated.
 *
 * Memory and peripherals stay with Python; the private peripheral bus, exceptions and the run loop are here. Whatever
 * has to go to the board goes through the callbacks of struct client.
 */
#ifndef HARNESS_CORE_H
#define HARNESS_CORE_H

#include <stdint.h>

#include "unicorn_abi.h"

#define IRQS 125
#define FIRST_IRQ 16
#define EXCEPTIONS (FIRST_IRQ + IRQS)
#define SET_WORDS 3

#define FLASH_BASE 0x08000000u
#define FLASH_SIZE 0x00100000u
#define RAM_BASE 0x20000000u
#define RAM_SIZE 0x00080000u
#define VENEER_BASE 0x0C1FE000u
#define VENEER_STRIDE 8u
#define VENEER_SIZE (74u * VENEER_STRIDE)
#define OLD_VENEER_BASE 0x0C1FD800u /* until September 2021; reported as slots from OLD_SLOT on */
#define OLD_VENEER_SIZE (64u * VENEER_STRIDE)
#define OLD_SLOT 256u
#define SLEEP_VENEER (VENEER_BASE + 58u * VENEER_STRIDE) /* with a WFI after the call */
#define PPB_BASE 0xE0000000u
#define PPB_SIZE 0x00100000u
#define SCS_BASE 0xE000E000u
#define SCS_SIZE 0x1000u
#define STUB_BASE 0x9FFFF000u
#define LOCKUP_ADDRESS 0xEFFFFFFEu

#define NOW (-1)
#define NEVER INT64_MAX

enum { NMI = 2, HARD_FAULT, MEM_MANAGE, BUS_FAULT, USAGE_FAULT, SVCALL = 11, DEBUG_MONITOR, PENDSV = 14, SYSTICK };
enum core_state { RUNNING, SLEEPING, HALTED, LOCKUP };
enum halt_reason { HALT_REQUEST = 1, HALT_BREAKPOINT = 2, HALT_VECTOR_CATCH = 8 };
enum stop { STOP_NONE, STOP_BLOCK, STOP_EXIT, STOP_TRAP, STOP_WFI, STOP_WFE, STOP_NOT_THUMB, STOP_INVALID, STOP_MEMORY };
enum failure { FAILED_NOT, FAILED_CALLBACK, FAILED_EMULATOR };

/* xPSR, CONTROL */
#define XPSR_NUMBER 0x1FFu
#define XPSR_IT 0x0600FC00u
#define XPSR_T (1u << 24)
#define XPSR_ALIGNED (1u << 9)
#define NPRIV 1u
#define SPSEL 2u
#define FPCA 4u
#define SFPA 8u

/* CFSR, HFSR */
#define IACCVIOL (1u << 0)
#define IBUSERR (1u << 8)
#define PRECISERR (1u << 9)
#define IMPRECISERR (1u << 10)
#define UNSTKERR (1u << 11)
#define STKERR (1u << 12)
#define BFARVALID (1u << 15)
#define UNDEFINSTR (1u << 16)
#define INVSTATE (1u << 17)
#define INVPC (1u << 18)
#define NOCP (1u << 19)
#define STKOF (1u << 20)
#define UNALIGNED (1u << 24)
#define VECTTBL (1u << 1)
#define FORCED (1u << 30)
#define DEBUGEVT (1u << 31)
#define SLEEPONEXIT (1u << 1)
#define SEVONPEND (1u << 4)

/* A set of exceptions, one bit each. */
typedef struct { uint64_t word[SET_WORDS]; } exception_set;

/* r0 to r12, SP, LR, PC, xPSR, CONTROL: in the order of registers.py. */
enum { AT_R12 = 12, AT_SP, AT_LR, AT_PC, AT_XPSR, AT_CONTROL, CONTEXT_WORDS };

struct core;

/* What is asked of Python. A callback that fails sets core.failed; what it returns does not count then. */
struct client {
    void (*system_call)(uint32_t slot);
    void (*faulted)(uint32_t exception, int32_t lockup); /* registers in core.recorded */
    void (*reset_requested)(void);
    void (*halted)(uint32_t reason);
    void (*traced)(uint32_t exception, uint32_t pc, int64_t cycles);
};

/* Its layout is that of class State in native.py. */
struct core {
    /* time, first because the block hook lives of it */
    int64_t cycles;         /* so far */
    int64_t alarm;          /* when to look closer at a block start: the deadline, or NOW while watch or silent is set */
    int64_t deadline;       /* when to stop at a block start */
    int64_t limit;          /* up to when this run goes, at the most */
    uint32_t block_end;     /* address behind the block that executes */
    uint8_t watch;          /* something is held back: look whether masks change */
    uint8_t silent;         /* code executes outside of time */
    uint8_t asked;          /* whether masks_seen is what was decided on */
    uint8_t code_in_ram;    /* code ran that lies in RAM */
    uint32_t masks_seen[4];

    void *emulator;
    const struct unicorn *unicorn;
    const struct client *client;
    uint8_t *ram, *flash;

    /* the run loop */
    uint8_t state, running, stop_requested, waits_for_event;
    uint8_t wants_reset, announces_reset, awaits_reset, imprecise;
    uint8_t halt_on_reset, debug_enabled, event, locked_up;
    uint8_t invalid_state, sleeps_on_exit, has_resumed_at, limits_used; /* bit 0: MSPLIM, bit 1: PSPLIM */
    uint8_t trace_enabled, trace_hooked, skip_idle, stop;
    uint32_t wants_halt, resumed_at, failed, detail, fault_address, exit_count;
    const uint64_t *exits;

    /* exceptions */
    exception_set pending, active, enabled, lines;
    int16_t priority[EXCEPTIONS + 3];
    uint32_t group_mask;

    /* registers of the System Control Space */
    uint32_t vtor, prigroup, scr, ccr, cfsr, hfsr, dfsr, mmfar, bfar, cpacr, demcr, fpccr, fpcar, fpdscr;

    /* SysTick and DWT_CYCCNT */
    uint32_t tick_control, tick_reload, tick_value, tick_flag;
    int64_t tick_anchor;
    int64_t counter_offset;
    uint32_t counter_enabled;

    uint32_t recorded[CONTEXT_WORDS];
    uint64_t trace_hash, trace_count;

    /* idle loops */
    int64_t probe_at;       /* when to look for one; NEVER while skipping is off */
    uint32_t probe_pause;   /* cycles until then after a vain look */
    uint32_t mask_interrupts; /* DHCSR.C_MASKINTS: PendSV, SysTick and external interrupts stay pending */
    uint64_t idle_skips, idle_cycles;
};

/* registers.c */
uint32_t get(struct core *core, int number);
void set(struct core *core, int number, uint32_t value);
void read_context(struct core *core, uint32_t context[CONTEXT_WORDS]);
int unprivileged(struct core *core);
void jump(struct core *core, uint32_t address, uint32_t xpsr);
void enter_handler_mode(struct core *core, uint32_t exception, uint32_t address, uint32_t exc_return);
void reset_registers(struct core *core, uint32_t stack, uint32_t address);
struct masks { uint32_t primask, basepri, faultmask; };
struct masks read_masks(struct core *core);
enum limit { MSPLIM, PSPLIM };
uint32_t read_limit(struct core *core, enum limit limit);
void write_limit(struct core *core, enum limit limit, uint32_t value);

/* memory.c */
const uint8_t *readable(struct core *core, uint32_t address, uint32_t size);
uint8_t *writable(struct core *core, uint32_t address, uint32_t size);
uint32_t load32(const uint8_t *at);
void store32(uint8_t *at, uint32_t value);
int map_private_bus(struct core *core);

/* exceptions.c */
int in_set(const exception_set *set, uint32_t exception);
void add_to(exception_set *set, uint32_t exception);
void remove_from(exception_set *set, uint32_t exception);
int anything_pending(const struct core *core);
void model_reset(struct core *core);
void set_grouping(struct core *core, uint32_t prigroup);
uint32_t most_urgent(const struct core *core);
uint32_t next_exception(const struct core *core, struct masks masks);
void unpend(struct core *core, uint32_t exception);
void set_line(struct core *core, uint32_t exception, int level);
uint32_t pend_synchronous(struct core *core, uint32_t exception, struct masks masks);
void activate(struct core *core, uint32_t exception);
void deactivate(struct core *core, uint32_t exception);

/* systick.c */
void systick_reset(struct core *core);
int64_t systick_due(const struct core *core);
int systick_advance(struct core *core, int64_t now);
uint32_t systick_read(struct core *core, uint32_t offset);
void systick_write(struct core *core, uint32_t offset, uint32_t value);

/* nvic.c */
int nvic_covers(uint32_t offset);
int nvic_is_priority(uint32_t offset);
uint32_t nvic_read(const struct core *core, uint32_t offset);
void nvic_write(struct core *core, uint32_t offset, uint32_t value);

/* scs.c */
void scs_reset(struct core *core);
uint32_t private_read(struct core *core, uint32_t address, uint32_t size);
void private_write(struct core *core, uint32_t address, uint32_t size, uint32_t value);
uint32_t counter_read(const struct core *core);

/* frame.c */
enum frame_fault { FRAME_OK, FRAME_NO_MEMORY, FRAME_OVERFLOW, FRAME_CONTRADICTS };
enum frame_fault push_frame(struct core *core, const uint32_t context[CONTEXT_WORDS], uint32_t limit, int keep_fp,
                            uint32_t *exc_return);
enum frame_fault pop_frame(struct core *core, uint32_t exc_return, uint32_t *xpsr);
int exc_return_is_valid(uint32_t exc_return);

/* sequencer.c */
uint32_t next_to_take(struct core *core);
void raise_synchronous(struct core *core, uint32_t exception);
void fault(struct core *core, uint32_t exception, uint32_t status);
void take(struct core *core, uint32_t exception);
void exception_return(struct core *core);

/* engine.c */
int add_hooks(struct core *core);
int is_exit(const struct core *core, uint32_t address);
void engine_run(struct core *core);
void engine_step(struct core *core);
void run_stub(struct core *core, uint32_t address);

/* idle.c */
int64_t idle_probe(struct core *core, uint32_t address);
int32_t foresee(struct core *core, uint32_t registers[17]);

/* run.c */
void changed(struct core *core, const exception_set *before);
void stop_soon(struct core *core);
void fail(struct core *core, enum failure failure);

#endif
