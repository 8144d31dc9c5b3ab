/* SPDX-License-Identifier: MIT */
/* Files by the C library, for boards with an operating system. */
#include "io.h"

#include <stdio.h>

static FILE *job, *answer;

int io_open(void)
{
    job = fopen("job.bin", "rb");
    answer = fopen("answer.bin", "wb");
    return !job || !answer;
}

void io_close(void)
{
    fclose(job);
    fclose(answer);
}

int io_read(void *to, size_t n)
{
    return fread(to, 1, n, job) != n;
}

int io_write(const void *from, size_t n)
{
    return fwrite(from, 1, n, answer) != n;
}
