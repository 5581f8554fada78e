/* The interpreter's frame: fetching, conditions, memory with a way back. */
#include "thumb.h"

int load(struct machine *machine, uint32_t address, uint32_t size, uint32_t *value)
{
    const uint8_t *at = readable(machine->core, address, size);

    if (at == NULL) {
        return 0;
    }
    *value = 0;
    for (uint32_t index = 0; index < size; index++) {
        *value |= (uint32_t)at[index] << 8 * index;
    }
    return 1;
}

int store(struct machine *machine, uint32_t address, uint32_t size, uint32_t value)
{
    uint8_t *at = writable(machine->core, address, size);
    uint32_t old;

    if (at == NULL || machine->logged == LOG_SIZE || !load(machine, address, size, &old)) {
        return 0;
    }
    machine->log[machine->logged].address = address;
    machine->log[machine->logged].size = size;
    machine->log[machine->logged].old = old;
    machine->logged++;
    for (uint32_t index = 0; index < size; index++) {
        at[index] = (uint8_t)(value >> 8 * index);
    }
    return 1;
}

/* Put memory back as it was, and return whether it had been the same all over. */
int machine_take_back(struct machine *machine)
{
    int same = 1;

    for (unsigned index = 0; index < machine->logged; index++) {
        load(machine, machine->log[index].address, machine->log[index].size, &machine->log[index].now);
    }
    for (unsigned index = machine->logged; index-- > 0;) {
        uint8_t *at = writable(machine->core, machine->log[index].address, machine->log[index].size);
        for (uint32_t byte = 0; byte < machine->log[index].size; byte++) {
            at[byte] = (uint8_t)(machine->log[index].old >> 8 * byte);
        }
    }
    for (unsigned index = 0; index < machine->logged; index++) {
        uint32_t first = 0;
        load(machine, machine->log[index].address, machine->log[index].size, &first);
        same &= first == machine->log[index].now;
    }
    machine->logged = 0;
    return same;
}

/* Continue at an address as BX, POP and LDR do; not in another state, and not by an exception return. */
int branch_exchange(struct machine *machine, uint32_t target)
{
    if ((target & 1) == 0 || target >= 0xF0000000u) {
        return 0;
    }
    machine->next = target & ~1u;
    return 1;
}

int condition_holds(const struct machine *machine, uint32_t condition)
{
    uint32_t holds;

    switch (condition >> 1) {
    case 0:
        holds = machine->z;
        break;
    case 1:
        holds = machine->c;
        break;
    case 2:
        holds = machine->n;
        break;
    case 3:
        holds = machine->v;
        break;
    case 4:
        holds = machine->c && !machine->z;
        break;
    case 5:
        holds = machine->n == machine->v;
        break;
    case 6:
        holds = machine->n == machine->v && !machine->z;
        break;
    default:
        return 1;
    }
    return (holds != 0) == ((condition & 1) == 0);
}

/* Execute one instruction; return 0 if it is one that this machine does not do. */
int machine_step(struct machine *machine)
{
    uint32_t address = machine->r[15], first, second = 0, it = machine->it;
    int wide, done = 1;

    if (!load(machine, address, 2, &first)) {
        return 0;
    }
    wide = first >> 11 >= 0x1D;
    if (wide && !load(machine, address + 2, 2, &second)) {
        return 0;
    }
    machine->next = address + (wide ? 4 : 2);
    machine->halfwords += wide ? 2 : 1;
    if (it == 0 || condition_holds(machine, it >> 4)) {
        done = wide ? wide_instruction(machine, first, second) : narrow_instruction(machine, first);
    }
    if (it != 0) {
        machine->it = (it & 7) == 0 ? 0 : (it & 0xE0) | (it << 1 & 0x1F);
    }
    machine->r[15] = machine->next;
    return done && (machine->r[13] & 3) == 0;
}
