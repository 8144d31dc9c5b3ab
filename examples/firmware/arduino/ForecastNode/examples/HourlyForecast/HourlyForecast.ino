// SPDX-License-Identifier: MIT
// Every hour: read the sensors, step the model, print the forecast, keep the state in EEPROM.
// Replace sensor_recorded.c by what reads your sensors. With a clock, take the time from it.
#include <EEPROM.h>
#include <ForecastNode.h>

#include "recorded.h"

static const unsigned SLOT = SLOT_NBYTES(NODE_RECORD_NBYTES);
static node forecaster;
static int64_t now; // Unix seconds, counted from the kept state on

// EEPROM needs no erasing, but a slot must be seen to be empty while it is written.
static int eraseSlot(unsigned slot) {
    for (unsigned k = 0; k < 8; k++)
        EEPROM.update(static_cast<int>(slot * SLOT + k), 0xff);
    return 0;
}

static int writeSlot(unsigned slot, size_t offset, const void *bytes, size_t nbytes) {
    const uint8_t *from = static_cast<const uint8_t *>(bytes);
    for (size_t k = 0; k < nbytes; k++)
        EEPROM.update(static_cast<int>(slot * SLOT + offset + k), from[k]);
    return 0;
}

static int readSlot(unsigned slot, size_t offset, void *bytes, size_t nbytes) {
    uint8_t *to = static_cast<uint8_t *>(bytes);
    for (size_t k = 0; k < nbytes; k++)
        to[k] = EEPROM.read(static_cast<int>(slot * SLOT + offset + k));
    return 0;
}

static const flash storage = {eraseSlot, writeSlot, readSlot};

void setup() {
    Serial.begin(115200);
    if (weather_selftest())
        Serial.println("the model does not compute what was recorded");
    const bool isResumed = node_start(&forecaster, &storage, 0) == NODE_RESUMED;
    now = isResumed ? forecaster.time + NODE_PERIOD_S : RECORDED_START;
    Serial.println(isResumed ? "resumed" : "new state");
}

void loop() {
    float readings[WEATHER_NUM_FEATURES], forecast[WEATHER_OUTPUT_SIZE];
    if (sensor_read(now, readings) == 0 &&
        node_step(&forecaster, now, readings, forecast) == NODE_OK) {
        char line[REPORT_NBYTES];
        report_line(line, now, readings[0], forecast[WEATHER_OUTPUT_SIZE - 1]);
        Serial.println(line);
        if (node_keep(&forecaster))
            Serial.println("the state could not be kept");
    }
    now += NODE_PERIOD_S;
    delay(1000UL * NODE_PERIOD_S);
}
