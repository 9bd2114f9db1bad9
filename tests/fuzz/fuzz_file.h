// A file without a name for a fuzzer's input, deleted when the process ends.
#ifndef MICROGPT_FUZZ_FILE_H
#define MICROGPT_FUZZ_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// The fuzzer calls this with each input, and replay.c with each file of the corpus.
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

// Writes the bytes to a file, and returns its path.
static inline const char *fuzz_file(const void *bytes, size_t size)
{
    static FILE *file;
    static char path[32];
    if (file == NULL) {
        file = tmpfile();
    }
    int fd = file != NULL ? fileno(file) : -1;
    if (fd < 0 || ftruncate(fd, 0) != 0 || pwrite(fd, bytes, size, 0) != (ssize_t)size) {
        perror("tmpfile");
        exit(EXIT_FAILURE);
    }
    snprintf(path, sizeof path, "/dev/fd/%d", fd);
    return path;
}

#endif
