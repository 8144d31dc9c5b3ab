/* SPDX-License-Identifier: MIT */
#ifndef FLASH_PARTITION_H
#define FLASH_PARTITION_H

#include "slots.h"

/* Finds the partition "state" of two sectors: 0, or not. */
int flash_open(void);

extern const struct flash partition_flash;

#endif
