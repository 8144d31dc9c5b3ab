/* SPDX-License-Identifier: MIT */
#include "status.h"

rnne_status rnne_fail(rnne_error *error, rnne_status status, size_t offset)
{
    if (error) {
        error->status = status;
        error->offset = offset;
    }
    return status;
}

const char *rnne_status_text(rnne_status status)
{
    switch (status) {
    case RNNE_OK: return "no error";
    case RNNE_NOT_A_MODEL: return "not an .rnne file";
    case RNNE_NEWER_VERSION: return "written for a newer version of the format";
    case RNNE_TRUNCATED: return "cut short";
    case RNNE_BAD_CHECKSUM: return "the checksum does not match, the content was changed";
    case RNNE_BAD_SECTION: return "a section is missing, repeated, out of place or of odd size";
    case RNNE_UNSUPPORTED: return "something this version or machine does not know";
    case RNNE_BAD_MODEL: return "the description of the model does not hold together";
    case RNNE_BAD_WEIGHTS: return "a weight is NaN, infinite or out of its range";
    case RNNE_MEMORY_TOO_SMALL: return "the memory given is too small";
    case RNNE_BAD_SNAPSHOT: return "not a snapshot, or one that was cut short or changed";
    case RNNE_OTHER_MODEL: return "the snapshot of another model";
    case RNNE_REJECTED: return "a reading is missing or out of its range, and rejected";
    case RNNE_BAD_INDEX: return "no such stream in the fleet, or no such state tensor";
    case RNNE_MISMATCH: return "an output differs from the recorded one";
    case RNNE_TOO_LARGE: return "too large for the address space of this machine";
    }
    return "unknown status";
}
