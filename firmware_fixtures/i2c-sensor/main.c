/* i2c-sensor: reads an MCP9808 at 0x18 on I2C1 twice a second and logs its temperature.
 *
 * Logs `sensor found` once it answers and says who it is, `temperature 21.5000` for every reading, and `sensor lost` when it
 * stops answering; then it looks for it again. SCL is PB6, SDA is PB9.
 */
#include "board.h"
#include "chip.h"
#include "microvisor.h"
#include "millis.h"
#include "support.h"

#define SENSOR 0x18u
#define REGISTER_AMBIENT 5u
#define REGISTER_MANUFACTURER 6u
#define MICROCHIP 0x0054u
#define PERIOD_MS 500u
#define TIMEOUT_MS 25u
#define TIMING 0x00c01f67u
#define I2C_ERRORS (7u << 8)

volatile uint32_t reading_count;
volatile uint32_t failure_count;
volatile int32_t temperature_sixteenths;

/* Wait until one of the flags is set; 0 if that takes too long. */
static uint32_t wait_for(uint32_t flags)
{
    uint32_t start = millis();

    while ((I2C1_ISR & flags) == 0u) {
        if (millis() - start > TIMEOUT_MS) {
            return 0;
        }
    }
    return 1;
}

/* Leave the bus as it was found, whatever happened. */
static uint32_t give_up(void)
{
    wait_for(I2C_ISR_STOPF);
    I2C1_ICR = I2C_ISR_NACKF | I2C_ISR_STOPF | I2C_ERRORS;
    if ((I2C1_ISR & I2C_ISR_BUSY) != 0u) { /* something holds the bus: start over */
        I2C1_CR1 = 0;
        I2C1_CR1 = I2C_CR1_PE;
    }
    failure_count++;
    return 0;
}

/* Read a 16-bit register, high byte first; 0 if the sensor did not answer. */
static uint32_t read_register(uint32_t number, uint32_t *value)
{
    uint32_t result = 0;

    I2C1_CR2 = (SENSOR << 1) | I2C_CR2_NBYTES(1u) | I2C_CR2_START;
    if (!wait_for(I2C_ISR_TXIS | I2C_ISR_NACKF) || (I2C1_ISR & I2C_ISR_NACKF) != 0u) {
        return give_up();
    }
    I2C1_TXDR = number;
    if (!wait_for(I2C_ISR_TC | I2C_ISR_NACKF) || (I2C1_ISR & I2C_ISR_NACKF) != 0u) {
        return give_up();
    }
    I2C1_CR2 = (SENSOR << 1) | I2C_CR2_RD_WRN | I2C_CR2_NBYTES(2u) | I2C_CR2_START | I2C_CR2_AUTOEND;
    for (uint32_t i = 0; i < 2u; i++) {
        if (!wait_for(I2C_ISR_RXNE | I2C_ISR_NACKF) || (I2C1_ISR & I2C_ISR_NACKF) != 0u) {
            return give_up();
        }
        result = (result << 8) | (I2C1_RXDR & 0xffu);
    }
    if (!wait_for(I2C_ISR_STOPF)) {
        return give_up();
    }
    I2C1_ICR = I2C_ISR_STOPF;
    *value = result;
    return 1;
}

static void bus_start(void)
{
    mvPeriphPoke32(RCC_AHB2ENR1, RCC_AHB2ENR1_GPIOBEN, RCC_AHB2ENR1_GPIOBEN);
    mvPeriphPoke32(RCC_APB1ENR1, RCC_APB1ENR1_I2C1EN, RCC_APB1ENR1_I2C1EN);
    GPIO_OTYPER(GPIOB) |= (1u << 6) | (1u << 9);
    GPIO_PUPDR(GPIOB) = (GPIO_PUPDR(GPIOB) & ~((3u << 12) | (3u << 18))) | (1u << 12) | (1u << 18);
    pin_alternate(GPIOB, 6u, 4u);
    pin_alternate(GPIOB, 9u, 4u);
    I2C1_TIMINGR = TIMING;
    I2C1_CR1 = I2C_CR1_PE;
}

static void log_temperature(int32_t sixteenths)
{
    struct text text = {.length = 0};
    uint32_t size = (uint32_t)(sixteenths < 0 ? -sixteenths : sixteenths);
    uint32_t fraction = (size % 16u) * 625u;

    text_add(&text, sixteenths < 0 ? "temperature -" : "temperature ");
    text_add_number(&text, size / 16u);
    text_add(&text, fraction < 1000u ? ".0" : ".");
    text_add_number(&text, fraction);
    if (fraction == 0u) {
        text_add(&text, "00");
    }
    log_text(&text);
}

int main(void)
{
    uint32_t present = 0;

    log_start();
    millis_start();
    bus_start();
    log_string("looking for the sensor");
    for (;;) {
        uint32_t value = 0;

        if (!present) {
            if (read_register(REGISTER_MANUFACTURER, &value) && value == MICROCHIP) {
                present = 1;
                log_string("sensor found");
            }
        }
        if (present) {
            if (read_register(REGISTER_AMBIENT, &value)) {
                int32_t sixteenths = (int32_t)(value & 0x0fffu) - ((value & 0x1000u) != 0u ? 4096 : 0);
                reading_count++;
                temperature_sixteenths = sixteenths;
                log_temperature(sixteenths);
            } else {
                present = 0;
                log_string("sensor lost");
            }
        }
        sleep_ms(PERIOD_MS);
    }
}
