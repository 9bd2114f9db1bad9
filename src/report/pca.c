// Principal components: see pca.h.
#include "report/pca.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/count.h"
#include "base/doubles.h"

enum {
    MAX_SWEEPS = 64, // about ten are enough: the numbers off the diagonal vanish quadratically
};

// Rotates two vectors of n numbers, which are `stride` apart, in their plane.
static void rotate_vectors(double *x, double *y, size_t n, size_t stride, double c, double s)
{
    for (size_t i = 0; i < n * stride; i += stride) {
        double old_x = x[i];
        double old_y = y[i];
        x[i] = c * old_x - s * old_y;
        y[i] = s * old_x + c * old_y;
    }
}

// Returns whether a number off the diagonal is too small to change the sum of those on it.
static bool is_negligible(const double *a, size_t n, size_t p, size_t q)
{
    double on_diagonal = fabs(a[p * n + p]) + fabs(a[q * n + q]);
    return on_diagonal + fabs(a[p * n + q]) == on_diagonal;
}

// Rotates the axes p and q so that a[p,q] becomes 0, by the smaller of the two possible angles.
static void rotate(double *a, double *vectors, size_t n, size_t p, size_t q)
{
    double theta = (a[q * n + q] - a[p * n + p]) / (2 * a[p * n + q]);
    double t = copysign(1, theta) / (fabs(theta) + sqrt(theta * theta + 1));
    double c = 1 / sqrt(t * t + 1);
    double s = t * c;
    rotate_vectors(a + p, a + q, n, n, c, s);         // columns
    rotate_vectors(a + p * n, a + q * n, n, 1, c, s); // rows
    rotate_vectors(vectors + p * n, vectors + q * n, n, 1, c, s);
    a[p * n + q] = 0;
    a[q * n + p] = 0;
}

// Rotates every pair of axes that is not done. Returns whether there was one.
static bool sweep(double *a, double *vectors, size_t n)
{
    bool has_turned = false;
    for (size_t p = 0; p < n; p++) {
        for (size_t q = p + 1; q < n; q++) {
            if (!is_negligible(a, n, p, q)) {
                rotate(a, vectors, n, p, q);
                has_turned = true;
            }
        }
    }
    return has_turned;
}

static void swap(double *x, double *y)
{
    double old_x = *x;
    *x = *y;
    *y = old_x;
}

static void sort_descending(double *values, double *vectors, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t largest = i;
        for (size_t j = i + 1; j < n; j++) {
            largest = values[j] > values[largest] ? j : largest;
        }
        swap(&values[i], &values[largest]);
        for (size_t k = 0; k < n && largest != i; k++) {
            swap(&vectors[i * n + k], &vectors[largest * n + k]);
        }
    }
}

static void choose_sign(double *vector, size_t n)
{
    size_t largest = 0;
    for (size_t k = 1; k < n; k++) {
        largest = fabs(vector[k]) > fabs(vector[largest]) ? k : largest;
    }
    for (size_t k = 0; k < n && vector[largest] < 0; k++) {
        if (k != largest) {
            vector[k] = -vector[k];
        }
    }
    vector[largest] = fabs(vector[largest]);
}

void symmetric_eigen(double *a, size_t n, double *values, double *vectors)
{
    assert(a != NULL && values != NULL && vectors != NULL && n > 0);
    for (size_t i = 0; i < n * n; i++) {
        vectors[i] = i % (n + 1) == 0 ? 1 : 0;
    }
    for (int i = 0; i < MAX_SWEEPS && sweep(a, vectors, n); i++) {
    }
    for (size_t i = 0; i < n; i++) {
        values[i] = a[i * n + i];
    }
    sort_descending(values, vectors, n);
    for (size_t i = 0; i < n; i++) {
        choose_sign(vectors + i * n, n);
    }
}

// Subtracts the mean of all rows from each row.
// Shapes: x, centred [n_rows,n_columns].
static void centre(const double *x, size_t n_rows, size_t n_columns, double *centred)
{
    for (size_t j = 0; j < n_columns; j++) {
        double sum = 0;
        for (size_t i = 0; i < n_rows; i++) {
            sum += x[i * n_columns + j];
        }
        for (size_t i = 0; i < n_rows; i++) {
            centred[i * n_columns + j] = x[i * n_columns + j] - sum / (double)n_rows;
        }
    }
}

