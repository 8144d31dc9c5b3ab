/* SPDX-License-Identifier: MIT */
#include "shortest.h"

#include <string.h>

/*
 * The shortest decimals that read back as the same float32, the nearest among them: the method
 * "Ryu" (Adams 2018).  A float32 is m * 2^e; the interval of the decimals that round to it is
 * scaled by a power of ten, whose 5^q comes from a table of 64 bits, and digits are taken off
 * while the interval still holds a shorter number.
 */

enum { INVERSE_BITS = 59, POWER_BITS = 61 };

/* floor(2^(bits of 5^i - 1 + INVERSE_BITS) / 5^i) + 1 */
static const uint64_t inverse_of_power[31] = {
    0x0800000000000001u, 0x0666666666666667u, 0x051eb851eb851eb9u, 0x04189374bc6a7efau,
    0x068db8bac710cb2au, 0x053e2d6238da3c22u, 0x0431bde82d7b634eu, 0x06b5fca6af2bd216u,
    0x055e63b88c230e78u, 0x044b82fa09b5a52du, 0x06df37f675ef6eaeu, 0x057f5ff85e592558u,
    0x0465e6604b7a8447u, 0x0709709a125da071u, 0x05a126e1a84ae6c1u, 0x0480ebe7b9d58567u,
    0x0734aca5f6226f0bu, 0x05c3bd5191b525a3u, 0x049c97747490eae9u, 0x0760f253edb4ab0eu,
    0x05e72843249088d8u, 0x04b8ed0283a6d3e0u, 0x078e480405d7b966u, 0x060b6cd004ac9452u,
    0x04d5f0a66a23a9dbu, 0x07bcb43d769f762bu, 0x063090312bb2c4efu, 0x04f3a68dbc8f03f3u,
    0x07ec3daf94180651u, 0x065697bfa9acd1dau, 0x051212ffbaf0a7e2u,
};

/* the first POWER_BITS bits of 5^i */
static const uint64_t power[48] = {
    0x1000000000000000u, 0x1400000000000000u, 0x1900000000000000u, 0x1f40000000000000u,
    0x1388000000000000u, 0x186a000000000000u, 0x1e84800000000000u, 0x1312d00000000000u,
    0x17d7840000000000u, 0x1dcd650000000000u, 0x12a05f2000000000u, 0x174876e800000000u,
    0x1d1a94a200000000u, 0x12309ce540000000u, 0x16bcc41e90000000u, 0x1c6bf52634000000u,
    0x11c37937e0800000u, 0x16345785d8a00000u, 0x1bc16d674ec80000u, 0x1158e460913d0000u,
    0x15af1d78b58c4000u, 0x1b1ae4d6e2ef5000u, 0x10f0cf064dd59200u, 0x152d02c7e14af680u,
    0x1a784379d99db420u, 0x108b2a2c28029094u, 0x14adf4b7320334b9u, 0x19d971e4fe8401e7u,
    0x1027e72f1f128130u, 0x1431e0fae6d7217cu, 0x193e5939a08ce9dbu, 0x1f8def8808b02452u,
    0x13b8b5b5056e16b3u, 0x18a6e32246c99c60u, 0x1ed09bead87c0378u, 0x13426172c74d822bu,
    0x1812f9cf7920e2b6u, 0x1e17b84357691b64u, 0x12ced32a16a1b11eu, 0x178287f49c4a1d66u,
    0x1d6329f1c35ca4bfu, 0x125dfa371a19e6f7u, 0x16f578c4e0a060b5u, 0x1cb2d6f618c878e3u,
    0x11efc659cf7d4b8du, 0x166bb7f0435c9e71u, 0x1c06a5ec5433c60du, 0x118427b3b4a05bc8u,
};

static int bits_of_power(int i)
{
    return (int)(((uint32_t)i * 1217359u) >> 19) + 1;
}

static uint32_t scaled(uint32_t m, uint64_t factor, int shift)
{
    const uint64_t low = (uint64_t)m * (uint32_t)factor;
    const uint64_t high = (uint64_t)m * (uint32_t)(factor >> 32);
    return (uint32_t)(((low >> 32) + high) >> (shift - 32));
}

static uint32_t divided(uint32_t m, int q, int e2)
{
    const int shift = INVERSE_BITS + bits_of_power(q) - 1 - e2 + q;
    return scaled(m, inverse_of_power[q], shift);
}

static uint32_t multiplied(uint32_t m, int i, int q)
{
    return scaled(m, power[i], q - (bits_of_power(i) - POWER_BITS));
}

static int is_multiple_of_power(uint32_t m, int q)
{
    for (; q > 0; q--) {
        if (m % 5 != 0)
            return 0;
        m /= 5;
    }
    return 1;
}

/* The interval of a number, scaled to whole numbers of 10^exponent. */
typedef struct interval {
    uint32_t low, value, high;
    int exponent;
    uint32_t last; /* digit after those of value */
    int is_low_exact, is_value_exact;
} interval;

