/* The Microvisor system calls our fixtures use: names, types and veneer addresses, declared by ourselves.
 *
 * A call is a branch to a veneer in the non-secure-callable window; slot n starts at MV_VENEERS + 8 * n. The window is
 * out of reach of BL, so a call goes through a register. Arguments are in r0-r3, the status comes back in r0.
 */
#ifndef MICROVISOR_H
#define MICROVISOR_H

#include <stddef.h>
#include <stdint.h>

#define MV_VENEERS 0x0c1fe000u
#define MV_CALL(slot, result, ...) ((result (*)(__VA_ARGS__))((MV_VENEERS + 8u * (slot)) | 1u))

typedef uint32_t MvNotificationHandle;
typedef uint32_t MvNetworkHandle;
typedef uint32_t MvStatus;

enum {
    MV_STATUS_OKAY = 0,
    MV_STATUS_TIMENOTSET = 1,
    MV_STATUS_PARAMETERFAULT = 2,
    MV_STATUS_INVALIDBUFFERSIZE = 3,
    MV_STATUS_INVALIDHANDLE = 7,
    MV_STATUS_UNAVAILABLE = 10,
};

enum {
    MV_EVENTTYPE_NOEVENT = 0,
    MV_EVENTTYPE_NETWORKSTATUSCHANGED = 1,
    MV_EVENTTYPE_CHANNELDATAREADABLE = 2,
    MV_EVENTTYPE_CHANNELDATAWRITESPACE = 3,
    MV_EVENTTYPE_CHANNELNOTCONNECTED = 4,
    MV_EVENTTYPE_UPDATEDOWNLOADED = 5,
};

enum {
    MV_NETWORKSTATUS_DELIBERATELYOFFLINE = 0,
    MV_NETWORKSTATUS_CONNECTED = 1,
    MV_NETWORKSTATUS_CONNECTING = 2,
    MV_NETWORKSTATUS_DISCONNECTEDWITHLINKUP = 3,
};

struct MvNotification {
    uint64_t microseconds;
    uint32_t event_type;
    uint32_t tag;
};

struct MvNotificationSetup {
    uint32_t irq;
    struct MvNotification *buffer;
    uint32_t buffer_size;
};

struct MvRequestNetworkParams {
    uint32_t version;
    struct {
        MvNotificationHandle notification_handle;
        uint32_t notification_tag;
    } v1;
};

_Static_assert(sizeof(struct MvNotification) == 16, "a notification is 16 bytes");
_Static_assert(sizeof(struct MvNotificationSetup) == 12, "the setup structure is 12 bytes");
_Static_assert(sizeof(struct MvRequestNetworkParams) == 12, "the request structure is 12 bytes");

static inline MvStatus mvGetMicroseconds(uint64_t *microseconds)
{
    return MV_CALL(2, MvStatus, uint64_t *)(microseconds);
}

static inline MvStatus mvRequestNetwork(const struct MvRequestNetworkParams *params, MvNetworkHandle *handle)
{
    return MV_CALL(8, MvStatus, const struct MvRequestNetworkParams *, MvNetworkHandle *)(params, handle);
}

static inline MvStatus mvSetupNotifications(const struct MvNotificationSetup *setup, MvNotificationHandle *handle)
{
    return MV_CALL(16, MvStatus, const struct MvNotificationSetup *, MvNotificationHandle *)(setup, handle);
}

static inline MvStatus mvPeriphPoke32(uint32_t address, uint32_t mask, uint32_t xor_value)
{
    return MV_CALL(21, MvStatus, uint32_t, uint32_t, uint32_t)(address, mask, xor_value);
}

static inline MvStatus mvGetHClk(uint32_t *hz)
{
    return MV_CALL(23, MvStatus, uint32_t *)(hz);
}

static inline MvStatus mvGetNetworkStatus(MvNetworkHandle handle, uint32_t *status)
{
    return MV_CALL(29, MvStatus, MvNetworkHandle, uint32_t *)(handle, status);
}

static inline MvStatus mvServerLoggingInit(uint8_t *buffer, uint32_t length)
{
    return MV_CALL(36, MvStatus, uint8_t *, uint32_t)(buffer, length);
}

static inline MvStatus mvServerLog(const uint8_t *message, uint16_t length)
{
    return MV_CALL(37, MvStatus, const uint8_t *, uint16_t)(message, length);
}

#endif
