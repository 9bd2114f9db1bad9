// The parameters that two runs started from: see dump_start.h.
#include "compare/dump_start.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "compare/document_length.h"
#include "compare/path_index.h"
#include "compare/path_pattern.h"

// The correlation of independently drawn numbers is near 0; that of the same numbers after
// different training remains near 1.
#define LEAST_CORRELATION 0.3

enum {
    FEW_PARAMETERS = 24, // fewer parameters are not enough to tell
};

// The sums for the correlation of two sides, whose means are near 0.
typedef struct Sums {
    size_t n;
    double aa;
    double ab;
    double bb;
    size_t tokens[2]; // how many rows of wte have a gradient only on one side
} Sums;

static void add(Sums *sums, double a, double b)
{
    sums->n++;
    sums->aa += a * a;
    sums->ab += a * b;
    sums->bb += b * b;
}

static bool is_parameter(const char *path)
{
    return strncmp(path, "pos", 3) != 0 && strchr(path, ',') != NULL;
}

// Splits `lm_head[3,7]` into `lm_head[` and its indices.
static bool split(const char *path, int *length, unsigned *row, unsigned *column)
{
    const char *bracket = strchr(path, '[');
    *length = bracket != NULL ? (int)(bracket - path) + 1 : 0;
    return bracket != NULL && sscanf(bracket, "[%8u,%8u]", row, column) == 2;
}

// Adds the numbers of one matrix: A's parameters from `begin` on, up to the next matrix. B may have
// it transposed. Returns where the next matrix begins.
static size_t add_matrix(const NodeDump *a, size_t begin, const PathIndex *b, Sums *sums)
{
    int length;
    unsigned row;
    unsigned column;
    Sums as_it_is = {0};
    Sums transposed = {0};
    const char *name = dump_path(a, begin);
    size_t i = begin;
    split(name, &length, &row, &column);
    for (; i < a->n_nodes && strncmp(dump_path(a, i), name, (size_t)length) == 0; i++) {
        const char *path = dump_path(a, i);
        uint32_t node_id = path_index_find(b, path);
        if (node_id != NO_NODE) {
            add(&as_it_is, a->data[i], b->dump->data[node_id]);
        }
        if (split(path, &length, &row, &column)) {
            char swapped[PATTERN_BYTES];
            snprintf(swapped, sizeof swapped, "%.*s%u,%u]", length, path, column, row);
            node_id = path_index_find(b, swapped);
        }
        if (node_id != NO_NODE) {
            add(&transposed, a->data[i], b->dump->data[node_id]);
        }
    }
    const Sums *nearer = transposed.ab > as_it_is.ab ? &transposed : &as_it_is;
    sums->n += nearer->n;
    sums->aa += nearer->aa;
    sums->ab += nearer->ab;
    sums->bb += nearer->bb;
    return i;
}

// Counts the tokens of which only one side has gradients.
static void count_tokens(const NodeDump *a, const PathIndex *b, size_t *tokens)
{
    for (size_t i = 0; i < a->n_nodes; i++) {
        const char *path = dump_path(a, i);
        const char *comma = strchr(path, ',');
        bool is_first = strncmp(path, "wte[", 4) == 0 && comma != NULL && strcmp(comma, ",0]") == 0;
        uint32_t node_id = is_first ? path_index_find(b, path) : NO_NODE;
        if (node_id != NO_NODE) {
            tokens[0] += a->grad[i] != 0 && b->dump->grad[node_id] == 0;
            tokens[1] += a->grad[i] == 0 && b->dump->grad[node_id] != 0;
        }
    }
}

static bool add_by_path(const NodeDump *a, const NodeDump *b, Sums *sums, Error *error)
{
    PathIndex index;
    if (!path_index_init(&index, b, error)) {
        return false;
    }
    for (size_t i = 0; i < a->n_nodes;) {
        i = is_parameter(dump_path(a, i)) ? add_matrix(a, i, &index, sums) : i + 1;
    }
    count_tokens(a, &index, sums->tokens);
    path_index_free(&index);
    return true;
}

static void add_by_index(const NodeDump *a, const NodeDump *b, Sums *sums)
{
    size_t n_a = dump_n_leading_leaves(a);
    size_t n_b = dump_n_leading_leaves(b);
    for (size_t i = 0; i < n_a && i < n_b; i++) {
        add(sums, a->data[i], b->data[i]);
    }
}

