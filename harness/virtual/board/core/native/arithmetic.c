/* Adder, shifter and immediates of the instruction set, for the interpreter of idle loops. */
#include "thumb.h"

uint32_t add_with_carry(struct machine *machine, uint32_t a, uint32_t b, uint32_t carry, int sets_flags)
{
    uint64_t sum = (uint64_t)a + b + carry;
    uint32_t result = (uint32_t)sum;

    if (sets_flags) {
        machine->n = result >> 31;
        machine->z = result == 0;
        machine->c = (uint32_t)(sum >> 32);
        machine->v = (~(a ^ b) & (a ^ result)) >> 31;
    }
    return result;
}

uint32_t shifted(uint32_t value, enum shift kind, uint32_t amount, uint32_t carry, uint32_t *carry_out)
{
    uint64_t wide = value;

    *carry_out = carry;
    if (amount == 0) {
        return value;
    }
    switch (kind) {
    case LSL:
        wide = amount > 32 ? 0 : wide << amount;
        *carry_out = (uint32_t)(wide >> 32) & 1;
        return (uint32_t)wide;
    case LSR:
        *carry_out = amount > 32 ? 0 : (uint32_t)(wide >> (amount - 1)) & 1;
        return amount > 31 ? 0 : value >> amount;
    case ASR:
        wide = (value & 0x80000000u) != 0 ? wide | UINT64_C(0xFFFFFFFF00000000) : wide;
        amount = amount > 32 ? 32 : amount;
        *carry_out = (uint32_t)(wide >> (amount - 1)) & 1;
        return (uint32_t)(wide >> amount);
    default:
        amount &= 31;
        value = amount != 0 ? value >> amount | value << (32 - amount) : value;
        *carry_out = value >> 31;
        return value;
    }
}

/* A shift as instructions encode it: LSR and ASR by 0 mean 32; ROR by 0 is RRX. */
uint32_t shifted_by_immediate(uint32_t value, uint32_t kind, uint32_t amount, uint32_t carry, uint32_t *carry_out)
{
    if (kind == ROR && amount == 0) {
        *carry_out = value & 1;
        return value >> 1 | carry << 31;
    }
    return shifted(value, (enum shift)kind, amount == 0 && kind != LSL ? 32 : amount, carry, carry_out);
}

/* ThumbExpandImm_C of the twelve bits i:imm3:imm8. */
uint32_t expand_immediate(uint32_t code, uint32_t carry, uint32_t *carry_out)
{
    uint32_t byte = code & 0xFF;

    *carry_out = carry;
    switch (code >> 8 & 0xF) {
    case 0:
        return byte;
    case 1:
        return byte << 16 | byte;
    case 2:
        return byte << 24 | byte << 8;
    case 3:
        return byte << 24 | byte << 16 | byte << 8 | byte;
    default:
        return shifted(0x80 | (code & 0x7F), ROR, code >> 7 & 31, carry, carry_out);
    }
}

void set_logic_flags(struct machine *machine, uint32_t result, uint32_t carry)
{
    machine->n = result >> 31;
    machine->z = result == 0;
    machine->c = carry;
}

uint32_t sign_extend(uint32_t value, unsigned bits)
{
    uint32_t sign = UINT32_C(1) << (bits - 1);

    value &= (sign << 1) - 1;
    return (value ^ sign) - sign;
}
