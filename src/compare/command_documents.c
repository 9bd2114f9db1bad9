// `microgpt documents`: writes the documents in the order in which training uses them, with their
// tokens, for a port with other random numbers.
#include "compare/compare_commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/command_files.h"
#include "cli/json_out.h"
#include "cli/options.h"
#include "cli/out_file.h"
#include "microgpt/dataset.h"
#include "microgpt/random.h"
#include "microgpt/tokenizer.h"
#include "run/run_options.h"

typedef struct DocumentsOptions {
    Options list; // points into this struct, which must not move
    RunOptions run;
    const char *output;
} DocumentsOptions;

static const char usage[] = "documents [OPTION ...]";
static const char summary[] =
    "Writes the documents in the order in which training uses them. Each line has the step, the\n"
    "tokens with BOS at both ends, and the document as a JSON string, separated by tabs.\n";

static bool parse(DocumentsOptions *chosen, int argc, char **argv, Error *error)
{
    *chosen = (DocumentsOptions){.run = run_options_default()};
    Options *list = &chosen->list;
    list->usage = usage;
    list->summary = summary;
    options_add(list, (Option){"output", &chosen->output, "FILE", "the file to write", OPTION_TEXT,
                               .default_text = "standard output"});
    options_add_help(list);
    run_options_add(list, &chosen->run, RUN_DATA);
    options_add(list, (Option){"seed", &chosen->run.seed, "N", "seed of the shuffle", OPTION_SEED,
                               .group = OPTION_OWN});
    return options_parse(list, argc, argv, error);
}

static bool write_about(FILE *file, uint64_t seed, size_t n_docs, const Tokenizer *tokenizer,
                        Error *error)
{
    JsonOut json = json_out_begin();
    json_out_count(&json, json.root, "seed", seed);
    json_out_count(&json, json.root, "n_documents", n_docs);
    json_out_integer(&json, json.root, "vocab_size", tokenizer->vocab_size);
    json_out_integer(&json, json.root, "bos", tokenizer->bos);
    fputs("# microgpt-documents 1 ", file);
    return json_out_write_line(&json, file, error);
}

static bool write_document(FILE *file, size_t step, Document document, const int *tokens,
                           size_t n_tokens, Error *error)
{
    fprintf(file, "%zu\t", step);
    for (size_t i = 0; i < n_tokens; i++) {
        fprintf(file, "%s%d", i > 0 ? " " : "", tokens[i]);
    }
    fputc('\t', file);
    bool ok = json_out_write_text(file, document.text, document.size, error);
    fputc('\n', file);
    return ok;
}

static bool write_documents(const DocumentsOptions *chosen, const Dataset *dataset,
                            const Tokenizer *tokenizer, Error *error)
{
    size_t longest = 0; // in bytes; a character has at least one
    for (size_t i = 0; i < dataset->n_docs; i++) {
        longest = dataset->docs[i].size > longest ? dataset->docs[i].size : longest;
    }
    OutFile out;
    int *tokens = calloc(longest + 2, sizeof *tokens);
    if (tokens == NULL) {
        return error_out_of_memory(error, "the tokens", (longest + 2) * sizeof *tokens);
    }
    if (!out_file_open(&out, chosen->output, error)) {
        free(tokens);
        return false;
    }
    bool ok = write_about(out.file, chosen->run.seed, dataset->n_docs, tokenizer, error);
    for (size_t i = 0; ok && i < dataset->n_docs; i++) {
        size_t n_tokens = tokenizer_encode(tokenizer, dataset->docs[i], tokens, longest + 2);
        ok = write_document(out.file, i + 1, dataset->docs[i], tokens, n_tokens, error);
    }
    free(tokens);
    if (!ok) {
        out_file_discard(&out);
        return false;
    }
    return out_file_close(&out, error);
}

static bool run(const DocumentsOptions *chosen, Error *error)
{
    const char *data = chosen->run.data;
    Dataset dataset;
    Tokenizer tokenizer;
    if (!(data != NULL ? dataset_read(&dataset, data, error) : dataset_default(&dataset, error))) {
        return false;
    }
    Random random;
    random_seed(&random, chosen->run.seed);
    dataset_shuffle(&dataset, &random);
    bool ok = tokenizer_init(&tokenizer, &dataset, error);
    if (ok) {
        ok = write_documents(chosen, &dataset, &tokenizer, error);
        tokenizer_free(&tokenizer);
    }
    dataset_free(&dataset);
    return ok;
}

ExitStatus command_documents(int argc, char **argv, Error *error)
{
    DocumentsOptions chosen;
    if (!parse(&chosen, argc, argv, error)) {
        return EXIT_USAGE;
    }
    if (options_answer(&chosen.list)) {
        return EXIT_DONE;
    }
    const CommandFile files[] = {
        {chosen.run.data, FILE_READ, "--data", "the data file"},
        {chosen.output, FILE_REPLACED, "--output", "the output"},
    };
    ExitStatus status = command_files_check(files, sizeof files / sizeof files[0], false, error);
    if (status != EXIT_DONE) {
        return status;
    }
    return run(&chosen, error) ? EXIT_DONE : EXIT_FAILED;
}
