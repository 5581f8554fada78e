/* Flash and RAM as the exception model needs them, and the private peripheral bus laid over the emulator. */
#include "core.h"

static int inside(uint32_t address, uint32_t size, uint32_t base, uint32_t length)
{
    return address >= base && address - base <= length - size;
}

/* Return where bytes of flash or RAM are, NULL if there are none. */
const uint8_t *readable(struct core *core, uint32_t address, uint32_t size)
{
    if (inside(address, size, FLASH_BASE, FLASH_SIZE)) {
        return core->flash + (address - FLASH_BASE);
    }
    return writable(core, address, size);
}

uint8_t *writable(struct core *core, uint32_t address, uint32_t size)
{
    return inside(address, size, RAM_BASE, RAM_SIZE) ? core->ram + (address - RAM_BASE) : NULL;
}

uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

void store32(uint8_t *at, uint32_t value)
{
    for (int index = 0; index < 4; index++) {
        at[index] = (uint8_t)(value >> 8 * index);
    }
}

static uint64_t on_read(void *emulator, uint64_t offset, unsigned size, void *user)
{
    (void)emulator;
    return private_read(user, PPB_BASE + (uint32_t)offset, size);
}

static void on_write(void *emulator, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    struct core *core = user;
    exception_set before = core->pending;

    (void)emulator;
    private_write(core, PPB_BASE + (uint32_t)offset, size, (uint32_t)value);
    changed(core, &before);
}

int map_private_bus(struct core *core)
{
    return core->unicorn->mmio_map(core->emulator, PPB_BASE, PPB_SIZE, (void *)on_read, core, (void *)on_write, core);
}
