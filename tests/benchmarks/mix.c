/* The work mix of the core's benchmark: matrix, linked list, CRC, a state machine and SHA-256, as often as the word at
 * the start of RAM says; then it sleeps. Its checksum is left in the next word.
 *
 * Its basic blocks are short, five instructions on average but in SHA-256: a hook at each of them is dear.
 *
 * arm-none-eabi-gcc -mcpu=cortex-m33 -mthumb -O2 -ffreestanding -nostdlib -fno-tree-loop-distribute-patterns \
 *     -Wl,--section-start=.vectors=0x08000000,-Ttext=0x08000040 mix.c -o mix.elf && arm-none-eabi-objcopy -O binary mix.elf mix.bin
 */
#include <stdint.h>

#ifdef QEMU /* mps2-an505 */
#define RAM 0x30000000u
#else
#define RAM 0x20000000u
#endif
#define ROUNDS (*(volatile uint32_t *)RAM)
#define RESULT (*(volatile uint32_t *)(RAM + 4))
#define MATRIX ((uint32_t(*)[12])(RAM + 0x1000))
#define NODES ((struct node *)(RAM + 0x2000))
#define TEXT ((uint8_t *)(RAM + 0x3000))

struct node { struct node *next; uint32_t value; };

static void start(void);
__attribute__((section(".vectors"), used)) static void *const vectors[16] = {(void *)(RAM + 0x8000), (void *)start};

static uint32_t matrix(uint32_t seed)
{
    uint32_t (*a)[12] = MATRIX, (*b)[12] = MATRIX + 12, sum = 0;

    for (int row = 0; row < 12; row++) {
        for (int column = 0; column < 12; column++) {
            a[row][column] = seed + (uint32_t)(row * column);
            b[row][column] = seed ^ (uint32_t)(row + column);
        }
    }
    for (int row = 0; row < 12; row++) {
        for (int column = 0; column < 12; column++) {
            uint32_t cell = 0;
            for (int index = 0; index < 12; index++) {
                cell += a[row][index] * b[index][column];
            }
            sum ^= cell;
        }
    }
    return sum;
}

static uint32_t list(uint32_t seed)
{
    struct node *nodes = NODES, *head = 0;
    uint32_t sum = 0;

    for (uint32_t index = 0; index < 100; index++) {
        struct node **place = &head;
        nodes[index].value = seed * (index + 7) & 0xFF;
        while (*place && (*place)->value < nodes[index].value) {
            place = &(*place)->next;
        }
        nodes[index].next = *place;
        *place = &nodes[index];
    }
    for (struct node *node = head; node; node = node->next) {
        sum = sum * 31 + node->value;
    }
    return sum;
}

static uint32_t crc(uint32_t seed)
{
    uint32_t value = ~seed;

    for (int index = 0; index < 256; index++) {
        TEXT[index] = (uint8_t)(seed >> (index & 7));
    }
    for (int index = 0; index < 256; index++) {
        value ^= TEXT[index];
        for (int bit = 0; bit < 8; bit++) {
            value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
        }
    }
    return value;
}

static uint32_t machine(uint32_t seed)
{
    uint32_t state = 0, count = 0;

    for (int index = 0; index < 500; index++) {
        uint32_t input = seed >> (index % 29) & 3;
        switch (state) {
        case 0: state = input ? 1 : 0; break;
        case 1: state = input == 2 ? 2 : input == 3 ? 3 : 0; break;
        case 2: state = input & 1 ? 4 : 1; count++; break;
        case 3: state = input ? 4 : 2; count += 3; break;
        default: state = input == 1 ? 0 : 3; count += 5; break;
        }
    }
    return count;
}

static uint32_t rotated(uint32_t value, int by)
{
    return value >> by | value << (32 - by);
}

/* The compression function, with constants made up: what counts is the work. */
static uint32_t sha256(uint32_t seed)
{
    uint32_t w[64], h[8];

    for (int index = 0; index < 16; index++) {
        w[index] = seed * (uint32_t)(index + 1);
    }
    for (int index = 16; index < 64; index++) {
        uint32_t a = w[index - 15], b = w[index - 2];
        w[index] = w[index - 16] + (rotated(a, 7) ^ rotated(a, 18) ^ a >> 3) + w[index - 7]
            + (rotated(b, 17) ^ rotated(b, 19) ^ b >> 10);
    }
    for (int index = 0; index < 8; index++) {
        h[index] = seed ^ 0x6A09E667u * (uint32_t)index;
    }
    for (int index = 0; index < 64; index++) {
        uint32_t first = h[7] + (rotated(h[4], 6) ^ rotated(h[4], 11) ^ rotated(h[4], 25))
            + ((h[4] & h[5]) ^ (~h[4] & h[6])) + 0x428A2F98u * (uint32_t)index + w[index];
        uint32_t second = (rotated(h[0], 2) ^ rotated(h[0], 13) ^ rotated(h[0], 22))
            + ((h[0] & h[1]) ^ (h[0] & h[2]) ^ (h[1] & h[2]));
        h[7] = h[6], h[6] = h[5], h[5] = h[4], h[4] = h[3] + first;
        h[3] = h[2], h[2] = h[1], h[1] = h[0], h[0] = first + second;
    }
    return h[0] ^ h[7];
}

__attribute__((noreturn, used)) static void start(void)
{
    uint32_t sum = 1;

    for (uint32_t round = ROUNDS; round; round--) {
        sum += matrix(sum);
        sum ^= list(sum);
        sum += crc(sum);
        sum ^= machine(sum);
        for (int block = 0; block < 4; block++) {
            sum += sha256(sum);
        }
    }
    RESULT = sum;
#ifdef QEMU
    __asm volatile("movs r0, #0x18\n\tldr r1, =0x20026\n\tbkpt #0xAB"); /* semihosting: SYS_EXIT */
#endif
    for (;;) {
        __asm volatile("wfi");
    }
}
