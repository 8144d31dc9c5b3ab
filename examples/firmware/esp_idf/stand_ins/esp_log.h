/* SPDX-License-Identifier: MIT */
#ifndef ESP_LOG_H
#define ESP_LOG_H

void stand_in_log(char level, const char *tag, const char *format, ...);

#define ESP_LOGI(tag, ...) stand_in_log('I', tag, __VA_ARGS__)
#define ESP_LOGE(tag, ...) stand_in_log('E', tag, __VA_ARGS__)

void app_main(void);

#endif
