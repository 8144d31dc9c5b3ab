/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../stream/stream.h"
#include "file.h"

/* Equal bits, or NaN both. */
static int is_same(float a, float b)
{
    return rnne_bits_of_float(a) == rnne_bits_of_float(b) || (a != a && b != b);
}

rnne_status rnne_self_test(const rnne_model *model, const void *bytes, size_t file_nbytes,
                           void *mem, size_t mem_nbytes, rnne_error *error)
{
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    rnne_file file;
    rnne_stream *stream;
    rnne_status status = rnne_file_open(bytes, file_nbytes, &file, error);
    if (status == RNNE_OK)
        status = rnne_file_check_sum(&file, error);
    if (status == RNNE_OK)
        status = rnne_stream_init(mem, mem_nbytes, model, &stream);
    if (status == RNNE_MEMORY_TOO_SMALL)
        rnne_fail(error, status, mem_nbytes);
    if (status != RNNE_OK)
        return status;
    const rnne_section *const golden = &file.golden;
    const uint64_t row_nbytes = 4 * ((uint64_t)num_inputs + num_outputs);
    const size_t num_steps = golden->nbytes < 4 ? 0 : rnne_get_u32(golden->bytes);
    if (num_steps == 0 || (golden->nbytes - 4) / row_nbytes != num_steps ||
        (golden->nbytes - 4) % row_nbytes != 0)
        return rnne_fail(error, RNNE_BAD_SECTION, golden->offset);
    /* What a step does not look at once it has read its inputs. */
    float *const values = stream->work.block.values[0];
    const uint8_t *x = golden->bytes + 4, *y = x + num_steps * num_inputs * 4;
    for (size_t t = 0; t < num_steps; t++) {
        for (size_t i = 0; i < num_inputs; i++, x += 4)
            values[i] = rnne_get_f32(x);
        const float *const found = rnne_stream_advance(stream, values);
        for (size_t i = 0; i < num_outputs; i++, y += 4)
            if (!is_same(found[i], rnne_get_f32(y)))
                return rnne_fail(error, RNNE_MISMATCH, t);
    }
    return RNNE_OK;
}
