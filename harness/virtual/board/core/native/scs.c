/* The System Control Space and the cycle counter of the DWT: what answers at 0xE0000000. See scb.py, private_bus.py. */
#include "core.h"

enum {
    CSR = 0x010, CVR = 0x018, ICSR = 0xD04, VTOR = 0xD08, AIRCR = 0xD0C, SCR = 0xD10, CCR = 0xD14, SHPR1 = 0xD18,
    SHPR3 = 0xD20, SHCSR = 0xD24, CFSR = 0xD28, HFSR = 0xD2C, DFSR = 0xD30, MMFAR = 0xD34, BFAR = 0xD38, CPACR = 0xD88,
    DHCSR = 0xDF0, DEMCR = 0xDFC, FPCCR = 0xF34, FPCAR = 0xF38, FPDSCR = 0xF3C
};
#define VECTKEY 0x05FAu
#define DWT_CTRL 0xE0001000u
#define DWT_CYCCNT 0xE0001004u
#define TRCENA (1u << 24)

struct flag { uint8_t bit, exception; };
static const struct flag shcsr_pended[] = {{12, USAGE_FAULT}, {13, MEM_MANAGE}, {14, BUS_FAULT}, {15, SVCALL},
                                           {21, HARD_FAULT}};
static const struct flag shcsr_active[] = {{0, MEM_MANAGE}, {1, BUS_FAULT}, {2, HARD_FAULT}, {3, USAGE_FAULT},
                                           {5, NMI}, {7, SVCALL}, {10, PENDSV}, {11, SYSTICK}};
static const struct flag shcsr_enable[] = {{16, MEM_MANAGE}, {17, BUS_FAULT}, {18, USAGE_FAULT}};
#define COUNT(table) (sizeof(table) / sizeof(table)[0])

static const struct { uint16_t offset; uint32_t value; } fixed[] = {
    {0x004, 3}, {0xD00, 0x410FD214}, {0xD40, 0x30}, {0xD44, 0x210}, {0xD48, 0x00200000}, {0xD50, 0x00101F40},
    {0xD58, 0x01000000}, {0xD60, 0x01101110}, {0xD64, 0x02212000}, {0xD68, 0x20232232}, {0xD6C, 0x01111131},
    {0xD70, 0x01310132}, {0xF40, 0x10110021}, {0xF44, 0x11000011}, {0xF48, 0x40}};

void scs_reset(struct core *core)
{
    core->vtor = FLASH_BASE;
    core->prigroup = core->scr = 0;
    core->ccr = 0x201;
    core->cfsr = core->hfsr = core->dfsr = core->mmfar = core->bfar = 0;
    core->cpacr = 0x00F00000;
    core->fpccr = 0xC0000000;
    core->fpcar = core->fpdscr = 0;
    core->counter_enabled = 0;
    core->counter_offset = 0;
}

/* Return a register that only stores what is written, NULL if this is none. */
static uint32_t *stored(struct core *core, uint32_t offset)
{
    switch (offset) {
    case CPACR:
        return &core->cpacr;
    case DEMCR:
        return &core->demcr;
    case FPCCR:
        return &core->fpccr;
    case FPCAR:
        return &core->fpcar;
    case FPDSCR:
        return &core->fpdscr;
    default:
        return NULL;
    }
}

static uint32_t gather(const exception_set *set, const struct flag *flags, unsigned count)
{
    uint32_t value = 0;

    for (unsigned index = 0; index < count; index++) {
        value |= (uint32_t)in_set(set, flags[index].exception) << flags[index].bit;
    }
    return value;
}

static void scatter(exception_set *set, const struct flag *flags, unsigned count, uint32_t value)
{
    for (unsigned index = 0; index < count; index++) {
        if (flags[index].exception == HARD_FAULT || flags[index].exception == NMI) {
            continue;
        }
        if ((value >> flags[index].bit & 1) != 0) {
            add_to(set, flags[index].exception);
        } else {
            remove_from(set, flags[index].exception);
        }
    }
}

