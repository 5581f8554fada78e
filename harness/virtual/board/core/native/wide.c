/* Instructions of 32 bits, for the interpreter of idle loops (DDI0553, C2.3). */
#include "thumb.h"

#define FIRST(at, bits) (first >> (at) & ((1u << (bits)) - 1))
#define SECOND(at, bits) (second >> (at) & ((1u << (bits)) - 1))

static int usable(uint32_t number)
{
    return number < 13 || number == 14;
}

/* Data processing of Rn with an operand that is ready; carry is that of the shifter. */
static int process(struct machine *m, uint32_t operation, uint32_t rn, uint32_t rd, uint32_t operand, uint32_t carry,
                   int flags)
{
    uint32_t a = rn == 15 ? 0 : m->r[rn], result;
    int compares = rd == 15 && flags && (operation == 0 || operation == 4 || operation == 8 || operation == 13);

    if (!compares && !usable(rd) && !(rd == 13 && rn == 13)) {
        return 0;
    }
    switch (operation) {
    case 0:
        result = a & operand;
        break;
    case 1:
        result = a & ~operand;
        break;
    case 2:
        result = a | operand; /* MOV where Rn is 15 */
        break;
    case 3:
        result = rn == 15 ? ~operand : a | ~operand;
        break;
    case 4:
        result = a ^ operand;
        break;
    case 8: case 10: case 11: case 13: case 14:
        if (rn == 15) {
            return 0;
        }
        result = operation == 8 ? add_with_carry(m, a, operand, 0, flags)
            : operation == 10 ? add_with_carry(m, a, operand, m->c, flags)
            : operation == 11 ? add_with_carry(m, a, ~operand, m->c, flags)
            : operation == 13 ? add_with_carry(m, a, ~operand, 1, flags) : add_with_carry(m, ~a, operand, 1, flags);
        if (!compares) {
            m->r[rd] = result;
        }
        return 1;
    default:
        return 0;
    }
    if (rn == 15 && operation != 2 && operation != 3) {
        return 0;
    }
    if (flags) {
        set_logic_flags(m, result, carry);
    }
    if (!compares) {
        m->r[rd] = result;
    }
    return 1;
}

/* ADDW, SUBW, MOVW, MOVT and bit fields. */
static int plain_immediate(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t rn = FIRST(0, 4), rd = SECOND(8, 4), low = SECOND(12, 3) << 2 | SECOND(6, 2), width = SECOND(0, 5);
    uint32_t immediate = FIRST(10, 1) << 11 | SECOND(12, 3) << 8 | SECOND(0, 8), mask;

    if (!usable(rd) || (FIRST(8, 1) && (FIRST(10, 1) || SECOND(5, 1)))) {
        return 0;
    }
    switch (FIRST(4, 5)) {
    case 0x00:
        m->r[rd] = (rn == 15 ? (m->r[15] + 4) & ~3u : m->r[rn]) + immediate;
        return 1;
    case 0x0A:
        m->r[rd] = (rn == 15 ? (m->r[15] + 4) & ~3u : m->r[rn]) - immediate;
        return 1;
    case 0x04: /* MOVW */
        m->r[rd] = rn << 12 | immediate;
        return 1;
    case 0x0C: /* MOVT */
        m->r[rd] = (m->r[rd] & 0xFFFF) | (rn << 12 | immediate) << 16;
        return 1;
    case 0x14: case 0x1C: /* SBFX, UBFX */
        if (rn == 15 || low + width + 1 > 32) {
            return 0;
        }
        m->r[rd] = m->r[rn] >> low & (width == 31 ? 0xFFFFFFFFu : (2u << width) - 1);
        if (FIRST(4, 5) == 0x14 && width < 31) {
            m->r[rd] = sign_extend(m->r[rd], width + 1);
        }
        return 1;
    case 0x16: /* BFI, BFC */
        if (width < low) {
            return 0;
        }
        mask = (width == 31 ? 0xFFFFFFFFu : (2u << width) - 1) & ~((1u << low) - 1);
        m->r[rd] = (m->r[rd] & ~mask) | (rn == 15 ? 0 : m->r[rn] << low & mask);
        return 1;
    default:
        return 0;
    }
}

static int is_barrier_or_nop(uint32_t first, uint32_t second)
{
    return (first == 0xF3BF && SECOND(8, 8) == 0x8F && SECOND(4, 4) >= 4 && SECOND(4, 4) <= 6)
        || (first == 0xF3AF && (second == 0x8000 || second == 0x8001));
}

