// Turns characters into token ids and back: see include/microgpt/tokenizer.h.
//
// Implements `uchars`, `BOS` and `tokens` of microgpt.py. The data set comes before it, the engine
// after it.
#include "microgpt/tokenizer.h"

#include <assert.h>
#include <stdlib.h>

#include "python/utf8.h"

// Sets used[code_point] for every code point that occurs in a document.
static void mark_characters(const Dataset *dataset, bool *used)
{
    for (size_t doc_id = 0; doc_id < dataset->n_docs; doc_id++) {
        Document doc = dataset->docs[doc_id];
        size_t offset = 0;
        while (offset < doc.size) {
            uint32_t code_point = 0;
            size_t n = utf8_read(doc.text + offset, doc.size - offset, &code_point);
            assert(n > 0);
            used[code_point] = true;
            offset += n;
        }
    }
}

static int count_characters(const bool *used)
{
    int n = 0;
    for (uint32_t code_point = 0; code_point <= UTF8_MAX_CODE_POINT; code_point++) {
        n += used[code_point];
    }
    return n;
}

bool tokenizer_init(Tokenizer *tokenizer, const Dataset *dataset, Error *error)
{
    assert(tokenizer != NULL && dataset != NULL && dataset->n_docs > 0);
    size_t n_marks = UTF8_MAX_CODE_POINT + 1;
    bool *used = calloc(n_marks, sizeof *used);
    if (used == NULL) {
        return error_out_of_memory(error, "the alphabet", n_marks);
    }
    mark_characters(dataset, used);
    int n_uchars = count_characters(used);
    uint32_t *uchars = calloc((size_t)n_uchars, sizeof *uchars);
    if (uchars == NULL) {
        free(used);
        return error_out_of_memory(error, "the alphabet", (size_t)n_uchars * sizeof *uchars);
    }
    int token_id = 0;
    for (uint32_t code_point = 0; code_point <= UTF8_MAX_CODE_POINT; code_point++) {
        if (used[code_point]) {
            uchars[token_id] = code_point;
            token_id++;
        }
    }
    free(used);
    *tokenizer = (Tokenizer){
        .uchars = uchars,
        .n_uchars = n_uchars,
        .bos = n_uchars,
        .vocab_size = n_uchars + 1,
    };
    return true;
}

void tokenizer_free(Tokenizer *tokenizer)
{
    assert(tokenizer != NULL);
    free(tokenizer->uchars);
    *tokenizer = (Tokenizer){0};
}

// A binary search without branches on the result of a comparison. Letters follow no pattern, so a
// processor would mispredict half of such branches, and looking up a name's letters would take
// longer than computing its loss.
int tokenizer_find(const Tokenizer *tokenizer, uint32_t code_point)
{
    const uint32_t *uchars = tokenizer->uchars; // the code point is among n of these
    int n = tokenizer->n_uchars;
    while (n > 1) {
        int half = n / 2;
        uchars += uchars[half] <= code_point ? half : 0;
        n -= half;
    }
    return n == 1 && *uchars == code_point ? (int)(uchars - tokenizer->uchars) : -1;
}

size_t tokenizer_encode(const Tokenizer *tokenizer, Document doc, int *tokens, size_t max_tokens)
{
    assert(tokenizer != NULL && (tokens != NULL || max_tokens == 0));
    size_t n_tokens = 0;
    size_t offset = 0;
    if (n_tokens < max_tokens) {
        tokens[n_tokens] = tokenizer->bos;
        n_tokens++;
    }
    while (offset < doc.size && n_tokens < max_tokens) {
        uint32_t code_point = 0;
        offset += utf8_read(doc.text + offset, doc.size - offset, &code_point);
        int token_id = tokenizer_find(tokenizer, code_point);
        assert(token_id >= 0);
        tokens[n_tokens] = token_id;
        n_tokens++;
    }
    if (n_tokens < max_tokens) {
        tokens[n_tokens] = tokenizer->bos;
        n_tokens++;
    }
    return n_tokens;
}

_Static_assert((int)TOKENIZER_MAX_BYTES == (int)UTF8_MAX_BYTES, "a token is a character");

size_t tokenizer_decode(const Tokenizer *tokenizer, int token_id, char *out)
{
    assert(tokenizer != NULL && token_id >= 0 && token_id < tokenizer->vocab_size);
    if (token_id == tokenizer->bos) {
        return 0;
    }
    return utf8_write(tokenizer->uchars[token_id], out);
}
