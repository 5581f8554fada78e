/* ext-flash: erases, writes and reads external flash, and shows that writing only clears bits.
 *
 * Logs the size, then one line per step: `name: ok` or `name: failed, status N`.
 */
#include "board.h"
#include "microvisor.h"
#include "support.h"

#define SECTOR 4096u
#define LENGTH 256u

volatile uint32_t failure_count;

static uint8_t buffer[LENGTH];
static MvExternalFlashHandle flash;

static void report(const char *step, MvStatus status, uint32_t good)
{
    struct text text = {.length = 0};

    text_add(&text, step);
    if (status == MV_STATUS_OKAY && good) {
        text_add(&text, ": ok");
    } else {
        failure_count++;
        text_add(&text, ": failed, status ");
        text_add_number(&text, status);
    }
    log_text(&text);
}

static uint32_t all(uint8_t value)
{
    for (uint32_t i = 0; i < LENGTH; i++) {
        if (buffer[i] != value) {
            return 0;
        }
    }
    return 1;
}

static MvStatus write_all(uint8_t value)
{
    for (uint32_t i = 0; i < LENGTH; i++) {
        buffer[i] = value;
    }
    return mvExternalFlashWriteBlocking(flash, 0, LENGTH, buffer);
}

int main(void)
{
    struct MvExternalFlashInfo info = {.version = 1};
    MvStatus status;

    log_start();
    report("open", mvExternalFlashOpen(&flash), 1);
    report("info", mvExternalFlashGetInfo(flash, &info), info.v1.size != 0u);
    log_number("size ", info.v1.size);

    report("erase", mvExternalFlashEraseBlocking(flash, 0, SECTOR), 1);
    status = mvExternalFlashReadBlocking(flash, 0, LENGTH, buffer);
    report("erased is ff", status, all(0xff));
    report("write f0", write_all(0xf0), 1);
    status = mvExternalFlashReadBlocking(flash, 0, LENGTH, buffer);
    report("read f0", status, all(0xf0));
    report("write 3c over it", write_all(0x3c), 1);
    status = mvExternalFlashReadBlocking(flash, 0, LENGTH, buffer);
    report("bits only clear", status, all(0x30));
    status = mvExternalFlashEraseBlocking(flash, 1, SECTOR);
    report("unaligned erase is refused", MV_STATUS_OKAY, status != MV_STATUS_OKAY);
    report("close", mvExternalFlashClose(&flash), flash == 0u);
    for (;;) {
        wait_for_interrupt();
    }
}
