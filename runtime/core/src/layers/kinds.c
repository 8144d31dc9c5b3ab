/* SPDX-License-Identifier: MIT */
#include "kinds.h"

#define POINTER(name) &rnne_kind_##name,

const rnne_kind *rnne_kind_of(uint32_t number)
{
    static const rnne_kind *const kinds[] = {RNNE_KINDS(POINTER)};
    return number >= 1 && number <= sizeof kinds / sizeof kinds[0] ? kinds[number - 1] : NULL;
}
