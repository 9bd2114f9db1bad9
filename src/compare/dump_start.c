// The parameters that two runs started from: see dump_start.h.
#include "compare/dump_start.h"

#include <math.h>
#include <string.h>

#include "compare/graph_diff.h"
#include "compare/path_index.h"

// The correlation of independently drawn numbers is near 0; that of the same numbers after
// different training remains near 1.
#define LEAST_CORRELATION 0.3

enum {
    FEW_PARAMETERS = 24, // say too little
};

// What the correlation of two sides needs; their means are near 0.
typedef struct Sums {
    size_t n;
    double aa;
    double ab;
    double bb;
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

static bool add_by_path(const NodeDump *a, const NodeDump *b, Sums *sums, Error *error)
{
    PathIndex index;
    if (!path_index_init(&index, b, error)) {
        return false;
    }
    for (size_t i = 0; i < a->n_nodes; i++) {
        const char *path = dump_path(a, i);
        uint32_t other = is_parameter(path) ? path_index_find(&index, path) : NO_NODE;
        if (other != NO_NODE) {
            add(sums, a->data[i], b->data[other]);
        }
    }
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

bool dump_start_differs(const NodeDump *a, const NodeDump *b, bool *differs, Error *error)
{
    Sums sums = {0};
    if (a->has_names && b->has_names) {
        if (!add_by_path(a, b, &sums, error)) {
            return false;
        }
    } else if (!a->is_sparse && !b->is_sparse) {
        add_by_index(a, b, &sums);
    }
    double size = sqrt(sums.aa) * sqrt(sums.bb);
    *differs = sums.n >= FEW_PARAMETERS && size > 0 && sums.ab < LEAST_CORRELATION * size;
    return true;
}
