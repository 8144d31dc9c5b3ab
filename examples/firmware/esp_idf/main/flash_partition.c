/* SPDX-License-Identifier: MIT */
#include "flash_partition.h"

#include "esp_partition.h"

enum { SECTOR = 4096 };

static const esp_partition_t *partition;

int flash_open(void)
{
    const esp_partition_subtype_t any = ESP_PARTITION_SUBTYPE_ANY;
    partition = esp_partition_find_first(ESP_PARTITION_TYPE_DATA, any, "state");
    return !partition || partition->size < 2 * SECTOR;
}

static int flash_erase(unsigned slot)
{
    return esp_partition_erase_range(partition, slot * SECTOR, SECTOR) != ESP_OK;
}

static int flash_write(unsigned slot, size_t offset, const void *bytes, size_t nbytes)
{
    return esp_partition_write(partition, slot * SECTOR + offset, bytes, nbytes) != ESP_OK;
}

static int flash_read(unsigned slot, size_t offset, void *bytes, size_t nbytes)
{
    return esp_partition_read(partition, slot * SECTOR + offset, bytes, nbytes) != ESP_OK;
}

const struct flash partition_flash = {flash_erase, flash_write, flash_read};
