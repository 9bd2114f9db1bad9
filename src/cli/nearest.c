// Compares names letter by letter: see nearest.h.
#include "cli/nearest.h"

#include <stdint.h>
#include <string.h>

enum {
    MAX_LETTERS = 32,
};

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

// cost[i][j] is the distance of the first i letters of a and the first j of b.
size_t nearest_distance(const char *a, size_t size_a, const char *b)
{
    size_t cost[MAX_LETTERS + 1][MAX_LETTERS + 1];
    size_t size_b = strlen(b);
    if (size_a > MAX_LETTERS || size_b > MAX_LETTERS) {
        return SIZE_MAX;
    }
    for (size_t i = 0; i <= size_a; i++) {
        for (size_t j = 0; j <= size_b; j++) {
            if (i == 0 || j == 0) {
                cost[i][j] = i + j;
                continue;
            }
            size_t replaced = cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            cost[i][j] = smaller(replaced, 1 + smaller(cost[i - 1][j], cost[i][j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                cost[i][j] = smaller(cost[i][j], cost[i - 2][j - 2] + 1);
            }
        }
    }
    return cost[size_a][size_b];
}

const char *nearest_name(const char *text, size_t size, const char *const *names, size_t n_names)
{
    const char *nearest = NULL;
    size_t least = 1 + size / 3; // a shorter text may have fewer errors
    for (size_t i = 0; i < n_names; i++) {
        size_t distance = nearest_distance(text, size, names[i]);
        if (distance < least) {
            least = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
