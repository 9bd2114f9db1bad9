// Checks texts that a user gives to a model.
#ifndef MICROGPT_MODEL_TEXT_H
#define MICROGPT_MODEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/dataset.h"
#include "microgpt/error.h"
#include "microgpt/tokenizer.h"

// Checks that all characters of the text are in the alphabet, and counts them. Error messages refer
// to the text as name.
// Errors: a character that is not UTF-8, or not in the alphabet.
bool model_text_check(const char *name, Document text, const Tokenizer *tokenizer,
                      size_t *n_characters, Error *error);

// Checks that BOS and n_characters characters fit into the context.
bool model_text_check_length(const char *name, size_t n_characters, size_t block_size,
                             Error *error);

#endif
