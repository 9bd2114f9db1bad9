// The version of the library: see include/microgpt/version.h.
#include "microgpt/version.h"

const char *microgpt_version(void)
{
    return MICROGPT_VERSION;
}