/* MRS and MSR of PRIMASK and BASEPRI. */
static int mask_register(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t *mask = SECOND(0, 8) == 16 ? &m->primask : SECOND(0, 8) == 17 ? &m->basepri : NULL;
    uint32_t rd = SECOND(8, 4), rn = FIRST(0, 4);

    if (mask == NULL || !m->privileged) {
        return 0;
    }
    if (first == 0xF3EF && SECOND(12, 4) == 8 && usable(rd)) {
        m->r[rd] = *mask;
        return 1;
    }
    if (FIRST(4, 12) == 0xF38 && SECOND(8, 8) == 0x88 && usable(rn)) {
        *mask = m->r[rn] & (mask == &m->primask ? 1u : 0xFFu);
        return 1;
    }
    return 0;
}

static int branch(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t sign = FIRST(10, 1), j1 = SECOND(13, 1), j2 = SECOND(11, 1), pc = m->r[15] + 4;

    if (SECOND(12, 1)) { /* B.W, BL */
        uint32_t offset = sign << 24 | (j1 == sign ? 1u : 0u) << 23 | (j2 == sign ? 1u : 0u) << 22 | FIRST(0, 10) << 12
            | SECOND(0, 11) << 1;
        if (SECOND(14, 1)) {
            m->r[14] = m->next | 1;
        }
        m->next = pc + sign_extend(offset, 25);
        return 1;
    }
    if (SECOND(14, 1)) {
        return 0;
    }
    if (FIRST(7, 3) == 7) {
        return is_barrier_or_nop(first, second) || mask_register(m, first, second);
    }
    if (condition_holds(m, FIRST(6, 4))) {
        m->next = pc + sign_extend(sign << 20 | j2 << 19 | j1 << 18 | FIRST(0, 6) << 12 | SECOND(0, 11) << 1, 21);
    }
    return 1;
}

/* Loads and stores of one register, all ways of addressing. */
static int single(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t rn = FIRST(0, 4), rt = SECOND(12, 4), size = 1u << FIRST(5, 2), base, address, value, back = 0, offset;
    int loads = (int)FIRST(4, 1), extends = (int)FIRST(8, 1);

    if (size == 8 || (extends && (!loads || size == 4)) || rt == 13 || (rt == 15 && (!loads || size != 4))) {
        return 0;
    }
    base = rn == 15 ? (m->r[15] + 4) & ~3u : m->r[rn];
    address = base;
    if (rn == 15) {
        if (!loads) {
            return 0;
        }
        address = FIRST(7, 1) ? base + SECOND(0, 12) : base - SECOND(0, 12);
    } else if (FIRST(7, 1)) {
        address = base + SECOND(0, 12);
    } else if (SECOND(6, 6) == 0) {
        if (SECOND(0, 4) == 13 || SECOND(0, 4) == 15) {
            return 0;
        }
        address = base + (m->r[SECOND(0, 4)] << SECOND(4, 2));
    } else if (SECOND(11, 1) && SECOND(8, 3) != 6) { /* 6 is unprivileged access */
        offset = SECOND(9, 1) ? base + SECOND(0, 8) : base - SECOND(0, 8);
        address = SECOND(10, 1) ? offset : base;
        back = SECOND(8, 1);
        base = offset;
        if (!SECOND(10, 1) && !back) {
            return 0;
        }
    } else {
        return 0;
    }
    if (!loads) {
        if (!store(m, address, size, m->r[rt])) {
            return 0;
        }
    } else if (!load(m, address, size, &value)) {
        return 0;
    }
    if (back) {
        if (rn == rt) {
            return 0;
        }
        m->r[rn] = base;
    }
    if (loads && rt == 15) {
        return branch_exchange(m, value);
    }
    if (loads) {
        m->r[rt] = extends ? sign_extend(value, 8 * size) : value;
    }
    return 1;
}

static int multiple(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t rn = FIRST(0, 4), list = second, count = 0, address, value, end;
    int loads = (int)FIRST(4, 1), down = FIRST(7, 2) == 2;

    if ((FIRST(7, 2) != 1 && !down) || (list >> 13 & 1) != 0 || (list >> rn & 1) != 0 || rn == 15
        || (!loads && (list >> 15 & 1) != 0)) {
        return 0;
    }
    for (uint32_t index = 0; index < 16; index++) {
        count += list >> index & 1;
    }
    if (count < 2) {
        return 0;
    }
    address = down ? m->r[rn] - 4 * count : m->r[rn];
    end = down ? address : m->r[rn] + 4 * count;
    for (uint32_t index = 0; index < 16; index++) {
        if ((list >> index & 1) == 0) {
            continue;
        }
        if (!(loads ? load(m, address, 4, &value) : store(m, address, 4, m->r[index]))) {
            return 0;
        }
        if (loads && index == 15 && !branch_exchange(m, value)) {
            return 0;
        }
        if (loads && index < 15) {
            m->r[index] = value;
        }
        address += 4;
    }
    if (FIRST(5, 1)) {
        m->r[rn] = end;
    }
    return 1;
}

