/* SPDX-License-Identifier: MIT */
/* CHECK(condition) counts and prints what does not hold; TEST(name) runs a function. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>

static int num_failed;

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            num_failed++;                                                                         \
            fprintf(stderr, "%s:%d: failed: %s\n", __FILE__, __LINE__, #condition);               \
        }                                                                                         \
    } while (0)

#define TEST(function)                                                                            \
    do {                                                                                          \
        const int before = num_failed;                                                            \
        function();                                                                               \
        printf("%-40s %s\n", #function, num_failed == before ? "ok" : "FAILED");                  \
    } while (0)

#endif
