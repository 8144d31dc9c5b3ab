/* SPDX-License-Identifier: MIT */
/* What the node asks of its board; board_emulated.c and flash_emulated.c are to be replaced. */
#ifndef BOARD_H
#define BOARD_H

#include "slots.h"

#include <stdint.h>

/* The time, in Unix seconds on the hour. */
int64_t board_time(void);

/* Sleeps until the next hour: 0, or not when the power is switched off. */
int board_sleep(void);

void board_print(const char *line);

/* Flash of two slots; flash_open() comes first. */
int flash_open(void);
extern const struct flash board_flash;

#endif
