/* SPDX-License-Identifier: MIT */
#include "report.h"

#include "weather.h"

static uint32_t bits_of(float value)
{
    union {
        float value;
        uint32_t bits;
    } word;
    word.value = value;
    return word.bits;
}

static char *put_text(char *to, const char *text)
{
    while (*text)
        *to++ = *text++;
    return to;
}

static char *put_number(char *to, uint64_t number)
{
    char digits[20];
    int n = 0;
    do
        digits[n++] = (char)('0' + number % 10);
    while (number /= 10);
    while (n)
        *to++ = digits[--n];
    return to;
}

/* One decimal; a value that is missing or out of all reason is `-`. */
static char *put_tenths(char *to, float value)
{
    int32_t tenths;
    if (!(value > -1e6f && value < 1e6f))
        return put_text(to, "-");
    tenths = (int32_t)(value * 10.0f + (value < 0 ? -0.5f : 0.5f));
    if (tenths < 0) {
        *to++ = '-';
        tenths = -tenths;
    }
    to = put_number(to, (uint64_t)(tenths / 10));
    *to++ = '.';
    return put_number(to, (uint64_t)(tenths % 10));
}

void report_line(char text[REPORT_NBYTES], int64_t time, float reading, float forecast)
{
    const uint32_t bits = bits_of(forecast);
    char *to = put_number(text, (uint64_t)time);
    int shift;
    to = put_text(to, ": ");
    to = put_tenths(to, reading);
    to = put_text(to, " C, in ");
    to = put_number(to, WEATHER_OUTPUT_SIZE);
    to = put_text(to, " h ");
    to = put_tenths(to, forecast);
    to = put_text(to, " C [");
    for (shift = 28; shift >= 0; shift -= 4)
        *to++ = "0123456789abcdef"[bits >> shift & 15];
    *to++ = ']';
    *to = 0;
}
