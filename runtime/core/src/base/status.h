/* SPDX-License-Identifier: MIT */
#ifndef RNNE_STATUS_H
#define RNNE_STATUS_H

#include "rnnedge.h"

/* Notes status and offset in error, if there is one, and returns status. */
rnne_status rnne_fail(rnne_error *error, rnne_status status, size_t offset);

#endif
