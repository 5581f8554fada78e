/* Items of the configuration stores. */
#ifndef CONFIG_H
#define CONFIG_H

#include "channels.h"

#define CONFIG_TAG 2u
#define MAX_ITEMS 8u

struct config_item {
    struct MvConfigKeyToFetch key;
    uint8_t *value;
    uint32_t size;
    uint32_t length; /* of the value; 0 if it is absent */
    uint32_t result;
};

/* Fetch items on a channel of its own; return whether there was an answer. Failures are logged. */
uint32_t config_fetch(MvNotificationHandle centre, MvNetworkHandle network, struct config_item *items, uint32_t count);

#endif