static uint32_t read_icsr(struct core *core)
{
    uint32_t number = get(core, REG_XPSR) & XPSR_NUMBER, value;
    exception_set others = core->active;
    uint64_t external = core->pending.word[0] >> FIRST_IRQ | core->pending.word[1] | core->pending.word[2];

    remove_from(&others, number);
    value = number | most_urgent(core) << 12;
    value |= (uint32_t)((others.word[0] | others.word[1] | others.word[2]) == 0) << 11;
    value |= (uint32_t)(external != 0) << 22;
    value |= (uint32_t)in_set(&core->pending, SYSTICK) << 26;
    value |= (uint32_t)in_set(&core->pending, PENDSV) << 28;
    return value | (uint32_t)in_set(&core->pending, NMI) << 31;
}

static void write_icsr(struct core *core, uint32_t value)
{
    static const struct { uint8_t set, clear, exception; } bits[] = {{31, 30, NMI}, {28, 27, PENDSV}, {26, 25, SYSTICK}};

    for (unsigned index = 0; index < COUNT(bits); index++) {
        if ((value >> bits[index].set & 1) != 0) {
            add_to(&core->pending, bits[index].exception);
        } else if ((value >> bits[index].clear & 1) != 0) {
            unpend(core, bits[index].exception);
        }
    }
}

static uint32_t debug_status(const struct core *core)
{
    uint32_t halted = core->state == HALTED;

    return core->debug_enabled | halted << 1 | 1u << 16 | halted << 17 | (uint32_t)(core->state == SLEEPING) << 18
        | (uint32_t)(core->state == LOCKUP) << 19;
}

static uint32_t read_word(struct core *core, uint32_t offset)
{
    const uint32_t *storage;
    uint32_t value = 0;

    if (nvic_covers(offset)) {
        return nvic_read(core, offset);
    }
    switch (offset) {
    case CSR:
    case CSR + 4:
    case CVR:
        return systick_read(core, offset);
    case ICSR:
        return read_icsr(core);
    case VTOR:
        return core->vtor;
    case AIRCR:
        return 0xFA050000u | core->prigroup << 8;
    case SCR:
        return core->scr;
    case CCR:
        return core->ccr;
    case SHPR1:
    case SHPR1 + 4:
    case SHPR3:
        for (uint32_t index = 0; index < 4; index++) {
            value |= (uint32_t)core->priority[MEM_MANAGE + offset - SHPR1 + index] << 8 * index;
        }
        return value;
    case SHCSR:
        return gather(&core->pending, shcsr_pended, COUNT(shcsr_pended))
            | gather(&core->active, shcsr_active, COUNT(shcsr_active))
            | gather(&core->enabled, shcsr_enable, COUNT(shcsr_enable));
    case CFSR:
        return core->cfsr;
    case HFSR:
        return core->hfsr;
    case DFSR:
        return core->dfsr;
    case MMFAR:
        return core->mmfar;
    case BFAR:
        return core->bfar;
    case DHCSR:
        return debug_status(core);
    default:
        break;
    }
    storage = stored(core, offset);
    if (storage != NULL) {
        return *storage;
    }
    for (unsigned index = 0; index < COUNT(fixed); index++) {
        if (fixed[index].offset == offset) {
            return fixed[index].value;
        }
    }
    return 0;
}

static void write_aircr(struct core *core, uint32_t value)
{
    if (value >> 16 != VECTKEY) {
        return;
    }
    core->prigroup = value >> 8 & 7;
    set_grouping(core, core->prigroup);
    if ((value & 4) != 0) {
        core->announces_reset = 1;
    }
}

static void write_system_priorities(struct core *core, uint32_t first, uint32_t value)
{
    for (uint32_t exception = first; exception < first + 4; exception++, value >>= 8) {
        if (exception <= USAGE_FAULT || exception == SVCALL || exception >= PENDSV) {
            core->priority[exception] = (int16_t)(value & 0xF0);
        }
    }
}

