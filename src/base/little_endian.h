// Numbers as they are stored in files: lowest byte first, on every machine.
#ifndef MICROGPT_LITTLE_ENDIAN_H
#define MICROGPT_LITTLE_ENDIAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    LITTLE_ENDIAN_CHUNK = 1024, // how many numbers to convert at a time, on the stack
};

static inline void little_endian_put_integer(uint64_t number, unsigned char *bytes)
{
    for (int i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(number >> (8 * i));
    }
}

static inline uint64_t little_endian_get_integer(const unsigned char *bytes)
{
    uint64_t number = 0;
    for (int i = 0; i < 8; i++) {
        number |= (uint64_t)bytes[i] << (8 * i);
    }
    return number;
}

// Shapes: numbers [n], bytes [8 n].
static inline void little_endian_put(const double *numbers, size_t n, unsigned char *bytes)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits;
        memcpy(&bits, &numbers[i], sizeof bits);
        little_endian_put_integer(bits, bytes + 8 * i);
    }
}

static inline void little_endian_get(const unsigned char *bytes, size_t n, double *numbers)
{
    for (size_t i = 0; i < n; i++) {
        uint64_t bits = little_endian_get_integer(bytes + 8 * i);
        memcpy(&numbers[i], &bits, sizeof bits);
    }
}

// Converts floats to doubles. n_each is 4, or 2 for bfloat16, which is the upper half of a float.
// Shapes: numbers [n], bytes [n_each n].
static inline void little_endian_get_floats(const unsigned char *bytes, size_t n_each, size_t n,
                                            double *numbers)
{
    for (size_t i = 0; i < n; i++) {
        uint32_t bits = 0;
        for (size_t k = 0; k < n_each; k++) {
            bits |= (uint32_t)bytes[n_each * i + k] << (8 * (4 - n_each + k));
        }
        float number;
        memcpy(&number, &bits, sizeof number);
        numbers[i] = (double)number;
    }
}

#endif
