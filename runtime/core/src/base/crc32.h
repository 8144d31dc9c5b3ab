/* SPDX-License-Identifier: MIT */
#ifndef RNNE_CRC32_H
#define RNNE_CRC32_H

#include <stddef.h>
#include <stdint.h>

/* Continues from crc, 0 at first. */
uint32_t rnne_crc32(uint32_t crc, const void *bytes, size_t nbytes);

#endif