static bool add_parameters(const NodeDump *a, const NodeDump *b, Sums *sums, Error *error)
{
    if (a->has_names && b->has_names) {
        return add_by_path(a, b, sums, error);
    }
    if (!a->is_sparse && !b->is_sparse) {
        add_by_index(a, b, sums);
    }
    return true;
}

// Returns whether the parameters of the two are unrelated: they were initialised differently, and
// not only trained differently.
static bool has_other_start(const Sums *sums)
{
    double size = sqrt(sums->aa) * sqrt(sums->bb);
    return sums->n >= FEW_PARAMETERS && size > 0 && sums->ab < LEAST_CORRELATION * size;
}

// Returns whether the documents have several other tokens. A port that looks up a wrong row has
// one.
static bool has_other_tokens(const Sums *sums)
{
    return sums->tokens[0] > 0 && sums->tokens[1] > 0 && sums->tokens[0] + sums->tokens[1] > 2;
}

static void add_warning(DumpWarnings *warnings, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(warnings->lines[warnings->n++], ABOUT_WARNING_BYTES, format, arguments);
    va_end(arguments);
}

// Returns whether a full dump has gradients, but not that of a loss: of a cut one, the end is
// missing.
static bool ends_early(const NodeDump *dump)
{
    bool has_grads = false;
    for (size_t i = 0; i < dump->n_nodes && !dump->is_sparse; i++) {
        if (dump->grad[i] == 1 && dump_n_children(dump, i) > 0) {
            return false;
        }
        has_grads = has_grads || dump->grad[i] != 0;
    }
    return has_grads;
}

static void warn_of_digits(DumpWarnings *warnings, char side, const NodeDump *dump)
{
    if (printed_digits_are_few(&dump->printed)) {
        add_warning(warnings,
                    "%c's numbers were printed with too few digits, so they differ from those that "
                    "it computed: write them with %%a or %%.17g (floats with %%.9g)",
                    side);
    }
}

static void warn_of_end(DumpWarnings *warnings, char side, const NodeDump *dump)
{
    if (ends_early(dump)) {
        add_warning(warnings,
                    "%c ends early, at node %zu: no node has a loss's gradient, 1; if writing the "
                    "dump was interrupted, write it again",
                    side, dump->n_nodes - 1);
    }
}

// Returns whether a dump that shows no positions has gradients of fewer ones than the other dump.
static bool has_fewer_grads(DocumentLength length, DocumentLength other)
{
    return length.of_paths == 0 && length.of_grads > 0 && length.shows_end &&
           length.of_grads < other.of_grads;
}

static void warn_of_lengths(DumpWarnings *warnings, DocumentLength a, DocumentLength b)
{
    if (document_lengths_differ(a, b)) {
        add_warning(warnings,
                    "A is of a document of %zu positions, B of one of %zu: the loss and the "
                    "gradients cannot agree",
                    a.of_paths, b.of_paths);
    } else if (has_fewer_grads(a, b) || has_fewer_grads(b, a)) {
        add_warning(warnings,
                    "A has gradients of %zu positions in wpe, B of %zu, as if their documents had "
                    "different lengths",
                    a.of_grads, b.of_grads);
    }
}

bool dump_warnings_find(DumpWarnings *warnings, const NodeDump *a, const NodeDump *b, Error *error)
{
    Sums sums = {0};
    warnings->n = dump_about_warn(&a->says, &b->says, warnings->lines);
    if (!add_parameters(a, b, &sums, error)) {
        return false;
    }
    warn_of_digits(warnings, 'A', a);
    warn_of_digits(warnings, 'B', b);
    warn_of_end(warnings, 'A', a);
    warn_of_end(warnings, 'B', b);
    warn_of_lengths(warnings, document_length(a), document_length(b));
    if (has_other_tokens(&sums)) {
        add_warning(
            warnings,
            "A has gradients of %zu tokens in wte that B has none of, and B of %zu that A "
            "has none of: they are of different documents, or number the tokens differently",
            sums.tokens[0], sums.tokens[1]);
    }
    if (has_other_start(&sums)) {
        add_warning(warnings, "%s",
                    "the parameters have nothing in common, so nothing else can agree: B reads "
                    "another data set, has another seed, or draws its own numbers; see "
                    "docs/porting.md");
    }
    return true;
}
