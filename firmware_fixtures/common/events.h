/* Notifications of the kernel on one centre, and the network. Tags are 0 to 7. */
#ifndef EVENTS_H
#define EVENTS_H

#include "microvisor.h"

#define NETWORK_TAG 0u
#define EVENT(type) (1u << (type))

/* Set the centre up on the interrupt of TIM8's break. */
MvNotificationHandle events_start(void);

/* Sleep until an event of one of these types has come with this tag; take it and return its type. */
uint32_t event_wait(uint32_t tag, uint32_t types);

/* Take such an event if one has come; return its type, or MV_EVENTTYPE_NOEVENT. */
uint32_t event_take(uint32_t tag, uint32_t types);

/* Request the network and sleep until it is connected. */
MvNetworkHandle network_start(MvNotificationHandle centre);

#endif
