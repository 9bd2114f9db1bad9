// Converts text to token ids and back. Each character of the alphabet is a token, in the order of
// the code points; BOS comes last.
#ifndef MICROGPT_TOKENIZER_H
#define MICROGPT_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "microgpt/dataset.h"
#include "microgpt/error.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct Tokenizer {
    uint32_t *uchars; // the distinct code points, sorted; a character's token id is its place here
    int n_uchars;
    int bos;        // the token that begins and ends a document, == n_uchars
    int vocab_size; // V, == n_uchars + 1
} Tokenizer;

// Collects the alphabet of the documents.
// Source: uchars = sorted(set(''.join(docs)))
// Errors: out of memory.
bool tokenizer_init(Tokenizer *tokenizer, const Dataset *dataset, Error *error);

void tokenizer_free(Tokenizer *tokenizer);

// The token of a character, or -1 where the alphabet does not have it.
int tokenizer_find(const Tokenizer *tokenizer, uint32_t code_point);

// BOS, the characters, BOS; no more than max_tokens of them. Returns how many were written.
// Shapes: tokens [max_tokens].
// Requires: valid UTF-8, every character in the alphabet (a document of the data set is both).
size_t tokenizer_encode(const Tokenizer *tokenizer, Document doc, int *tokens, size_t max_tokens);

// The UTF-8 of one token; returns how many bytes, 0 for BOS.
// Shapes: out [UTF8_MAX_BYTES].
// Requires: 0 <= token_id < vocab_size.
size_t tokenizer_decode(const Tokenizer *tokenizer, int token_id, char *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
