// Reads any bytes as a data set: rejects it with one line, or the documents can be encoded and
// decoded.
#include <string.h>

#include "fuzz/fuzz_file.h"
#include "microgpt/microgpt.h"
#include "python/utf8.h"

static void must_hold(bool ok)
{
    if (!ok) {
        abort();
    }
}

// Checks that the tokens of a document give the same document.
static void check_round_trip(const Tokenizer *tokenizer, Document doc)
{
    size_t max_tokens = doc.size + 2;
    int *tokens = calloc(max_tokens, sizeof *tokens);
    char *text = calloc(doc.size + UTF8_MAX_BYTES, 1);
    must_hold(tokens != NULL && text != NULL);
    size_t n_tokens = tokenizer_encode(tokenizer, doc, tokens, max_tokens);
    must_hold(n_tokens >= 3 && tokens[0] == tokenizer->bos);
    must_hold(tokens[n_tokens - 1] == tokenizer->bos);
    size_t size = 0;
    for (size_t i = 1; i + 1 < n_tokens; i++) {
        size += tokenizer_decode(tokenizer, tokens[i], text + size);
    }
    must_hold(size == doc.size && memcmp(text, doc.text, size) == 0);
    free(tokens);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    Dataset dataset;
    Tokenizer tokenizer;
    Error error;
    if (!dataset_read(&dataset, fuzz_file(bytes, size), &error)) {
        must_hold(strchr(error.message, '\n') == NULL);
        return 0;
    }
    must_hold(dataset.n_docs > 0);
    if (size % 16 != 0) { // collecting an alphabet goes through all of Unicode: few inputs do
        dataset_free(&dataset);
        return 0;
    }
    must_hold(tokenizer_init(&tokenizer, &dataset, &error));
    Random random;
    random_seed(&random, 42);
    dataset_shuffle(&dataset, &random);
    for (size_t doc_id = 0; doc_id < dataset.n_docs; doc_id++) {
        check_round_trip(&tokenizer, dataset.docs[doc_id]);
    }
    tokenizer_free(&tokenizer);
    dataset_free(&dataset);
    return 0;
}
