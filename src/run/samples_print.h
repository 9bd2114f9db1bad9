// Prints new names on standard output, as microgpt.py does.
#ifndef MICROGPT_SAMPLES_PRINT_H
#define MICROGPT_SAMPLES_PRINT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/microgpt.h"

// Prints the headline and n samples. On a terminal, prints `?` for the characters that printable.h
// replaces.
// Errors: as sampler_next; standard output cannot be written.
bool samples_print(const Tokenizer *tokenizer, Sampler *sampler, size_t n_samples, Error *error);

#endif
