/* Instructions of 16 bits, for the interpreter of idle loops (DDI0553, C2.2). */
#include "thumb.h"

#define FIELD(at, bits) (code >> (at) & ((1u << (bits)) - 1))

/* Shift, add, subtract, move and compare with three registers or an immediate. */
static int basic(struct machine *m, uint32_t code)
{
    int flags = m->it == 0;
    uint32_t *rd = &m->r[FIELD(0, 3)], rn = m->r[FIELD(3, 3)], carry, value;

    if (code >> 13 == 1) { /* with eight bits */
        rd = &m->r[FIELD(8, 3)];
        value = code & 0xFF;
        switch (FIELD(11, 2)) {
        case 0:
            *rd = value;
            if (flags) {
                set_logic_flags(m, value, m->c);
            }
            return 1;
        case 1:
            add_with_carry(m, *rd, ~value, 1, 1);
            return 1;
        case 2:
            *rd = add_with_carry(m, *rd, value, 0, flags);
            return 1;
        default:
            *rd = add_with_carry(m, *rd, ~value, 1, flags);
            return 1;
        }
    }
    if (FIELD(11, 2) != 3) {
        *rd = shifted_by_immediate(rn, FIELD(11, 2), FIELD(6, 5), m->c, &carry);
        if (flags) {
            set_logic_flags(m, *rd, carry);
        }
        return 1;
    }
    value = FIELD(10, 1) ? FIELD(6, 3) : m->r[FIELD(6, 3)];
    *rd = FIELD(9, 1) ? add_with_carry(m, rn, ~value, 1, flags) : add_with_carry(m, rn, value, 0, flags);
    return 1;
}

static int data_processing(struct machine *m, uint32_t code)
{
    int flags = m->it == 0;
    uint32_t *rd = &m->r[FIELD(0, 3)], rm = m->r[FIELD(3, 3)], operation = FIELD(6, 4), result, carry = m->c;
    static const enum shift shifts[] = {LSL, LSR, ASR, ROR};

    switch (operation) {
    case 0: case 8:
        result = *rd & rm;
        break;
    case 1:
        result = *rd ^ rm;
        break;
    case 2: case 3: case 4: case 7:
        result = shifted(*rd, shifts[operation == 7 ? 3 : operation - 2], rm & 0xFF, m->c, &carry);
        break;
    case 5:
        *rd = add_with_carry(m, *rd, rm, m->c, flags);
        return 1;
    case 6:
        *rd = add_with_carry(m, *rd, ~rm, m->c, flags);
        return 1;
    case 9:
        *rd = add_with_carry(m, ~rm, 0, 1, flags);
        return 1;
    case 10:
        add_with_carry(m, *rd, ~rm, 1, 1);
        return 1;
    case 11:
        add_with_carry(m, *rd, rm, 0, 1);
        return 1;
    case 12:
        result = *rd | rm;
        break;
    case 13:
        result = *rd * rm;
        break;
    case 14:
        result = *rd & ~rm;
        break;
    default:
        result = ~rm;
        break;
    }
    if (flags || operation == 8) {
        set_logic_flags(m, result, carry);
    }
    if (operation != 8) {
        *rd = result;
    }
    return 1;
}

/* Add, compare, move of any registers; BX and BLX. */
static int special(struct machine *m, uint32_t code)
{
    uint32_t rd = FIELD(0, 3) | FIELD(7, 1) << 3, rm = FIELD(3, 4), value = m->r[rm], target;

    if (rm == 15) {
        value += 4;
    }
    switch (FIELD(8, 2)) {
    case 0:
        if (rd >= 13) {
            return 0;
        }
        m->r[rd] += value;
        return 1;
    case 1:
        if (rd == 15) {
            return 0;
        }
        add_with_carry(m, m->r[rd], ~value, 1, 1);
        return 1;
    case 2:
        if (rd == 15) {
            return 0;
        }
        m->r[rd] = value;
        return 1;
    default:
        if (rm == 15 || FIELD(0, 3) != 0) {
            return 0;
        }
        target = value;
        if (FIELD(7, 1)) {
            m->r[14] = m->next | 1;
        }
        return branch_exchange(m, target);
    }
}

static int transfer(struct machine *m, uint32_t address, uint32_t size, int loads, int extends, uint32_t *rt)
{
    uint32_t value;

    if (!loads) {
        return store(m, address, size, *rt);
    }
    if (!load(m, address, size, &value)) {
        return 0;
    }
    *rt = extends ? sign_extend(value, 8 * size) : value;
    return 1;
}

/* Loads and stores of one register. */
static int single(struct machine *m, uint32_t code)
{
    static const struct { uint8_t size, loads, extends; } kinds[] = {
        {4, 0, 0}, {2, 0, 0}, {1, 0, 0}, {1, 1, 1}, {4, 1, 0}, {2, 1, 0}, {1, 1, 0}, {2, 1, 1}};
    uint32_t *rt = &m->r[FIELD(0, 3)], rn = m->r[FIELD(3, 3)], kind;

    switch (code >> 12) {
    case 5:
        kind = FIELD(9, 3);
        return transfer(m, rn + m->r[FIELD(6, 3)], kinds[kind].size, kinds[kind].loads, kinds[kind].extends, rt);
    case 6:
        return transfer(m, rn + 4 * FIELD(6, 5), 4, (int)FIELD(11, 1), 0, rt);
    case 7:
        return transfer(m, rn + FIELD(6, 5), 1, (int)FIELD(11, 1), 0, rt);
    case 8:
        return transfer(m, rn + 2 * FIELD(6, 5), 2, (int)FIELD(11, 1), 0, rt);
    default:
        return transfer(m, m->r[13] + 4 * FIELD(0, 8), 4, (int)FIELD(11, 1), 0, &m->r[FIELD(8, 3)]);
    }
}

