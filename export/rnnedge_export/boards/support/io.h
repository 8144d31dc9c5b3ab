/* SPDX-License-Identifier: MIT */
/* How a program on a board reads its job and writes its answers; one implementation per kind
 * of board.  The files are job.bin and answer.bin in the folder of the run. */
#ifndef RNNEDGE_IO_H
#define RNNEDGE_IO_H

#include <stddef.h>

/* Both return 0 when all n bytes went through. */
int io_read(void *to, size_t n);
int io_write(const void *from, size_t n);

/* Opens and closes the files; open returns 0 on success. */
int io_open(void);
void io_close(void);

#endif
