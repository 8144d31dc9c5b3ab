/* SPDX-License-Identifier: MIT */
/*
 * A clock that runs as fast as the node: it starts at the hour `from=` of the command line and
 * the power goes off after `hours=` of them.
 */
#include "board.h"

#include "emulated.h"
#include "recorded.h"
#include "semihosting.h"

static int64_t hours_on;

/* The number behind `name` in the command line, or `otherwise`. */
int64_t emulated_option(const char *name, int64_t otherwise)
{
    static char text[128];
    const struct {
        char *to;
        uint32_t nbytes;
    } line = {text, sizeof text};
    const char *at;
    if (!text[0] && semihosting(SYS_GET_CMDLINE, &line))
        return otherwise;
    for (at = text; *at; at++) {
        int64_t number = 0;
        int n = 0;
        while (name[n] && at[n] == name[n])
            n++;
        if (name[n])
            continue;
        for (at += n; *at >= '0' && *at <= '9'; at++)
            number = number * 10 + *at - '0';
        return number;
    }
    return otherwise;
}

int64_t board_time(void)
{
    return RECORDED_START + 3600 * (emulated_option("from=", 0) + hours_on);
}

int board_sleep(void)
{
    return ++hours_on >= emulated_option("hours=", RECORDED_HOURS);
}

void board_print(const char *line)
{
    semihosting(SYS_WRITE0, line);
    semihosting(SYS_WRITE0, "\n");
}
