/* SPDX-License-Identifier: MIT */
/* Stands in for the Arduino core where the example is only compiled, or run on a workstation. */
#ifndef ARDUINO_H
#define ARDUINO_H

#include <stddef.h>
#include <stdint.h>

struct SerialPort {
    void begin(unsigned long baud);
    void println(const char *text);
};

extern SerialPort Serial;

void setup();
void loop();
void delay(unsigned long milliseconds);

#endif
