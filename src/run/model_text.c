// Checks texts, character by character: see model_text.h.
#include "run/model_text.h"

#include <inttypes.h>

#include "python/utf8.h"

static bool check_character(const char *name, const char *bytes, size_t size, size_t n_before,
                            const Tokenizer *tokenizer, size_t *n_bytes, Error *error)
{
    uint32_t code_point;
    *n_bytes = utf8_read(bytes, size, &code_point);
    if (*n_bytes == 0) {
        return error_set(error, "%s: character %zu is not UTF-8", name, n_before + 1);
    }
    if (tokenizer_find(tokenizer, code_point) < 0) {
        return error_set(error,
                         "%s: character %zu (U+%04" PRIX32 ", '%.*s') is not among the %d that the "
                         "model knows",
                         name, n_before + 1, code_point, (int)*n_bytes, bytes, tokenizer->n_uchars);
    }
    return true;
}

bool model_text_check(const char *name, Document text, const Tokenizer *tokenizer,
                      size_t *n_characters, Error *error)
{
    size_t n_bytes;
    *n_characters = 0;
    for (size_t offset = 0; offset < text.size; offset += n_bytes) {
        if (!check_character(name, text.text + offset, text.size - offset, *n_characters, tokenizer,
                             &n_bytes, error)) {
            return false;
        }
        *n_characters += 1;
    }
    return true;
}

bool model_text_check_length(const char *name, size_t n_characters, size_t block_size, Error *error)
{
    return n_characters < block_size ||
           error_set(error,
                     "%s: has %zu characters; BOS takes one of the model's %zu positions "
                     "(--block-size), so it must have fewer than %zu",
                     name, n_characters, block_size, block_size);
}
