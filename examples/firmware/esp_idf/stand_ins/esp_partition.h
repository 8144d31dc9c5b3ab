/* SPDX-License-Identifier: MIT */
/* Stands in for ESP-IDF where the example is only compiled, or run on a workstation. */
#ifndef ESP_PARTITION_H
#define ESP_PARTITION_H

#include <stddef.h>
#include <stdint.h>

typedef int esp_err_t;
#define ESP_OK 0

typedef enum { ESP_PARTITION_TYPE_DATA = 1 } esp_partition_type_t;
typedef enum { ESP_PARTITION_SUBTYPE_ANY = 0xff } esp_partition_subtype_t;
typedef struct {
    uint32_t size;
} esp_partition_t;

const esp_partition_t *esp_partition_find_first(esp_partition_type_t type,
                                                esp_partition_subtype_t subtype,
                                                const char *label);
esp_err_t esp_partition_erase_range(const esp_partition_t *p, size_t offset, size_t size);
esp_err_t esp_partition_write(const esp_partition_t *p, size_t offset, const void *from,
                              size_t size);
esp_err_t esp_partition_read(const esp_partition_t *p, size_t offset, void *to, size_t size);

#endif
