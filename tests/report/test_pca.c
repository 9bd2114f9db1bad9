// Principal components: eigenvalues that are known exactly, the equation that all must satisfy, and
// points whose main directions are known.
//
// The bounds are those of rounding: an orthogonal transformation of a matrix of size n is off by a
// few n * epsilon of its norm.
#include <float.h>
#include <math.h>

#include "check_more.h"
#include "report/pca.h"

enum {
    MAX_N = 40,
};

static double a[MAX_N * MAX_N];
static double copy[MAX_N * MAX_N];
static double values[MAX_N];
static double vectors[MAX_N * MAX_N];

static void eigen_of(const double *matrix, size_t n)
{
    memcpy(a, matrix, n * n * sizeof *a);
    symmetric_eigen(a, n, values, vectors);
}

START_TEST(a_diagonal_is_only_sorted)
{
    const double matrix[] = {2, 0, 0, 0, -3, 0, 0, 0, 7};
    const double expected[] = {7, 2, -3};
    const double axes[] = {0, 0, 1, 1, 0, 0, 0, 1, 0};
    eigen_of(matrix, 3);
    assert_same_doubles(values, expected, 3, "values");
    assert_same_doubles(vectors, axes, 9, "vectors");
}
END_TEST

START_TEST(one_number_is_its_own_eigenvalue)
{
    const double matrix[] = {-5};
    eigen_of(matrix, 1);
    assert_same_double(values[0], -5, "value");
    assert_same_double(vectors[0], 1, "vector");
}
END_TEST

// A rotation by 45 degrees: all its numbers except 1 / sqrt(2) are exact.
START_TEST(two_that_are_alike_are_their_sum_and_difference)
{
    const double matrix[] = {2, 1, 1, 2};
    eigen_of(matrix, 2);
    ck_assert_double_le(fabs(values[0] - 3), 2 * DBL_EPSILON * 3);
    ck_assert_double_le(fabs(values[1] - 1), 2 * DBL_EPSILON * 3);
    double half = 1 / sqrt(2);
    const double expected[] = {half, half, half, -half};
    assert_same_double(vectors[0], expected[0], "vectors[0,0]");
    assert_same_double(vectors[1], expected[1], "vectors[0,1]");
    assert_same_double(fabs(vectors[2]), half, "vectors[1,0]");
    assert_same_double(vectors[3], -vectors[2], "vectors[1,1]");
}
END_TEST

// Fills in numbers that look random, in [-1, 1).
static void fill_symmetric(size_t n)
{
    uint32_t state = 12345;
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j <= i; j++) {
            state = state * 1664525 + 1013904223;
            copy[i * n + j] = (double)state / 2147483648.0 - 1;
            copy[j * n + i] = copy[i * n + j];
        }
    }
}

static double norm(const double *x, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += x[i] * x[i];
    }
    return sqrt(sum);
}

static const size_t sizes[] = {1, 2, 3, 5, 16, MAX_N};

// a @ v = value * v, for every pair.
START_TEST(vectors_satisfy_their_equation)
{
    size_t n = sizes[_i];
    fill_symmetric(n);
    eigen_of(copy, n);
    double bound = 16 * (double)n * DBL_EPSILON * norm(copy, n * n);
    for (size_t i = 0; i < n; i++) {
        double difference[MAX_N];
        for (size_t j = 0; j < n; j++) {
            difference[j] = -values[i] * vectors[i * n + j];
            for (size_t k = 0; k < n; k++) {
                difference[j] += copy[j * n + k] * vectors[i * n + k];
            }
        }
        ck_assert_double_le(norm(difference, n), bound);
        ck_assert(i == 0 || values[i] <= values[i - 1]);
    }
}
END_TEST

START_TEST(vectors_are_orthogonal_and_of_length_1)
{
    size_t n = sizes[_i];
    fill_symmetric(n);
    eigen_of(copy, n);
    for (size_t i = 0; i < n; i++) {
        double largest = 0;
        for (size_t j = 0; j < n; j++) {
            double dot = 0;
            for (size_t k = 0; k < n; k++) {
                dot += vectors[i * n + k] * vectors[j * n + k];
            }
            ck_assert_double_le(fabs(dot - (i == j)), 16 * (double)n * DBL_EPSILON);
            double x = vectors[i * n + j];
            largest = fabs(x) > fabs(largest) ? x : largest;
        }
        ck_assert_double_gt(largest, 0);
    }
}
END_TEST

