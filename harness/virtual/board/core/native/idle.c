/* Idle loops: placeholder until loops are recognised. */
#include "core.h"

int64_t idle_probe(struct core *core, uint32_t address)
{
    (void)address;
    core->probe_at = NEVER;
    core->deadline = core->limit;
    return 0;
}
