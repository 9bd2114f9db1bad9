// Prints samples: see samples_print.h.
#include "run/samples_print.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/out_file.h"
#include "cli/printable.h"

// Prints a sample unchanged to a file or pipe; a terminal gets no control characters.
static void print_sample(const Tokenizer *tokenizer, const Sampler *sampler, size_t sample_id,
                         bool is_terminal)
{
    printf("sample %2zu: ", sample_id + 1);
    for (size_t i = 0; i < sampler->n_tokens; i++) {
        char text[TOKENIZER_MAX_BYTES];
        size_t n = tokenizer_decode(tokenizer, sampler->tokens[i], text);
        if (is_terminal) {
            printable_write(stdout, text, n);
        } else {
            fwrite(text, 1, n, stdout);
        }
    }
    printf("\n");
}

bool samples_print(const Tokenizer *tokenizer, Sampler *sampler, size_t n_samples, Error *error)
{
    bool is_terminal = isatty(STDOUT_FILENO) == 1;
    printf("--- inference (new, hallucinated names) ---\n");
    for (size_t sample_id = 0; sample_id < n_samples; sample_id++) {
        if (!sampler_next(sampler, error)) {
            return false;
        }
        print_sample(tokenizer, sampler, sample_id, is_terminal);
        if (!output_check(error)) {
            return false;
        }
    }
    return true;
}
