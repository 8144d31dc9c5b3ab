/* ---- snapshots: header and checksum (docs/format.md of rnnedge) ---- */

enum { RNNE_SNAPSHOT_HEADER = 48, RNNE_SNAPSHOT_VERSION = 1 };

RNNE_INLINE uint32_t rnne_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

RNNE_INLINE void rnne_put_u32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value & 0xffu);
    p[1] = (uint8_t)(value >> 8 & 0xffu);
    p[2] = (uint8_t)(value >> 16 & 0xffu);
    p[3] = (uint8_t)(value >> 24);
}

/* CRC32 of ISO 3309, as of zlib and PNG. */
RNNE_FUNCTION uint32_t rnne_crc32(const uint8_t *bytes, size_t nbytes)
{
    uint32_t crc = 0xffffffffu;
    for (; nbytes; nbytes--) {
        int bit;
        crc ^= *bytes++;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* identity: 16 bytes of the model's digest, then 16 of the numerics' name. */
RNNE_FUNCTION uint8_t *rnne_begin_snapshot(uint8_t *bytes, const uint8_t *identity,
                                           uint32_t num_tensors, uint64_t num_steps)
{
    size_t i;
    rnne_put_u32(bytes, 0x534e4e52u); /* RNNS */
    rnne_put_u32(bytes + 4, RNNE_SNAPSHOT_VERSION | num_tensors << 16);
    for (i = 0; i < 32; i++)
        bytes[8 + i] = identity[i];
    rnne_put_u32(bytes + 40, (uint32_t)(num_steps & 0xffffffffu));
    rnne_put_u32(bytes + 44, (uint32_t)(num_steps >> 32));
    return bytes + RNNE_SNAPSHOT_HEADER;
}

RNNE_FUNCTION void rnne_end_snapshot(uint8_t *bytes, uint8_t *end)
{
    rnne_put_u32(end, rnne_crc32(bytes, (size_t)(end - bytes)));
}

/* 0, or what is wrong with a snapshot as NAME_restore() says it; the tensors are not checked. */
RNNE_FUNCTION int rnne_check_snapshot(const uint8_t *bytes, size_t nbytes, const uint8_t *identity,
                                      uint32_t num_tensors)
{
    uint32_t version;
    size_t i;
    if (!bytes || nbytes < RNNE_SNAPSHOT_HEADER + 4 || rnne_get_u32(bytes) != 0x534e4e52u)
        return 1;
    version = rnne_get_u32(bytes + 4);
    if ((version & 0xffffu) > RNNE_SNAPSHOT_VERSION)
        return 2;
    if (rnne_crc32(bytes, nbytes - 4) != rnne_get_u32(bytes + nbytes - 4))
        return 1;
    for (i = 0; i < 32; i++)
        if (bytes[8 + i] != identity[i])
            return 3;
    return version >> 16 == num_tensors ? 0 : 1;
}

RNNE_FUNCTION uint64_t rnne_snapshot_steps(const uint8_t *bytes)
{
    return rnne_get_u32(bytes + 40) | (uint64_t)rnne_get_u32(bytes + 44) << 32;
}