// The dot products of n vectors with each other. A vector has `length` numbers, which are `stride`
// apart; the first numbers of the vectors are `between` apart.
// Shapes: products [n,n].
static void multiply(const double *x, size_t n, size_t between, size_t length, size_t stride,
                     double *products)
{
    for (size_t j = 0; j < n; j++) {
        for (size_t k = 0; k <= j; k++) {
            double sum = 0;
            for (size_t i = 0; i < length; i++) {
                sum += x[j * between + i * stride] * x[k * between + i * stride];
            }
            products[j * n + k] = sum;
            products[k * n + j] = sum;
        }
    }
}

// Scales x^T @ weights to the length 1; leaves it 0 if its length is 0.
// Shapes: x [n_rows,n_columns], weights [n_rows], direction [n_columns].
static void mix_rows(const double *x, size_t n_rows, size_t n_columns, const double *weights,
                     double *direction)
{
    double square = 0;
    for (size_t k = 0; k < n_columns; k++) {
        double sum = 0;
        for (size_t i = 0; i < n_rows; i++) {
            sum += x[i * n_columns + k] * weights[i];
        }
        direction[k] = sum;
        square += sum * sum;
    }
    for (size_t k = 0; k < n_columns && square > 0; k++) {
        direction[k] /= sqrt(square);
    }
    choose_sign(direction, n_columns);
}

// Shapes: x [n_rows,n_columns], direction [n_columns].
static void project(Pca *pca, int component, const double *x, size_t n_rows, size_t n_columns,
                    const double *direction)
{
    for (size_t i = 0; i < n_rows; i++) {
        double sum = 0;
        for (size_t k = 0; k < n_columns; k++) {
            sum += x[i * n_columns + k] * direction[k];
        }
        pca->points[2 * i + (size_t)component] = sum;
    }
}

// The products of all columns and those of all rows have the same eigenvalues, apart from zeros.
// So the smaller matrix is enough: 27 letters need no more than 27 x 27 products, however wide a
// row is.
// Shapes: x, centred [n_rows,n_columns]; products, vectors [n,n], values [n], direction
// [n_columns], where n is the smaller of n_rows and n_columns.
static void find_components(Pca *pca, const double *centred, size_t n_rows, size_t n_columns,
                            double *products, double *vectors, double *values, double *direction)
{
    bool has_more_rows = n_columns <= n_rows;
    size_t n = has_more_rows ? n_columns : n_rows;
    if (has_more_rows) {
        multiply(centred, n_columns, 1, n_rows, n_columns, products);
    } else {
        multiply(centred, n_rows, n_columns, n_columns, 1, products);
    }
    symmetric_eigen(products, n, values, vectors);
    double all = 0;
    for (size_t i = 0; i < n; i++) {
        all += values[i];
    }
    for (int component = 0; component < 2 && (size_t)component < n; component++) {
        const double *vector = vectors + (size_t)component * n;
        pca->share[component] = all > 0 ? values[component] / all : 0;
        if (!has_more_rows) {
            mix_rows(centred, n_rows, n_columns, vector, direction);
            vector = direction;
        }
        project(pca, component, centred, n_rows, n_columns, vector);
    }
}

bool pca_project(Pca *pca, const double *x, size_t n_rows, size_t n_columns, Error *error)
{
    assert(pca != NULL && x != NULL && n_rows > 0 && n_columns > 0 && error != NULL);
    size_t n = n_rows < n_columns ? n_rows : n_columns;
    double *centred = doubles_alloc(count_mul(n_rows, n_columns));
    double *products = doubles_alloc(count_mul(n, n));
    double *vectors = doubles_alloc(count_mul(n, n));
    double *values = calloc(n, sizeof *values);
    double *direction = calloc(n_columns, sizeof *direction);
    *pca = (Pca){.points = calloc(n_rows, 2 * sizeof *pca->points)};
    bool ok = centred != NULL && products != NULL && vectors != NULL && values != NULL &&
              direction != NULL && pca->points != NULL;
    if (ok) {
        centre(x, n_rows, n_columns, centred);
        find_components(pca, centred, n_rows, n_columns, products, vectors, values, direction);
    } else {
        error_out_of_memory(error, "the principal components",
                            count_mul(count_mul(n, n), 2 * sizeof(double)));
        pca_free(pca);
    }
    free(centred);
    free(products);
    free(vectors);
    free(values);
    free(direction);
    return ok;
}

void pca_free(Pca *pca)
{
    free(pca->points);
    *pca = (Pca){0};
}
