// The version of the library. While the major version is 0, the interface may change with each
// minor version; the name of the shared library then changes as well.
#ifndef MICROGPT_VERSION_H
#define MICROGPT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// The version of these headers.
#define MICROGPT_VERSION "0.1.0"

// Returns the version of the library that the program has loaded.
const char *microgpt_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
