/* SPDX-License-Identifier: MIT */
/*
 * A record that outlives a restart, in two slots of flash written in turn: while one is erased
 * and written the other stays whole, so power may fail at any moment.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Your flash: two slots, each one or more whole sectors. All calls return 0, or not when they
 * fail. write() is called for erased bytes only, at most 64; offset and size are multiples of 8.
 */
struct flash {
    int (*erase)(unsigned slot);
    int (*write)(unsigned slot, size_t offset, const void *bytes, size_t nbytes);
    int (*read)(unsigned slot, size_t offset, void *bytes, size_t nbytes);
};

struct slots {
    const struct flash *flash;
    uint32_t sequence; /* of the newest record, 0 where there is none */
    unsigned newest;   /* its slot */
};

/* What a slot must hold for a record of nbytes. */
#define SLOT_NBYTES(nbytes) (16 + ((nbytes) + 7) / 8 * 8 + 8)

/* Finds the newest whole record of nbytes: 1 when it is in `record`, 0 when there is none. */
int slots_open(struct slots *s, const struct flash *flash, void *record, size_t nbytes);

/* Writes a record over the older one: 0, or not; then the newest is still the one before. */
int slots_write(struct slots *s, const void *record, size_t nbytes);

#ifdef __cplusplus
}
#endif

#endif
