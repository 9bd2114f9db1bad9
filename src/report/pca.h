// Principal components: the two directions in which the rows of a matrix differ most.
#ifndef MICROGPT_PCA_H
#define MICROGPT_PCA_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/error.h"

// All eigenvalues of a symmetric matrix, the largest first, and their eigenvectors, which are
// orthogonal and have length 1. The sign of a vector makes its largest number positive.
// Shapes: a [n,n], which is overwritten; values [n]; vectors [n,n], row i belongs to values[i].
// Requires: a is symmetric, its numbers are finite.
// Formula: a @ vectors[i] = values[i] * vectors[i]
// Source: C. G. J. Jacobi, "Ueber ein leichtes Verfahren ...", 1846
void symmetric_eigen(double *a, size_t n, double *values, double *vectors);

typedef struct Pca {
    double *points;  // [n_rows,2]: the coordinates of each row along the first two components
    double share[2]; // the share of the rows' variance in each; 0 if there is no variance
} Pca;

// The time is n_rows * n_columns times the smaller of the two, and the memory n_rows * n_columns.
// Shapes: x [n_rows,n_columns].
// Requires: the sum of the squares of all numbers is finite.
// Errors: out of memory.
bool pca_project(Pca *pca, const double *x, size_t n_rows, size_t n_columns, Error *error);

void pca_free(Pca *pca);

#endif
