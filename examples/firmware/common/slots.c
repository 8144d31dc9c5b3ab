/* SPDX-License-Identifier: MIT */
/*
 * A slot: 16 bytes of header (magic, sequence number, size, 0), the record padded to 8 bytes,
 * and last of all 8 bytes that make it valid, the CRC32 of what is before and its complement.
 */
#include "slots.h"

#define MAGIC 0x544f4c53u /* SLOT */
#define HEADER 16u
#define CHUNK 64u

static void put_u32(uint8_t *to, uint32_t value)
{
    int i;
    for (i = 0; i < 4; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_u32(const uint8_t *from)
{
    return (uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 |
           (uint32_t)from[3] << 24;
}

/* CRC32 of ISO 3309, before its final complement. */
static uint32_t crc32_of(uint32_t crc, const uint8_t *bytes, size_t nbytes)
{
    for (; nbytes; nbytes--) {
        int bit;
        crc ^= *bytes++;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1u ? 0xedb88320u : 0u);
    }
    return crc;
}

static size_t padded(size_t nbytes)
{
    return (nbytes + 7) / 8 * 8;
}

/* The sequence number of a whole record in the slot, 0 where there is none. */
static uint32_t sequence_of(const struct flash *flash, unsigned slot, size_t nbytes)
{
    uint8_t bytes[CHUNK];
    uint32_t crc, sequence;
    size_t at, end = HEADER + padded(nbytes);
    if (flash->read(slot, 0, bytes, HEADER))
        return 0;
    if (get_u32(bytes) != MAGIC || get_u32(bytes + 8) != nbytes)
        return 0;
    sequence = get_u32(bytes + 4);
    crc = crc32_of(0xffffffffu, bytes, HEADER);
    for (at = HEADER; at < end; at += CHUNK) {
        const size_t n = end - at < CHUNK ? end - at : CHUNK;
        if (flash->read(slot, at, bytes, n))
            return 0;
        crc = crc32_of(crc, bytes, n);
    }
    if (flash->read(slot, end, bytes, 8))
        return 0;
    return get_u32(bytes) == ~crc && get_u32(bytes + 4) == crc ? sequence : 0;
}

int slots_open(struct slots *s, const struct flash *flash, void *record, size_t nbytes)
{
    unsigned slot;
    s->flash = flash;
    s->sequence = 0;
    s->newest = 1;
    for (slot = 0; slot < 2; slot++) {
        const uint32_t sequence = sequence_of(flash, slot, nbytes);
        const int is_newer = !s->sequence || (int32_t)(sequence - s->sequence) > 0;
        if (sequence && is_newer) {
            s->sequence = sequence;
            s->newest = slot;
        }
    }
    return s->sequence && !flash->read(s->newest, HEADER, record, nbytes);
}

int slots_write(struct slots *s, const void *record, size_t nbytes)
{
    const uint8_t *from = (const uint8_t *)record;
    const unsigned slot = 1 - s->newest;
    const uint32_t next = s->sequence + 1 ? s->sequence + 1 : 1; /* 0 stands for none */
    const size_t end = HEADER + padded(nbytes);
    uint8_t bytes[CHUNK];
    uint32_t crc;
    size_t at, i;
    if (s->flash->erase(slot))
        return 1;
    put_u32(bytes, MAGIC);
    put_u32(bytes + 4, next);
    put_u32(bytes + 8, (uint32_t)nbytes);
    put_u32(bytes + 12, 0);
    crc = crc32_of(0xffffffffu, bytes, HEADER);
    if (s->flash->write(slot, 0, bytes, HEADER))
        return 1;
    for (at = HEADER; at < end; at += CHUNK) {
        const size_t n = end - at < CHUNK ? end - at : CHUNK;
        for (i = 0; i < n; i++)
            bytes[i] = at - HEADER + i < nbytes ? from[at - HEADER + i] : 0;
        crc = crc32_of(crc, bytes, n);
        if (s->flash->write(slot, at, bytes, n))
            return 1;
    }
    put_u32(bytes, ~crc);
    put_u32(bytes + 4, crc);
    if (s->flash->write(slot, end, bytes, 8) || sequence_of(s->flash, slot, nbytes) != next)
        return 1;
    s->sequence = next;
    s->newest = slot;
    return 0;
}
