/* SPDX-License-Identifier: MIT */
/* Reads sensors and steps the model every hour, prints the forecast, keeps the state. */
#include "board.h"
#include "node.h"
#include "report.h"
#include "sensor.h"

enum { NO_FLASH = 2, NOT_KEPT, BAD_MODEL };

static struct node node;

int main(void)
{
    static const char *const how[] = {"new state", "resumed", "kept state too old"};
    if (weather_selftest())
        return BAD_MODEL;
    if (flash_open())
        return NO_FLASH;
    board_print(how[node_start(&node, &board_flash, board_time())]);
    do {
        float readings[WEATHER_NUM_FEATURES], forecast[WEATHER_OUTPUT_SIZE];
        const int64_t now = board_time();
        if (sensor_read(now, readings))
            break;
        if (node_step(&node, now, readings, forecast) == NODE_OK) {
            char line[REPORT_NBYTES];
            report_line(line, now, readings[0], forecast[WEATHER_OUTPUT_SIZE - 1]);
            board_print(line);
            if (node_keep(&node))
                return NOT_KEPT;
        }
    } while (!board_sleep());
    return 0;
}
