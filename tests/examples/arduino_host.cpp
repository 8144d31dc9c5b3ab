/* SPDX-License-Identifier: MIT */
/* arduino_host EEPROM HOURS CUT: the sketch on this machine, until the power is cut. */
#include <stdio.h>
#include <stdlib.h>

#include "Arduino.h"
#include "EEPROM.h"

SerialPort Serial;
EEPROMClass EEPROM;
static FILE *file;
static long hours, left;

void SerialPort::begin(unsigned long)
{
}

void SerialPort::println(const char *text)
{
    puts(text);
}

uint8_t EEPROMClass::read(int address)
{
    fseek(file, address, SEEK_SET);
    const int byte = fgetc(file);
    return byte == EOF ? 0xff : static_cast<uint8_t>(byte);
}

void EEPROMClass::update(int address, uint8_t value)
{
    if (!left--)
        exit(75);
    fseek(file, address, SEEK_SET);
    fputc(value, file);
}

void delay(unsigned long milliseconds)
{
    hours -= static_cast<long>(milliseconds / 3600000);
}

int main(int, char **arguments)
{
    file = fopen(arguments[1], "r+b");
    hours = atol(arguments[2]);
    left = atol(arguments[3]);
    setup();
    while (hours > 0)
        loop();
    return fclose(file);
}
