/* app-test: a factory test that logs to the test console and reports `test_result`.
 *
 * Outside testing mode the calls are unavailable; it then says so in the server log and idles.
 */
#include "board.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

SETTING uint32_t test_result = 0;

volatile uint32_t unavailable_count;

static uint8_t buffer[1024] __attribute__((aligned(512)));

static void test_log(const char *string)
{
    struct text text = {.length = 0};

    text_add(&text, string);
    if (mvTestLog((const uint8_t *)text.bytes, (uint16_t)text.length) == MV_STATUS_UNAVAILABLE) {
        unavailable_count++;
    }
}

int main(void)
{
    log_start();
    millis_start();
    if (mvTestLoggingInit(buffer, sizeof buffer) == MV_STATUS_UNAVAILABLE) {
        unavailable_count++;
    }
    test_log("test started");
    sleep_ms(1000);
    test_log(test_result == 0u ? "test passed" : "test failed");
    log_number("testing ends with ", test_result);
    log_number("not in testing mode: status ", mvTestingComplete(test_result)); /* in testing mode it does not return */
    for (;;) {
        wait_for_interrupt();
    }
}
