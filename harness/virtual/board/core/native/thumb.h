/* An interpreter of the instructions that idle loops are made of, to find out what one turn of a loop does.
 *
 * It works on copies of the registers and straight on RAM, whose old contents it logs, so that everything can be taken
 * back. Whatever it does not know, or what reaches beyond flash and RAM, makes it give up: it never guesses.
 * References: Armv8-M Architecture Reference Manual (DDI0553), C2.
 */
#ifndef HARNESS_THUMB_H
#define HARNESS_THUMB_H

#include "core.h"

#define LOG_SIZE 64u

struct machine {
    struct core *core;
    uint32_t r[16];       /* r[15]: address of the instruction that executes */
    uint32_t next;        /* address of the one after it */
    uint32_t n, z, c, v;  /* flags, 0 or 1 each */
    uint32_t it;          /* ITSTATE */
    uint32_t primask, basepri;
    uint32_t privileged;
    uint32_t halfwords;   /* of all instructions so far: their time */
    unsigned logged;
    struct { uint32_t address, size, old, now; } log[LOG_SIZE];
};

/* thumb.c: these return 0 where the machine gives up. */
int machine_step(struct machine *machine);
int load(struct machine *machine, uint32_t address, uint32_t size, uint32_t *value);
int store(struct machine *machine, uint32_t address, uint32_t size, uint32_t value);
int branch_exchange(struct machine *machine, uint32_t target);
int machine_take_back(struct machine *machine);
int condition_holds(const struct machine *machine, uint32_t condition);

/* arithmetic.c */
enum shift { LSL, LSR, ASR, ROR };
uint32_t add_with_carry(struct machine *machine, uint32_t a, uint32_t b, uint32_t carry, int sets_flags);
uint32_t shifted(uint32_t value, enum shift kind, uint32_t amount, uint32_t carry, uint32_t *carry_out);
uint32_t shifted_by_immediate(uint32_t value, uint32_t kind, uint32_t amount, uint32_t carry, uint32_t *carry_out);
uint32_t expand_immediate(uint32_t code, uint32_t carry, uint32_t *carry_out);
void set_logic_flags(struct machine *machine, uint32_t result, uint32_t carry);
uint32_t sign_extend(uint32_t value, unsigned bits);

/* narrow.c, wide.c */
int narrow_instruction(struct machine *machine, uint32_t code);
int wide_instruction(struct machine *machine, uint32_t first, uint32_t second);

#endif