static interval interval_of(uint32_t fraction, uint32_t biased)
{
    const int e2 = (biased ? (int)biased : 1) - 127 - 23 - 2;
    const uint32_t m = biased ? fraction | 1u << 23 : fraction;
    const int is_even = (m & 1) == 0;
    const uint32_t wide = fraction != 0 || biased <= 1;
    const uint32_t value = 4 * m, high = value + 2, low = value - 1 - wide;
    interval v = {0, 0, 0, 0, 0, 0, 0};
    if (e2 >= 0) {
        const int q = (int)(((uint32_t)e2 * 78913u) >> 18);
        v.exponent = q;
        v.value = divided(value, q, e2);
        v.high = divided(high, q, e2);
        v.low = divided(low, q, e2);
        if (q != 0 && (v.high - 1) / 10 <= v.low / 10)
            v.last = divided(value, q - 1, e2) % 10;
        if (q <= 9) {
            if (value % 5 == 0)
                v.is_value_exact = is_multiple_of_power(value, q);
            else if (is_even)
                v.is_low_exact = is_multiple_of_power(low, q);
            else
                v.high -= (uint32_t)is_multiple_of_power(high, q);
        }
        return v;
    }
    const int q = (int)(((uint32_t)-e2 * 732923u) >> 20);
    const int i = -e2 - q;
    v.exponent = q + e2;
    v.value = multiplied(value, i, q);
    v.high = multiplied(high, i, q);
    v.low = multiplied(low, i, q);
    if (q != 0 && (v.high - 1) / 10 <= v.low / 10)
        v.last = multiplied(value, i + 1, q - 1) % 10;
    if (q <= 1) {
        v.is_value_exact = 1;
        if (is_even)
            v.is_low_exact = wide == 1;
        else
            v.high--;
    } else if (q < 31) {
        v.is_value_exact = (value & ((1u << (q - 1)) - 1)) == 0;
    }
    return v;
}

static void take_digit_off(interval *v)
{
    v->is_low_exact &= v->low % 10 == 0;
    v->is_value_exact &= v->last == 0;
    v->last = v->value % 10;
    v->value /= 10;
    v->high /= 10;
    v->low /= 10;
    v->exponent++;
}

/* Digits of a number that is neither 0 nor infinite, as a whole number of 10^exponent. */
static uint32_t shortest_digits(uint32_t fraction, uint32_t biased, int *exponent)
{
    interval v = interval_of(fraction, biased);
    const int is_even = (fraction & 1) == 0;
    while (v.high / 10 > v.low / 10)
        take_digit_off(&v);
    if (v.is_low_exact)
        while (v.low % 10 == 0)
            take_digit_off(&v);
    if (v.is_value_exact && v.last == 5 && v.value % 2 == 0)
        v.last = 4; /* halfway: to the even digit */
    const int is_below = v.value == v.low && !(is_even && v.is_low_exact);
    *exponent = v.exponent;
    return v.value + (uint32_t)(is_below || v.last >= 5);
}

static char *put(char *at, const char *digits, int number)
{
    memcpy(at, digits, (size_t)number);
    return at + number;
}

static char *put_zeros(char *at, int number)
{
    memset(at, '0', (size_t)number);
    return at + number;
}

/* `point`: digits before the decimal point, zero or less for 0.000d. */
static char *put_positional(char *at, const char *digits, int number, int point)
{
    if (point <= 0) {
        at = put_zeros(put(at, "0.", 2), -point);
        return put(at, digits, number);
    }
    if (number <= point) {
        at = put_zeros(put(at, digits, number), point - number);
        return put(at, ".0", 2);
    }
    at = put(put(at, digits, point), ".", 1);
    return put(at, digits + point, number - point);
}

static char *put_scientific(char *at, const char *digits, int number, int exponent)
{
    *at++ = digits[0];
    if (number > 1)
        at = put(put(at, ".", 1), digits + 1, number - 1);
    *at++ = 'e';
    *at++ = exponent < 0 ? '-' : '+';
    if (exponent < 0)
        exponent = -exponent;
    *at++ = (char)('0' + exponent / 10);
    *at++ = (char)('0' + exponent % 10);
    return at;
}

size_t shortest_text(float value, const plain_range *plain, char *text)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t fraction = bits & 0x7fffffu, biased = bits >> 23 & 0xffu;
    char *at = text;
    if (biased == 0xff)
        return 0;
    if (bits >> 31)
        *at++ = '-';
    if (fraction == 0 && biased == 0)
        return (size_t)(put(at, "0.0", 3) - text);
    int exponent;
    uint32_t whole = shortest_digits(fraction, biased, &exponent);
    char buffer[10];
    int first = 10;
    for (; whole; whole /= 10)
        buffer[--first] = (char)('0' + whole % 10);
    const int number = 10 - first, point = number + exponent;
    const float magnitude = value < 0 ? -value : value;
    if (magnitude >= plain->low && magnitude < plain->high)
        at = put_positional(at, buffer + first, number, point);
    else
        at = put_scientific(at, buffer + first, number, point - 1);
    return (size_t)(at - text);
}
