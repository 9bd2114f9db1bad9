// A file without a name for a fuzzer's input: quick to write, and deleted when the process ends.
#ifndef MICROGPT_FUZZ_FILE_H
#define MICROGPT_FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

// What the fuzzer calls with each input, and the replay with each file of the corpus.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

// Makes the bytes a file's, and returns a path that leads to it.
static inline const char *fuzz_file(const void *bytes, size_t size)
{
    static int fd = -1;
    static char path[32];
    if (fd < 0) {
        fd = memfd_create("fuzz", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size) {
        perror("memfd");
        exit(EXIT_FAILURE);
    }
    return path;
}

#endif
