/* SPDX-License-Identifier: MIT */
/*
 * One thread at a time inside a stream or a fleet.  A call takes the object in one atomic exchange
 * before it reads or writes anything of it, and gives it back when it is done.  That holds where
 * calls release the interpreter's lock, where Python code runs between two lines of C (a collector,
 * an object's buffer), and in an interpreter without such a lock.
 */
#ifndef RNNE_USE_H
#define RNNE_USE_H

#ifdef _MSC_VER
#include <intrin.h>
#endif

typedef long use_flag; /* 1 while a thread is inside */

/* raise_busy() raises StateError: another thread is inside `owner`. */
void raise_busy(const char *owner);

static inline long exchange_use(use_flag *use, long value)
{
#ifdef _MSC_VER
    return _InterlockedExchange(use, value);
#else
    return __atomic_exchange_n(use, value, __ATOMIC_ACQUIRE);
#endif
}

/* take_use() enters `owner`; 0, or -1 with StateError while another thread is inside. */
static inline int take_use(use_flag *use, const char *owner)
{
    if (!exchange_use(use, 1))
        return 0;
    raise_busy(owner);
    return -1;
}

static inline void leave_use(use_flag *use)
{
#ifdef _MSC_VER
    _InterlockedExchange(use, 0);
#else
    __atomic_store_n(use, 0, __ATOMIC_RELEASE);
#endif
}

#endif
