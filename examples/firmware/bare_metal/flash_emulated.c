/* SPDX-License-Identifier: MIT */
/*
 * Flash in the file flash.bin, as flash behaves: erased bytes are 0xff, writing only clears
 * bits, and a power cut (`cut=` N bytes from the start) leaves what was done until then.
 */
#include "board.h"

#include "emulated.h"
#include "semihosting.h"

enum { SECTOR = 1024, POWER_CUT = 75, READ_WRITE = 3, CREATE = 7 };

static int32_t file = -1;
static int64_t bytes_left;

static int seek(unsigned slot, size_t offset)
{
    const uint32_t to[2] = {(uint32_t)file, slot * SECTOR + (uint32_t)offset};
    return semihosting(SYS_SEEK, to);
}

static int transfer(int32_t call, void *bytes, size_t nbytes)
{
    const struct {
        int32_t file;
        void *bytes;
        uint32_t nbytes;
    } what = {file, bytes, (uint32_t)nbytes};
    return semihosting(call, &what);
}

/* Writes what the power lasts for. */
static int put(unsigned slot, size_t offset, uint8_t *bytes, size_t nbytes)
{
    const int is_cut = bytes_left < (int64_t)nbytes;
    const size_t n = is_cut ? (size_t)bytes_left : nbytes;
    if (seek(slot, offset) || (n && transfer(SYS_WRITE, bytes, n)))
        return 1;
    bytes_left -= (int64_t)n;
    if (is_cut)
        semihosting_exit(POWER_CUT);
    return 0;
}

static int flash_read(unsigned slot, size_t offset, void *bytes, size_t nbytes)
{
    if (offset + nbytes > SECTOR || seek(slot, offset))
        return 1;
    return transfer(SYS_READ, bytes, nbytes) != 0;
}

static int flash_erase(unsigned slot)
{
    uint8_t blank[64];
    size_t at, i;
    for (i = 0; i < sizeof blank; i++)
        blank[i] = 0xff;
    for (at = 0; at < SECTOR; at += sizeof blank)
        if (put(slot, at, blank, sizeof blank))
            return 1;
    return 0;
}

static int flash_write(unsigned slot, size_t offset, const void *bytes, size_t nbytes)
{
    const uint8_t *from = (const uint8_t *)bytes;
    uint8_t cells[64];
    size_t i;
    if (offset % 8 || nbytes % 8 || nbytes > sizeof cells)
        return 1;
    if (flash_read(slot, offset, cells, nbytes))
        return 1;
    for (i = 0; i < nbytes; i++)
        cells[i] &= from[i];
    return put(slot, offset, cells, nbytes);
}

int flash_open(void)
{
    static const char name[] = "flash.bin";
    const struct {
        const char *name;
        uint32_t mode, size;
    } old = {name, READ_WRITE, sizeof name - 1}, fresh = {name, CREATE, sizeof name - 1};
    bytes_left = INT64_MAX;
    file = semihosting(SYS_OPEN, &old);
    if (file < 0) {
        file = semihosting(SYS_OPEN, &fresh);
        if (file < 0 || flash_erase(0) || flash_erase(1))
            return 1;
    }
    bytes_left = emulated_option("cut=", INT64_MAX);
    return 0;
}

const struct flash board_flash = {flash_erase, flash_write, flash_read};