/* LDRD and STRD; TBB and TBH. */
static int dual(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t rn = FIRST(0, 4), rt = SECOND(12, 4), rt2 = SECOND(8, 4), base, moved, address, value, high;

    if ((first & 0xFFF0) == 0xE8D0 && (second & 0xFFE0) == 0xF000) {
        uint32_t half = SECOND(4, 1), index = m->r[SECOND(0, 4)];
        base = rn == 15 ? m->r[15] + 4 : m->r[rn];
        if (!load(m, base + (half ? 2 * index : index), half ? 2 : 1, &value)) {
            return 0;
        }
        m->next = m->r[15] + 4 + 2 * value;
        return 1;
    }
    if ((!FIRST(8, 1) && !FIRST(5, 1)) || rn == 15 || !usable(rt) || !usable(rt2)
        || (FIRST(5, 1) && (rn == rt || rn == rt2))) {
        return 0;
    }
    base = m->r[rn];
    moved = FIRST(7, 1) ? base + 4 * SECOND(0, 8) : base - 4 * SECOND(0, 8);
    address = FIRST(8, 1) ? moved : base;
    if (FIRST(4, 1)) {
        if (!load(m, address, 4, &value) || !load(m, address + 4, 4, &high)) {
            return 0;
        }
        m->r[rt] = value;
        m->r[rt2] = high;
    } else if (!store(m, address, 4, m->r[rt]) || !store(m, address + 4, 4, m->r[rt2])) {
        return 0;
    }
    if (FIRST(5, 1)) {
        m->r[rn] = moved;
    }
    return 1;
}

/* Shifts by a register, extension, multiplication and division. */
static int register_operation(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t rn = FIRST(0, 4), rd = SECOND(8, 4), rm = SECOND(0, 4), ra = SECOND(12, 4), carry, value;

    if (!usable(rd) || !usable(rm)) {
        return 0;
    }
    value = m->r[rm];
    if (FIRST(7, 2) == 0 && SECOND(4, 4) == 0 && ra == 15 && usable(rn)) {
        value = shifted(m->r[rn], (enum shift)FIRST(5, 2), value & 0xFF, m->c, &carry);
        m->r[rd] = value;
        if (FIRST(4, 1)) {
            set_logic_flags(m, value, carry);
        }
        return 1;
    }
    if (FIRST(7, 2) == 0 && SECOND(6, 2) == 2 && ra == 15 && FIRST(4, 3) < 6 && FIRST(4, 3) / 2 != 1) {
        unsigned bits = FIRST(4, 3) < 2 ? 16 : 8;
        value = shifted(value, ROR, 8 * SECOND(4, 2), 0, &carry);
        value = FIRST(4, 1) ? value & ((1u << bits) - 1) : sign_extend(value, bits);
        m->r[rd] = value + (rn == 15 ? 0 : m->r[rn]);
        return rn != 13;
    }
    if (!usable(rn)) {
        return 0;
    }
    if ((first & 0xFFF0) == 0xFB00 && SECOND(4, 4) <= 1 && ra != 13 && !(ra == 15 && SECOND(4, 4) == 1)) {
        value *= m->r[rn];
        m->r[rd] = SECOND(4, 4) ? m->r[ra] - value : ra == 15 ? value : m->r[ra] + value;
        return 1;
    }
    if ((first & 0xFFF0) == 0xFBB0 && SECOND(4, 4) == 15 && ra == 15) {
        m->r[rd] = value == 0 ? 0 : m->r[rn] / value;
        return 1;
    }
    return 0;
}

int wide_instruction(struct machine *m, uint32_t first, uint32_t second)
{
    uint32_t carry, operand;

    switch (first >> 9) {
    case 0x74: /* 1110100: LDM, STM, LDRD, STRD, TBB */
        return FIRST(6, 1) ? dual(m, first, second) : multiple(m, first, second);
    case 0x75: /* 1110101: data processing with a shifted register */
        if (!usable(SECOND(0, 4)) || FIRST(0, 4) == 13 || SECOND(15, 1)) {
            return 0;
        }
        operand = shifted_by_immediate(m->r[SECOND(0, 4)], SECOND(4, 2), SECOND(12, 3) << 2 | SECOND(6, 2), m->c,
                                       &carry);
        return process(m, FIRST(5, 4), FIRST(0, 4), SECOND(8, 4), operand, carry, (int)FIRST(4, 1));
    case 0x78: case 0x79: case 0x7A: case 0x7B: /* 11110 */
        if (SECOND(15, 1)) {
            return branch(m, first, second);
        }
        if (FIRST(9, 1)) {
            return plain_immediate(m, first, second);
        }
        operand = expand_immediate(FIRST(10, 1) << 11 | SECOND(12, 3) << 8 | SECOND(0, 8), m->c, &carry);
        return process(m, FIRST(5, 4), FIRST(0, 4), SECOND(8, 4), operand, carry, (int)FIRST(4, 1));
    case 0x7C: /* 1111100 */
        return single(m, first, second);
    case 0x7D: /* 1111101 */
        return register_operation(m, first, second);
    default:
        return 0;
    }
}