static void write_word(struct core *core, uint32_t offset, uint32_t value)
{
    uint32_t *storage = stored(core, offset);

    if (storage != NULL) {
        *storage = value;
        return;
    }
    if (nvic_covers(offset)) {
        nvic_write(core, offset, value);
        return;
    }
    switch (offset) {
    case CSR:
    case CSR + 4:
    case CVR:
        systick_write(core, offset, value);
        break;
    case ICSR:
        write_icsr(core, value);
        break;
    case VTOR:
        core->vtor = value & ~0x7Fu;
        break;
    case AIRCR:
        write_aircr(core, value);
        break;
    case SCR:
        core->scr = value & 0x16;
        break;
    case CCR:
        core->ccr = (value & 0x51A) | 0x201;
        break;
    case SHPR1:
    case SHPR1 + 4:
    case SHPR3:
        write_system_priorities(core, MEM_MANAGE + offset - SHPR1, value);
        break;
    case SHCSR:
        scatter(&core->pending, shcsr_pended, COUNT(shcsr_pended), value);
        scatter(&core->active, shcsr_active, COUNT(shcsr_active), value);
        scatter(&core->enabled, shcsr_enable, COUNT(shcsr_enable), value);
        break;
    case CFSR:
        core->cfsr &= ~value;
        break;
    case HFSR:
        core->hfsr &= ~value;
        break;
    case DFSR:
        core->dfsr &= ~value;
        break;
    case MMFAR:
        core->mmfar = value;
        break;
    case BFAR:
        core->bfar = value;
        break;
    default:
        break;
    }
}

static void bring_systick_up(struct core *core, uint32_t offset)
{
    if (offset >= CSR && offset < CSR + 0x10 && systick_advance(core, core->cycles)) {
        add_to(&core->pending, SYSTICK);
    }
}

/* DWT_CYCCNT is known by its distance from the core's time. */
uint32_t counter_read(const struct core *core)
{
    return (uint32_t)(core->counter_offset + (core->counter_enabled ? core->cycles : 0));
}

static void counter_write(struct core *core, uint32_t value)
{
    core->counter_offset = (int64_t)value - (core->counter_enabled ? core->cycles : 0);
}

static uint32_t mask_of(uint32_t size)
{
    return size >= 4 ? 0xFFFFFFFFu : (1u << 8 * size) - 1;
}

uint32_t private_read(struct core *core, uint32_t address, uint32_t size)
{
    uint32_t offset = address - SCS_BASE;

    if (offset < SCS_SIZE) {
        bring_systick_up(core, offset);
        return read_word(core, offset & ~3u) >> 8 * (offset & 3) & mask_of(size);
    }
    if (address == DWT_CTRL) {
        return 4u << 28 | core->counter_enabled;
    }
    return address == DWT_CYCCNT ? counter_read(core) : 0;
}

static void scs_write(struct core *core, uint32_t offset, uint32_t size, uint32_t value)
{
    uint32_t word = offset & ~3u, shift = 8 * (offset & 3), mask = mask_of(size);

    bring_systick_up(core, word);
    if (size < 4) {
        int merge = nvic_is_priority(word) || (word >= SHPR1 && word < SHCSR);
        value = (value & mask) << shift | (merge ? read_word(core, word) & ~(mask << shift) : 0);
    }
    write_word(core, word, value);
}

void private_write(struct core *core, uint32_t address, uint32_t size, uint32_t value)
{
    if (address - SCS_BASE < SCS_SIZE) {
        scs_write(core, address - SCS_BASE, size, value);
    } else if (address == DWT_CYCCNT) {
        counter_write(core, value);
    } else if (address == DWT_CTRL && (core->demcr & TRCENA) != 0) {
        uint32_t count = counter_read(core);
        core->counter_enabled = value & 1;
        counter_write(core, count);
    }
}
