/* SPDX-License-Identifier: MIT */
/* Header and section table of an .rnne file (docs/format.md). */
#ifndef RNNE_FILE_H
#define RNNE_FILE_H

#include "rnnedge.h"

/* A range of the file that lies within it. */
typedef struct rnne_section {
    const uint8_t *bytes;
    size_t offset;
    size_t nbytes;
} rnne_section;

typedef struct rnne_file {
    const uint8_t *bytes;
    size_t nbytes;
    uint32_t version;
    rnne_section model;   /* MODL */
    rnne_section weights; /* WGTS */
    rnne_section golden;  /* GOLD; nbytes 0 when absent */
    rnne_section proof;   /* LONG; bytes NULL when absent */
    rnne_section ranges;  /* RNGE; bytes NULL when absent */
} rnne_file;

/* Checks all of header and table but the checksum. */
rnne_status rnne_file_open(const void *bytes, size_t nbytes, rnne_file *file, rnne_error *error);

rnne_status rnne_file_check_sum(const rnne_file *file, rnne_error *error);

#endif
