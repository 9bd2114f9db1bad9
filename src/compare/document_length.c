// The lengths of documents: see document_length.h.
#include "compare/document_length.h"

#include <stdlib.h>
#include <string.h>

// The rows of a matrix that have a gradient other than 0.
typedef struct Rows {
    size_t n;
    size_t last;
} Rows;

static void add_row(Rows *rows, size_t row, double grad)
{
    if (grad != 0 && (rows->n == 0 || row != rows->last)) {
        rows->n++;
        rows->last = row;
    }
}

DocumentLength document_length(const NodeDump *dump)
{
    DocumentLength length = {.of_paths = 0};
    size_t last_row = 0;
    Rows positions = {0, 0};
    Rows tokens = {0, 0};
    for (size_t i = 0; i < dump->n_nodes && dump->has_names; i++) {
        const char *path = dump_path(dump, i);
        if (strncmp(path, "pos", 3) == 0) {
            size_t n = (size_t)strtoul(path + 3, NULL, 10) + 1;
            length.of_paths = n > length.of_paths ? n : length.of_paths;
        } else if (strncmp(path, "wpe[", 4) == 0) {
            size_t row = (size_t)strtoul(path + strlen("wpe["), NULL, 10);
            last_row = row > last_row ? row : last_row;
            add_row(&positions, row, dump->grad[i]);
        } else if (strncmp(path, "wte[", 4) == 0) {
            add_row(&tokens, (size_t)strtoul(path + strlen("wte["), NULL, 10), dump->grad[i]);
        }
    }
    // A port that looks up wrong rows may leave rows out, or have more tokens than positions.
    bool is_length = positions.last + 1 == positions.n && tokens.n <= positions.n;
    length.of_grads = is_length ? positions.n : 0;
    length.shows_end = last_row >= positions.n;
    return length;
}

static bool is_shorter(DocumentLength a, DocumentLength b)
{
    return a.of_paths > 0 && a.of_paths < b.of_paths && a.of_grads == a.of_paths && a.shows_end;
}

bool document_lengths_differ(DocumentLength a, DocumentLength b)
{
    return is_shorter(a, b) || is_shorter(b, a);
}
