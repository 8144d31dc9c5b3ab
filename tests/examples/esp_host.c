/* SPDX-License-Identifier: MIT */
/* esp_host PARTITION HOURS CUT: the application on this machine, until the power is cut. */
#include "esp_log.h"
#include "esp_partition.h"
#include "freertos/task.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const esp_partition_t partition = {8192};
static FILE *file;
static long ticks, left;

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type,
                                                esp_partition_subtype_t subtype, const char *label)
{
    (void)type;
    (void)subtype;
    return strcmp(label, "state") ? NULL : &partition;
}

static esp_err_t put(size_t at, uint8_t byte)
{
    if (!left--)
        exit(75);
    return fseek(file, (long)at, SEEK_SET) || fputc(byte, file) == EOF;
}

esp_err_t esp_partition_read(const esp_partition_t *p, size_t offset, void *to, size_t size)
{
    (void)p;
    return fseek(file, (long)offset, SEEK_SET) || fread(to, 1, size, file) != size;
}

esp_err_t esp_partition_erase_range(const esp_partition_t *p, size_t offset, size_t size)
{
    esp_err_t error = offset % 4096 || size % 4096 || offset + size > p->size;
    for (; !error && size; size--)
        error = put(offset++, 0xff);
    return error;
}

esp_err_t esp_partition_write(const esp_partition_t *p, size_t offset, const void *from, size_t size)
{
    const uint8_t *bytes = from;
    esp_err_t error = offset + size > p->size;
    for (; !error && size; size--, offset++) {
        uint8_t old;
        error = esp_partition_read(p, offset, &old, 1) || put(offset, old & *bytes++);
    }
    return error;
}

void stand_in_log(char level, const char *tag, const char *format, ...)
{
    va_list arguments;
    (void)level;
    (void)tag;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void vTaskDelay(TickType_t delay)
{
    ticks -= (long)delay;
    if (ticks <= 0)
        exit(0);
}

int main(int count, char **arguments)
{
    (void)count;
    file = fopen(arguments[1], "r+b");
    ticks = 360000 * atol(arguments[2]);
    left = atol(arguments[3]);
    app_main();
    return 1;
}
