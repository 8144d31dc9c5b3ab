/* SPDX-License-Identifier: MIT */
#ifndef EMULATED_H
#define EMULATED_H

#include <stdint.h>

int64_t emulated_option(const char *name, int64_t otherwise);

#endif
