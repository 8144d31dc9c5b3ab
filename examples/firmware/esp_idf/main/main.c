/* SPDX-License-Identifier: MIT */
/*
 * Every hour: read the sensors, step the model, log the forecast, keep the state in flash.
 * Replace sensor_recorded.c by what reads your sensors. With a clock, take the time from it.
 */
#include "esp_log.h"
#include "flash_partition.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "node.h"
#include "recorded.h"
#include "report.h"
#include "sensor.h"

static const char TAG[] = "forecast";
static struct node node;

void app_main(void)
{
    int64_t now = RECORDED_START; /* Unix seconds, counted from the kept state on */
    if (weather_selftest()) {
        ESP_LOGE(TAG, "the model does not compute what was recorded");
        return;
    }
    if (flash_open()) {
        ESP_LOGE(TAG, "there is no partition 'state' of two sectors");
        return;
    }
    if (node_start(&node, &partition_flash, 0) == NODE_RESUMED)
        now = node.time + NODE_PERIOD_S;
    ESP_LOGI(TAG, "%s", node.is_started ? "resumed" : "new state");
    for (;; now += NODE_PERIOD_S) {
        float readings[WEATHER_NUM_FEATURES], forecast[WEATHER_OUTPUT_SIZE];
        if (!sensor_read(now, readings) && node_step(&node, now, readings, forecast) == NODE_OK) {
            char line[REPORT_NBYTES];
            report_line(line, now, readings[0], forecast[WEATHER_OUTPUT_SIZE - 1]);
            ESP_LOGI(TAG, "%s", line);
            if (node_keep(&node))
                ESP_LOGE(TAG, "the state could not be kept");
        }
        vTaskDelay(pdMS_TO_TICKS(1000) * NODE_PERIOD_S);
    }
}
