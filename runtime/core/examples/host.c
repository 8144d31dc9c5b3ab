/* SPDX-License-Identifier: MIT */
/*
 * host MODEL < readings.csv > forecasts.csv
 *
 * One reading per line, the model's features separated by commas, an empty field or `nan` where
 * one is missing. For a model without derived inputs; rnne_time_features() computes those.
 */
#include <stdio.h>
#include <stdlib.h>

#include "rnnedge.h"

static void *read_all(const char *path, size_t *nbytes)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        return NULL;
    *nbytes = (size_t)ftell(file);
    rewind(file);
    void *bytes = malloc(*nbytes + 1);
    *nbytes = bytes ? fread(bytes, 1, *nbytes, file) : 0;
    fclose(file);
    return bytes;
}

static void parse_row(char *line, float *x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        char *end;
        x[i] = strtof(line, &end);
        if (end == line)
            x[i] = strtof("nan", NULL);
        line = *end == ',' ? end + 1 : end;
    }
}

int main(int argc, char **argv)
{
    char line[4096];
    size_t file_nbytes = 0, nbytes;
    rnne_error error;
    rnne_model *model;
    rnne_stream *stream;
    rnne_info info;

    void *file = argc == 2 ? read_all(argv[1], &file_nbytes) : NULL;
    if (!file)
        return fprintf(stderr, "usage: host MODEL.rnne < readings.csv\n"), 2;
    if (rnne_model_nbytes(file, file_nbytes, &nbytes, &error) ||
        rnne_model_init(malloc(nbytes), nbytes, file, file_nbytes, RNNE_ISA_AUTO, &model, &error))
        return fprintf(stderr, "%s: byte %lu: %s\n", argv[1], (unsigned long)error.offset,
                       rnne_status_text(error.status)),
               2;
    free(file);
    rnne_model_info(model, &info);
    nbytes = rnne_stream_nbytes(model);
    rnne_stream_init(malloc(nbytes), nbytes, model, &stream);
    float *x = calloc(info.input_size, sizeof *x), *y = calloc(info.output_size, sizeof *y);

    while (fgets(line, sizeof line, stdin)) {
        parse_row(line, x, info.num_features);
        if (rnne_step(stream, x, y) != RNNE_OK)
            continue; /* a reading is missing that this model rejects */
        for (uint32_t i = 0; i < info.output_size; i++)
            printf("%s%.9g", i ? "," : "", (double)y[i]);
        printf("\n");
    }
    return 0;
}
