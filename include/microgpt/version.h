// The version of the library. While it begins with 0, the interface may change with the number
// behind that, and the shared library's name with it.
#ifndef MICROGPT_VERSION_H
#define MICROGPT_VERSION_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

// The version of these headers.
#define MICROGPT_VERSION "0.1.0"

// The version of the library that the program runs with.
const char *microgpt_version(void);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
