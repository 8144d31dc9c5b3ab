/* SPDX-License-Identifier: MIT */
#include "file.h"

#include "../base/bytes.h"
#include "../base/status.h"

enum {
    HEADER_NBYTES = 32,
    ENTRY_NBYTES = 16,
    MAX_SECTIONS = 64,
    VERSION_AT = 8,
    SIZE_AT = 12,
    CHECKSUM_AT = 16,
    COUNT_AT = 20,
    RESERVED_AT = 24,
    FLAG_CRITICAL = 1
};

static const uint8_t MAGIC[8] = {0x89, 'R', 'N', 'N', 'E', '\r', '\n', 0x1a};

static rnne_status check_header(const uint8_t *bytes, size_t nbytes, rnne_error *error)
{
    if (nbytes < sizeof MAGIC || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return rnne_fail(error, RNNE_NOT_A_MODEL, 0);
    if (nbytes < HEADER_NBYTES)
        return rnne_fail(error, RNNE_TRUNCATED, nbytes);
    const uint32_t version = rnne_get_u32(bytes + VERSION_AT);
    if (version > RNNE_FORMAT_VERSION)
        return rnne_fail(error, RNNE_NEWER_VERSION, VERSION_AT);
    if (version == 0)
        return rnne_fail(error, RNNE_NOT_A_MODEL, VERSION_AT);
    const uint32_t size = rnne_get_u32(bytes + SIZE_AT);
    if (size > nbytes)
        return rnne_fail(error, RNNE_TRUNCATED, nbytes);
    if (size != nbytes || size % 4 != 0 || size > INT32_MAX)
        return rnne_fail(error, RNNE_BAD_SECTION, SIZE_AT);
    const uint32_t count = rnne_get_u32(bytes + COUNT_AT);
    if (count < 1 || count > MAX_SECTIONS || HEADER_NBYTES + count * ENTRY_NBYTES > size)
        return rnne_fail(error, RNNE_BAD_SECTION, COUNT_AT);
    for (size_t at = RESERVED_AT; at < HEADER_NBYTES; at += 4)
        if (rnne_get_u32(bytes + at) != 0)
            return rnne_fail(error, RNNE_UNSUPPORTED, at);
    return RNNE_OK;
}

static int is_type(const uint8_t *entry, const char *type)
{
    return memcmp(entry, type, 4) == 0;
}

/* Whether an entry before `entry` has its type. */
static int is_repeated(const uint8_t *table, const uint8_t *entry)
{
    for (const uint8_t *other = table; other < entry; other += ENTRY_NBYTES)
        if (memcmp(other, entry, 4) == 0)
            return 1;
    return 0;
}

rnne_status rnne_file_open(const void *bytes, size_t nbytes, rnne_file *file, rnne_error *error)
{
    const uint8_t *const start = bytes;
    const rnne_status status = check_header(start, nbytes, error);
    if (status != RNNE_OK)
        return status;
    memset(file, 0, sizeof *file);
    file->bytes = start;
    file->nbytes = nbytes;
    file->version = rnne_get_u32(start + VERSION_AT);
    const uint8_t *const table = start + HEADER_NBYTES;
    const size_t count = rnne_get_u32(start + COUNT_AT);
    size_t end = HEADER_NBYTES + count * ENTRY_NBYTES;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *const entry = table + i * ENTRY_NBYTES;
        const size_t at = (size_t)(entry - start);
        const uint32_t flags = rnne_get_u32(entry + 4);
        const size_t offset = rnne_get_u32(entry + 8), size = rnne_get_u32(entry + 12);
        if (offset % 4 != 0 || offset < end || offset > nbytes || is_repeated(table, entry))
            return rnne_fail(error, RNNE_BAD_SECTION, at);
        if (size > nbytes - offset)
            return rnne_fail(error, RNNE_TRUNCATED, at);
        if (flags > FLAG_CRITICAL)
            return rnne_fail(error, RNNE_UNSUPPORTED, at);
        const rnne_section section = {start + offset, offset, size};
        if (is_type(entry, "MODL"))
            file->model = section;
        else if (is_type(entry, "WGTS"))
            file->weights = section;
        else if (is_type(entry, "GOLD"))
            file->golden = section;
        else if (is_type(entry, "LONG"))
            file->proof = section;
        else if (is_type(entry, "RNGE"))
            file->ranges = section;
        else if (flags & FLAG_CRITICAL)
            return rnne_fail(error, RNNE_UNSUPPORTED, at);
        end = offset + size;
    }
    if (!file->model.bytes || !file->weights.bytes)
        return rnne_fail(error, RNNE_BAD_SECTION, COUNT_AT);
    return RNNE_OK;
}

rnne_status rnne_file_check_sum(const rnne_file *file, rnne_error *error)
{
    static const uint8_t zero[4] = {0};
    uint32_t crc = rnne_crc32(0, file->bytes, CHECKSUM_AT);
    crc = rnne_crc32(crc, zero, sizeof zero);
    crc = rnne_crc32(crc, file->bytes + CHECKSUM_AT + 4, file->nbytes - CHECKSUM_AT - 4);
    if (crc != rnne_get_u32(file->bytes + CHECKSUM_AT))
        return rnne_fail(error, RNNE_BAD_CHECKSUM, CHECKSUM_AT);
    return RNNE_OK;
}
