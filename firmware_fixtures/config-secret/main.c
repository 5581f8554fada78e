/* config-secret: fetches one item of each configuration store and one that is absent, and logs what came.
 *
 * Device config `greeting`, device secret `device-token`, account config `region`, account secret `account-token`, and
 * device config `absent`; again every twenty seconds, so that a test sees a change.
 */
#include "board.h"
#include "config.h"
#include "events.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

#define PERIOD_MS 20000u
#define ITEMS 5u

volatile uint32_t fetches;

static uint8_t values[ITEMS][96];

#define ITEM(index, a_scope, a_store, name)                                                                      \
    {.key = {.scope = (a_scope), .store = (a_store), .key = STRING(name)}, .value = values[index], .size = sizeof values[index]}

static struct config_item items[ITEMS] = {
    ITEM(0, MV_CONFIGKEYFETCHSCOPE_DEVICE, MV_CONFIGKEYFETCHSTORE_CONFIG, "greeting"),
    ITEM(1, MV_CONFIGKEYFETCHSCOPE_DEVICE, MV_CONFIGKEYFETCHSTORE_SECRET, "device-token"),
    ITEM(2, MV_CONFIGKEYFETCHSCOPE_ACCOUNT, MV_CONFIGKEYFETCHSTORE_CONFIG, "region"),
    ITEM(3, MV_CONFIGKEYFETCHSCOPE_ACCOUNT, MV_CONFIGKEYFETCHSTORE_SECRET, "account-token"),
    ITEM(4, MV_CONFIGKEYFETCHSCOPE_DEVICE, MV_CONFIGKEYFETCHSTORE_CONFIG, "absent"),
};

int main(void)
{
    log_start();
    millis_start();
    MvNotificationHandle centre = events_start();
    MvNetworkHandle network = network_start(centre);

    for (;;) {
        uint32_t start = millis();

        if (config_fetch(centre, network, items, ITEMS) != 0u) {
            fetches++;
            for (uint32_t i = 0; i < ITEMS; i++) {
                struct text text = {.length = 0};

                for (uint32_t k = 0; k < items[i].key.key.length; k++) {
                    text.bytes[text.length++] = (char)items[i].key.key.data[k];
                }
                text_add(&text, ": result ");
                text_add_number(&text, items[i].result);
                text_add(&text, " ");
                for (uint32_t k = 0; k < items[i].length && text.length < sizeof text.bytes; k++) {
                    text.bytes[text.length++] = (char)items[i].value[k];
                }
                log_text(&text);
            }
        }
        while (millis() - start < PERIOD_MS) {
            wait_for_interrupt();
        }
    }
}