// On a line, all of the variance is in one component, and the points keep their distances.
START_TEST(points_on_a_line_have_one_component)
{
    const double points[] = {1, 2, 3, 0, 2, 3, -1, 2, 3, 0, 2, 3};
    const double expected[] = {1, 0, 0, 0, -1, 0, 0, 0};
    Pca pca;
    Error error;
    ck_assert(pca_project(&pca, points, 4, 3, &error));
    assert_same_doubles(pca.points, expected, 8, "points");
    assert_same_double(pca.share[0], 1, "share[0]");
    assert_same_double(pca.share[1], 0, "share[1]");
    pca_free(&pca);
}
END_TEST

// The variances are 8 along the second axis, 2 along the first, 0 along the third.
START_TEST(the_widest_direction_comes_first)
{
    const double points[] = {5, 9, 1, 3, 9, 1, 4, 11, 1, 4, 7, 1};
    const double expected[] = {0, 1, 0, -1, 2, 0, -2, 0};
    Pca pca;
    Error error;
    ck_assert(pca_project(&pca, points, 4, 3, &error));
    assert_same_doubles(pca.points, expected, 8, "points");
    assert_same_double(pca.share[0], 0.8, "share[0]");
    assert_same_double(pca.share[1], 0.2, "share[1]");
    pca_free(&pca);
}
END_TEST

// The points of the last test, with more columns than rows.
START_TEST(more_columns_change_nothing)
{
    const double points[4 * 6] = {5, 9,  1, 2, 0, 0, 3, 9, 1, 2, 0, 0,
                                  4, 11, 1, 2, 0, 0, 4, 7, 1, 2, 0, 0};
    const double expected[] = {0, 1, 0, -1, 2, 0, -2, 0};
    Pca pca;
    Error error;
    ck_assert(pca_project(&pca, points, 4, 6, &error));
    for (int i = 0; i < 8; i++) {
        ck_assert_double_le(fabs(pca.points[i] - expected[i]), 8 * DBL_EPSILON);
    }
    ck_assert_double_le(fabs(pca.share[0] - 0.8), 8 * DBL_EPSILON);
    ck_assert_double_le(fabs(pca.share[1] - 0.2), 8 * DBL_EPSILON);
    pca_free(&pca);
}
END_TEST

// A square matrix of the columns would have 10^12 numbers.
START_TEST(a_wide_row_takes_no_square_of_its_width)
{
    size_t n_columns = 1000000;
    double *x = calloc(2 * n_columns, sizeof *x);
    ck_assert_ptr_nonnull(x);
    for (size_t k = 0; k < n_columns; k++) {
        x[k] = 3; // the other row is 0: they are 3 * sqrt(n_columns) apart
    }
    Pca pca;
    Error error;
    ck_assert(pca_project(&pca, x, 2, n_columns, &error));
    ck_assert_double_le(fabs(pca.points[0] - 1500), 1e-6);
    ck_assert_double_le(fabs(pca.points[2] + 1500), 1e-6);
    ck_assert_double_le(fabs(pca.share[0] - 1), 8 * DBL_EPSILON);
    pca_free(&pca);
    free(x);
}
END_TEST

START_TEST(there_may_be_nothing_to_see)
{
    const double same[] = {3, 3, 3};
    const double nowhere[] = {0, 0, 0, 0, 0, 0};
    Pca pca;
    Error error;
    ck_assert(pca_project(&pca, same, 3, 1, &error)); // one column, and no variance
    assert_same_doubles(pca.points, nowhere, 6, "points");
    assert_same_double(pca.share[0], 0, "share[0]");
    assert_same_double(pca.share[1], 0, "share[1]");
    pca_free(&pca);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pca");
    TCase *tcase = tcase_create("pca");
    int n_sizes = (int)(sizeof sizes / sizeof sizes[0]);
    tcase_add_test(tcase, a_diagonal_is_only_sorted);
    tcase_add_test(tcase, one_number_is_its_own_eigenvalue);
    tcase_add_test(tcase, two_that_are_alike_are_their_sum_and_difference);
    tcase_add_loop_test(tcase, vectors_satisfy_their_equation, 0, n_sizes);
    tcase_add_loop_test(tcase, vectors_are_orthogonal_and_of_length_1, 0, n_sizes);
    tcase_add_test(tcase, points_on_a_line_have_one_component);
    tcase_add_test(tcase, the_widest_direction_comes_first);
    tcase_add_test(tcase, more_columns_change_nothing);
    tcase_add_test(tcase, a_wide_row_takes_no_square_of_its_width);
    tcase_add_test(tcase, there_may_be_nothing_to_see);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