static int push(struct machine *m, uint32_t list)
{
    uint32_t address = m->r[13];

    for (int index = 14; index >= 0; index--) {
        if ((list >> index & 1) != 0) {
            address -= 4;
            if (!store(m, address, 4, m->r[index])) {
                return 0;
            }
        }
    }
    m->r[13] = address;
    return 1;
}

static int pop(struct machine *m, uint32_t list)
{
    uint32_t value;

    for (int index = 0; index < 16; index++) {
        if ((list >> index & 1) == 0) {
            continue;
        }
        if (!load(m, m->r[13], 4, &value)) {
            return 0;
        }
        m->r[13] += 4;
        if (index < 15) {
            m->r[index] = value;
        } else if (!branch_exchange(m, value)) {
            return 0;
        }
    }
    return 1;
}

static int extend(struct machine *m, uint32_t code)
{
    uint32_t *rd = &m->r[FIELD(0, 3)], rm = m->r[FIELD(3, 3)];

    switch (FIELD(6, 2)) {
    case 0:
        *rd = sign_extend(rm, 16);
        return 1;
    case 1:
        *rd = sign_extend(rm, 8);
        return 1;
    case 2:
        *rd = rm & 0xFFFF;
        return 1;
    default:
        *rd = rm & 0xFF;
        return 1;
    }
}

static int miscellaneous(struct machine *m, uint32_t code)
{
    switch (FIELD(8, 4)) {
    case 0:
        m->r[13] += FIELD(7, 1) ? 0u - 4 * FIELD(0, 7) : 4 * FIELD(0, 7);
        return 1;
    case 1: case 3: case 9: case 11:
        if ((m->r[FIELD(0, 3)] == 0) == (FIELD(11, 1) == 0)) {
            m->next = m->r[15] + 4 + (FIELD(9, 1) << 6 | FIELD(3, 5) << 1);
        }
        return 1;
    case 2:
        return extend(m, code);
    case 4: case 5:
        return (code & 0x1FF) != 0 && push(m, FIELD(0, 8) | FIELD(8, 1) << 14);
    case 6:
        if ((code & 0xFFEF) != 0xB662 || !m->privileged) { /* CPSIE i, CPSID i */
            return 0;
        }
        m->primask = FIELD(4, 1);
        return 1;
    case 12: case 13:
        return (code & 0x1FF) != 0 && pop(m, FIELD(0, 8) | FIELD(8, 1) << 15);
    case 15:
        if (FIELD(0, 4) != 0) {
            m->it = FIELD(0, 8);
            return 1;
        }
        return FIELD(4, 4) <= 1; /* NOP, YIELD */
    default:
        return 0;
    }
}

static int multiple(struct machine *m, uint32_t code)
{
    uint32_t base = FIELD(8, 3), address = m->r[base], list = code & 0xFF;
    int loads = (int)FIELD(11, 1);

    if (list == 0) {
        return 0;
    }
    for (uint32_t index = 0; index < 8; index++) {
        if ((list >> index & 1) != 0) {
            if (!(loads ? load(m, address, 4, &m->r[index]) : store(m, address, 4, m->r[index]))) {
                return 0;
            }
            address += 4;
        }
    }
    if (!loads || (list >> base & 1) == 0) {
        m->r[base] = address;
    }
    return 1;
}

int narrow_instruction(struct machine *m, uint32_t code)
{
    uint32_t pc = m->r[15] + 4;

    switch (code >> 12) {
    case 0: case 1: case 2: case 3:
        return basic(m, code);
    case 4:
        if (FIELD(11, 1)) {
            return load(m, (pc & ~3u) + 4 * FIELD(0, 8), 4, &m->r[FIELD(8, 3)]);
        }
        return FIELD(10, 1) ? special(m, code) : data_processing(m, code);
    case 5: case 6: case 7: case 8: case 9:
        return single(m, code);
    case 10:
        m->r[FIELD(8, 3)] = (FIELD(11, 1) ? m->r[13] : pc & ~3u) + 4 * FIELD(0, 8);
        return 1;
    case 11:
        return miscellaneous(m, code);
    case 12:
        return multiple(m, code);
    case 13:
        if (FIELD(8, 4) >= 14) {
            return 0;
        }
        if (condition_holds(m, FIELD(8, 4))) {
            m->next = pc + sign_extend(FIELD(0, 8) << 1, 9);
        }
        return 1;
    case 14:
        m->next = pc + sign_extend(FIELD(0, 11) << 1, 12);
        return FIELD(11, 1) == 0;
    default:
        return 0;
    }
}
