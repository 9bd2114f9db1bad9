// Converts text to token ids and back. Each character of the alphabet is a token; token ids are in
// the order of the code points, and BOS is the last one.
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

enum {
    TOKENIZER_MAX_BYTES = 4, // of a token's UTF-8
};

typedef struct Tokenizer {
    uint32_t *uchars; // the distinct code points, sorted; a character's token id is its index
    int n_uchars;
    int bos;        // the token before and after a document, == n_uchars
    int vocab_size; // V, == n_uchars + 1
} Tokenizer;

// Collects the alphabet of the documents.
// Source: uchars = sorted(set(''.join(docs)))
// Errors: out of memory.
bool tokenizer_init(Tokenizer *tokenizer, const Dataset *dataset, Error *error);

void tokenizer_free(Tokenizer *tokenizer);

// Returns the token id of a character, or -1 if the alphabet does not contain it.
int tokenizer_find(const Tokenizer *tokenizer, uint32_t code_point);

// Writes the tokens BOS, the characters, BOS, but only the first max_tokens of them. Returns how
// many it wrote.
// Shapes: tokens [max_tokens].
// Requires: valid UTF-8, every character in the alphabet (true for documents of the data set).
size_t tokenizer_encode(const Tokenizer *tokenizer, Document doc, int *tokens, size_t max_tokens);

// Writes the UTF-8 of a token and returns how many bytes it has: 0 for BOS.
// Shapes: out [TOKENIZER_MAX_BYTES].
// Requires: 0 <= token_id < vocab_size.
size_t tokenizer_decode(const Tokenizer *tokenizer, int token_id, char *out);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
