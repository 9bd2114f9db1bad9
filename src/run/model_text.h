// Texts that a user gives to a model.
#ifndef MICROGPT_MODEL_TEXT_H
#define MICROGPT_MODEL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/dataset.h"
#include "microgpt/error.h"
#include "microgpt/tokenizer.h"

// Whether the model knows all characters of the text; counts them. name stands for the text in
// errors. Errors: one that is not UTF-8, or not among those trained on.
bool model_text_check(const char *name, Document text, const Tokenizer *tokenizer,
                      size_t *n_characters, Error *error);

// Whether so many characters, and BOS in front of them, fit into the context.
bool model_text_check_length(const char *name, size_t n_characters, size_t block_size,
                             Error *error);

#endif
