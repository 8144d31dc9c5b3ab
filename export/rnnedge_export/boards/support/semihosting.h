/* SPDX-License-Identifier: MIT */
/* What the start-up code needs of semihosting: a last word, and an end. */
#ifndef RNNEDGE_SEMIHOSTING_H
#define RNNEDGE_SEMIHOSTING_H

#include <stdint.h>

void semihosting_text(const char *text);
void semihosting_exit(int code) __attribute__((noreturn));

#endif
