/* SPDX-License-Identifier: MIT */
/* nbytes FILE...: of each the bytes of file, model, stream, fleet of 1 and of 100, scratch. */
#include <stdio.h>
#include <stdlib.h>

#include "rnnedge.h"

static int tell(const char *path)
{
    FILE *const file = fopen(path, "rb");
    if (!file)
        return 1;
    fseek(file, 0, SEEK_END);
    const size_t size = (size_t)ftell(file);
    rewind(file);
    void *const content = malloc(size);
    if (!content || fread(content, 1, size, file) != size)
        return 1;
    fclose(file);
    rnne_error error;
    rnne_model *model = NULL;
    size_t nbytes = 0;
    void *memory = NULL;
    int status = rnne_model_nbytes(content, size, &nbytes, &error);
    if (status == RNNE_OK) {
        memory = malloc(nbytes);
        status = rnne_model_init(memory, nbytes, content, size, RNNE_ISA_AUTO, &model, &error);
    }
    if (status == RNNE_OK)
        printf("%zu %zu %zu %zu %zu %zu\n", size, nbytes, rnne_stream_nbytes(model),
               rnne_fleet_nbytes(model, 1), rnne_fleet_nbytes(model, 100),
               rnne_run_scratch_nbytes(model));
    else
        fprintf(stderr, "%s: status %d at byte %zu\n", path, status, error.offset);
    free(memory);
    free(content);
    return status;
}

int main(int argc, char **argv)
{
    int status = 0;
    for (int i = 1; i < argc && status == 0; i++)
        status = tell(argv[i]);
    return status;
}
