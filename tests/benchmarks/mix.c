/* The work mix of the core's benchmark: matrix, linked list, CRC and a state machine, as often as the word at
 * the start of RAM says; then it sleeps. Its checksum is left in the next word.
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

__attribute__((noreturn, used)) static void start(void)
{
    uint32_t sum = 1;

    for (uint32_t round = ROUNDS; round; round--) {
        sum += matrix(sum);
        sum ^= list(sum);
        sum += crc(sum);
        sum ^= machine(sum);
    }
    RESULT = sum;
#ifdef QEMU
    __asm volatile("movs r0, #0x18\n\tldr r1, =0x20026\n\tbkpt #0xAB"); /* semihosting: SYS_EXIT */
#endif
    for (;;) {
        __asm volatile("wfi");
    }
}
