// The tensor engine's kernels over Lanes: tensor_kernels.c includes this after lanes.h.
// tensor_wide.h explains the layout; tensor_nn.h states the formulas and the order of every sum;
// tensor_plain.c does the same in plain loops.
//
// The order in this file: sums of products, the operations forward, the document forward, the
// operations backward, the document backward. Sampling is in tensor_sample_lanes.h.
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kernels/exactmath_lanes.h"
#include "tensor/tensor_memory.h"
#include "tensor/tensor_wide.h"

// For functions that are inlined at each call, so that the compiler knows the constants there.
#ifndef ALWAYS_INLINE // a coverage build measures each function once, not each call
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif

// The sizes of a document and its model.
typedef struct Sizes {
    size_t n_embd;     // E
    size_t n_head;     // H
    size_t head_dim;   // D
    size_t vocab_size; // V
    size_t n;          // positions
    size_t end;        // the positions rounded up to whole vectors
    size_t stride;     // S: the length of a row of positions
    size_t row;        // E rounded up: the length of a row where positions are rows
} Sizes;

static inline Sizes sizes_of(const Model *model, size_t n_positions)
{
    Sizes s = {
        .n_embd = (size_t)model->config.n_embd,
        .n_head = (size_t)model->config.n_head,
        .head_dim = (size_t)model->head_dim,
        .vocab_size = (size_t)model->config.vocab_size,
        .n = n_positions,
        .end = (n_positions + N_LANES - 1) / N_LANES * N_LANES,
    };
    s.stride = wide_stride(s.end);
    s.row = wide_round_up(s.n_embd);
    return s;
}

// The sizes of microgpt.py.
ALWAYS_INLINE Sizes default_sizes(size_t n_positions, size_t end, size_t stride)
{
    Sizes s = {16, 4, 4, 27, n_positions, end, stride, 16};
    return s;
}

static bool are_default(const Sizes *s)
{
    return s->n_embd == 16 && s->n_head == 4 && s->vocab_size == 27;
}

static inline size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

// Sums of products: y[o] = sum over k of w[o * w_out + k * w_term] * x[k * x_term], where w[] is a
// number and x[], y[] are vectors. k takes the values 0 ... n_terms-1, or those of order, in this
// order; o likewise. Steps may be negative: a descending sum starts at the last term.
typedef struct Products {
    const double *w;
    ptrdiff_t w_out;
    ptrdiff_t w_term;
    const double *x;
    ptrdiff_t x_term;
    size_t n_terms;
    const uint32_t *order; // [n_terms], or NULL
    const uint32_t *outs;  // which outputs o; NULL: all from 0 on
} Products;

enum {
    // How many vectors a number is multiplied by when it is loaded. An AVX-512 product takes the
    // number from memory itself, so that loading it again costs nothing.
    VECTORS_PER_NUMBER = N_LANES == 8 ? 1 : 2,
    MOST_SUMS = N_REGISTERS / 2, // the other registers are for weights and x
    MOST_ROWS = MOST_SUMS / 2,
    ACTIVE_STEP = WIDEST, // rows of a ReLU; their list has space for this many more
};

// Computes n_out sums of n_vectors vectors at the same time, each in a register. Both numbers are
// constants.
ALWAYS_INLINE void sum_tile(const Products *p, size_t first, double *y, size_t stride,
                            const int n_out, const int n_vectors)
{
    Lanes sums[MOST_SUMS][2];
    const double *w[MOST_SUMS];
    for (int o = 0; o < n_out; o++) {
        size_t out = p->outs == NULL ? first + (size_t)o : p->outs[first + (size_t)o];
        w[o] = p->w + (ptrdiff_t)out * p->w_out;
        for (int j = 0; j < n_vectors; j++) {
            sums[o][j] = lanes_all(0.0);
        }
    }
    for (size_t i = 0; i < p->n_terms; i++) {
        ptrdiff_t k = p->order == NULL ? (ptrdiff_t)i : (ptrdiff_t)p->order[i];
        Lanes x[2];
        for (int j = 0; j < n_vectors; j++) {
            x[j] = lanes_load(p->x + k * p->x_term + j * N_LANES);
        }
        for (int o = 0; o < n_out; o++) {
            Lanes weight = lanes_all(w[o][k * p->w_term]);
            for (int j = 0; j < n_vectors; j++) {
                sums[o][j] = sums[o][j] + weight * x[j];
            }
        }
    }
    for (int o = 0; o < n_out; o++) {
        size_t out = p->outs == NULL ? first + (size_t)o : p->outs[first + (size_t)o];
        for (int j = 0; j < n_vectors; j++) {
            lanes_store(&y[out * stride + (size_t)j * N_LANES], sums[o][j]);
        }
    }
}

// Computes n_out sums of n_vectors vectors and writes them to y, whose rows are stride apart.
ALWAYS_INLINE void sum_products(const Products p, double *y, size_t stride, size_t n_out,
                                const int n_vectors)
{
    const int most = MOST_SUMS / n_vectors;
    size_t o = 0;
    for (; o + (size_t)most <= n_out; o += (size_t)most) {
        sum_tile(&p, o, y, stride, most, n_vectors);
    }
    if (most > 8 && o + 8 <= n_out) {
        sum_tile(&p, o, y, stride, 8, n_vectors);
        o += 8;
    }
    if (most > 4 && o + 4 <= n_out) {
        sum_tile(&p, o, y, stride, 4, n_vectors);
        o += 4;
    }
    if (o + 2 <= n_out) {
        sum_tile(&p, o, y, stride, 2, n_vectors);
        o += 2;
    }
    if (o < n_out) {
        sum_tile(&p, o, y, stride, 1, n_vectors);
    }
}

// The same for all positions.
ALWAYS_INLINE void sum_positions(const Sizes *s, Products p, double *y, size_t n_out)
{
    const double *x = p.x;
    size_t t = 0;
    const size_t step = VECTORS_PER_NUMBER * N_LANES;
    for (; t + step <= s->end; t += step) {
        p.x = x + t;
        sum_products(p, y + t, s->stride, n_out, VECTORS_PER_NUMBER);
    }
    if (t < s->end) {
        p.x = x + t;
        sum_products(p, y + t, s->stride, n_out, 1);
    }
}

// Some rows of a matrix: those in the list, or all of them if it is NULL.
typedef struct Rows {
    const uint32_t *list;
    size_t n;
} Rows;

// y = w x for all positions: y[o,t] = sum of w[o,i] * x[i,t], i rising over these rows of x.
// Shapes: w [n_out,n_in], x [n_in,S], y [n_out,S].
ALWAYS_INLINE void wide_linear_forward(const Sizes *s, const double *w, const double *x, double *y,
                                       size_t n_out, size_t n_in, Rows rows)
{
    Products p = {.w = w,
                  .w_out = (ptrdiff_t)n_in,
                  .w_term = 1,
                  .x = x,
                  .x_term = (ptrdiff_t)s->stride,
                  .n_terms = rows.n,
                  .order = rows.list};
    sum_positions(s, p, y, n_out);
}

// For these rows of dx: dx[i,t] = sum of w[o,i] * dy[o,t], o falling.
// Shapes: w [n_out,n_in], dy [n_out,S], dx [n_in,S].
ALWAYS_INLINE void wide_linear_backward_input(const Sizes *s, const double *w, const double *dy,
                                              double *dx, size_t n_out, size_t n_in, Rows rows)
{
    Products p = {.w = w + (n_out - 1) * n_in,
                  .w_out = 1,
                  .w_term = -(ptrdiff_t)n_in,
                  .x = dy + (n_out - 1) * s->stride,
                  .x_term = -(ptrdiff_t)s->stride,
                  .n_terms = n_out,
                  .outs = rows.list};
    sum_positions(s, p, dx, rows.n);
}

// If each row is a result and not a term of a sum, loops take whole steps of rows and repeat the
// last row. This is faster than separate code for a varying number of remaining rows.
static inline size_t whole_steps(size_t n_active)
{
    return (n_active + ACTIVE_STEP - 1) / ACTIVE_STEP * ACTIVE_STEP;
}

// The gradients of all rows, with n_terms values of o in a given order.
ALWAYS_INLINE void wide_linear_backward_input_order(const Sizes *s, const double *w,
                                                    const double *dy, double *dx, size_t n_in,
                                                    const uint32_t *order, size_t n_terms)
{
    Products p = {.w = w,
                  .w_out = 1,
                  .w_term = (ptrdiff_t)n_in,
                  .x = dy,
                  .x_term = (ptrdiff_t)s->stride,
                  .n_terms = n_terms,
                  .order = order};
    sum_positions(s, p, dx, n_in);
}

// A weight's gradient: dw[o,i] = sum of x[t,i] * dy[o,t], t falling.
// Shapes: dw [n_out,n_in], dy [n_out,S], x [S,x_row].
typedef struct WeightSums {
    double *dw;
    size_t n_in;
    const double *dy;
    const double *x;
    size_t x_row;
    const uint32_t *outs; // which rows o, or NULL: all
} WeightSums;

// Computes n_rows rows of n_vectors vectors from column c on; both numbers are constants.
ALWAYS_INLINE void weight_tile(const Sizes *s, const WeightSums *w, size_t first, size_t c,
                               const int n_rows, const int n_vectors)
{
    Lanes sums[MOST_ROWS][2];
    size_t out[MOST_ROWS];
    for (int i = 0; i < n_rows; i++) {
        out[i] = w->outs == NULL ? first + (size_t)i : w->outs[first + (size_t)i];
        for (int j = 0; j < n_vectors; j++) {
            sums[i][j] = lanes_all(0.0);
        }
    }
    for (size_t t = s->n; t-- > 0;) {
        for (int i = 0; i < n_rows; i++) {
            Lanes dy = lanes_all(w->dy[out[i] * s->stride + t]);
            for (int j = 0; j < n_vectors; j++) {
                Lanes x = lanes_load(&w->x[t * w->x_row + c + (size_t)j * N_LANES]);
                sums[i][j] = sums[i][j] + x * dy;
            }
        }
    }
    for (int i = 0; i < n_rows; i++) {
        for (int j = 0; j < n_vectors; j++) {
            size_t column = c + (size_t)j * N_LANES;
            size_t count = lesser(w->n_in - column, N_LANES);
            double *dw = &w->dw[out[i] * w->n_in + column];
            if (count == N_LANES) {
                lanes_store(dw, sums[i][j]);
            } else {
                lanes_store_first(dw, sums[i][j], count);
            }
        }
    }
}

// All columns of n_rows rows.
ALWAYS_INLINE void weight_rows(const Sizes *s, const WeightSums *w, size_t first, const int n_rows)
{
    size_t c = 0;
    const size_t step = VECTORS_PER_NUMBER * N_LANES;
    for (; c + step <= w->n_in; c += step) {
        weight_tile(s, w, first, c, n_rows, VECTORS_PER_NUMBER);
    }
    for (; c < w->n_in; c += N_LANES) {
        weight_tile(s, w, first, c, n_rows, 1);
    }
}

ALWAYS_INLINE void wide_linear_backward_weight(const Sizes *s, const WeightSums w, size_t n_out)
{
    size_t o = 0;
    for (; o + MOST_ROWS <= n_out; o += MOST_ROWS) {
        weight_rows(s, &w, o, MOST_ROWS);
    }
    if (MOST_ROWS > 4 && o + 4 <= n_out) {
        weight_rows(s, &w, o, 4);
        o += 4;
    }
    for (; o < n_out; o++) {
        weight_rows(s, &w, o, 1);
    }
}

// to[j,i] = from[i,j]. Shapes: from [n_rows,from_row], to [n_columns,to_row], all rounded up to
// whole vectors.
ALWAYS_INLINE void transpose(const double *from, size_t from_row, double *to, size_t to_row,
                             size_t n_rows, size_t n_columns)
{
    for (size_t i = 0; i < n_rows; i += N_LANES) {
        for (size_t j = 0; j < n_columns; j += N_LANES) {
            Lanes square[N_LANES];
            for (size_t k = 0; k < N_LANES; k++) {
                square[k] = lanes_load(&from[(i + k) * from_row + j]);
            }
            lanes_transpose(square);
            for (size_t k = 0; k < N_LANES; k++) {
                lanes_store(&to[(j + k) * to_row + i], square[k]);
            }
        }
    }
}

// Returns whether all numbers are finite and far from overflow, which is true if the sum of their
// magnitudes is. The kernels skip products with zeros (see tensor_wide.h), so their callers check
// the other factors of these products, or sums that contain them.
// Requires: whole vectors, or parameters.
static bool all_usual(const double *x, size_t n)
{
    Lanes sums[8];
    size_t i = 0;
    for (int j = 0; j < 8; j++) {
        sums[j] = lanes_all(0.0);
    }
    for (; i + 8 * N_LANES <= n; i += 8 * N_LANES) {
        for (int j = 0; j < 8; j++) {
            sums[j] = sums[j] + lanes_abs(lanes_load(&x[i + (size_t)j * N_LANES]));
        }
    }
    for (; i < n; i += N_LANES) {
        sums[0] = sums[0] + lanes_abs(lanes_load_first(&x[i], lesser(n - i, N_LANES)));
    }
    for (int j = 1; j < 8; j++) {
        sums[0] = sums[0] + sums[j];
    }
    return lanes_bits(lanes_less(sums[0], lanes_all(0x1p200))) == ALL_LANES;
}

enum {
    EXP_ROWS = 32, // the most vectors of exponentials between two loops over libm's exp
};

// x = exp(x) for n_rows vectors, row apart, n_rows <= EXP_ROWS. Calls libm only at the end, for all
// lanes that are set in lanes and may be wrong. A branch for every vector would be mispredicted one
// time in four, since it depends on random bits.
static void exp_some_rows(double *x, size_t row, size_t n_rows, unsigned lanes)
{
    double doubtful_x[EXP_ROWS + 1][N_LANES];
    size_t doubtful_i[EXP_ROWS + 1];
    unsigned doubtful_lanes[EXP_ROWS + 1];
    size_t n_doubtful = 0;
    for (size_t i = 0; i < n_rows; i++) {
        unsigned doubt;
        Lanes xi = lanes_load(&x[i * row]);
        lanes_store(&x[i * row], exact_exp_try(xi, &doubt));
        doubt &= lanes;
        lanes_store(doubtful_x[n_doubtful], xi); // overwritten by the next one unless counted
        doubtful_i[n_doubtful] = i;
        doubtful_lanes[n_doubtful] = doubt;
        n_doubtful += doubt != 0;
    }
    for (size_t j = 0; j < n_doubtful; j++) {
        double *y = &x[doubtful_i[j] * row];
        for (unsigned bits = doubtful_lanes[j]; bits != 0; bits &= bits - 1) {
            int lane = __builtin_ctz(bits);
            y[lane] = exactmath_libm(EXACT_EXP, doubtful_x[j][lane]);
        }
    }
}

static void exp_rows(double *x, size_t row, size_t n_rows, unsigned lanes)
{
    for (size_t i = 0; i < n_rows; i += EXP_ROWS) {
        exp_some_rows(&x[i * row], row, lesser(n_rows - i, EXP_ROWS), lanes);
    }
}

// Returns as bits the lanes of the vector from position t on whose positions exist.
static inline unsigned lanes_in_use(const Sizes *s, size_t t)
{
    return s->n - t < N_LANES ? (1U << (s->n - t)) - 1 : ALL_LANES;
}

ALWAYS_INLINE void wide_rmsnorm_forward(const Sizes *s, const double *x, double *y, WideNorm norm,
                                        double inverse_n_embd)
{
    for (size_t t = 0; t < s->end; t += N_LANES) {
        Lanes sum = lanes_all(0.0);
        for (size_t i = 0; i < s->n_embd; i++) {
            Lanes xi = lanes_load(&x[i * s->stride + t]);
            sum = sum + xi * xi;
        }
        Lanes mean_square = sum * lanes_all(inverse_n_embd) + lanes_all(1e-5);
        Lanes scale = exact_pow_minus_1_2(mean_square);
        lanes_store(&norm.mean_square[t], mean_square);
        lanes_store(&norm.scale[t], scale);
        for (size_t i = 0; i < s->n_embd; i++) {
            lanes_store(&y[i * s->stride + t], lanes_load(&x[i * s->stride + t]) * scale);
        }
    }
}

// Adds to what dx contains: the gradient through the residual connection.
ALWAYS_INLINE void wide_rmsnorm_backward(const Sizes *s, const double *x, WideNorm norm,
                                         const double *dy, double *dx, double inverse_n_embd)
{
    for (size_t t = 0; t < s->end; t += N_LANES) {
        Lanes dscale = lanes_all(0.0);
        for (size_t i = s->n_embd; i-- > 0;) {
            dscale =
                dscale + lanes_load(&x[i * s->stride + t]) * lanes_load(&dy[i * s->stride + t]);
        }
        Lanes local = lanes_all(-0.5) * exact_pow_minus_3_2(lanes_load(&norm.mean_square[t]));
        Lanes dsum = lanes_all(inverse_n_embd) * (local * dscale);
        Lanes scale = lanes_load(&norm.scale[t]);
        for (size_t i = 0; i < s->n_embd; i++) {
            size_t at = i * s->stride + t;
            Lanes dsquare = lanes_load(&x[at]) * dsum;
            Lanes sum = lanes_load(&dx[at]) + scale * lanes_load(&dy[at]);
            lanes_store(&dx[at], (sum + dsquare) + dsquare);
        }
    }
}

// Returns which lanes of the vector of queries from t on may attend to the key at position key.
static inline LaneMask may_attend(size_t t, size_t key)
{
    static const double numbers[WIDEST] = {0, 1, 2, 3, 4, 5, 6, 7};
    Lanes first = lanes_all((double)key - (double)t);
    return lanes_not_less(lanes_load(numbers), first);
}

// Returns how many keys the queries of the vector from t on may attend to. If all positions fit
// into one vector, it is a constant: a few more zeros take less time than loops of varying length.
static inline size_t keys_of(const Sizes *s, size_t t)
{
    return s->stride == N_LANES ? N_LANES : lesser(t + N_LANES, s->n);
}

// Replaces e, a head's sums of products for the queries from t on, by the scores minus the largest
// score of each query; by 0 if the query must not attend to the key. Shapes: e [n_keys,S].
ALWAYS_INLINE void attention_scores(const Sizes *s, double *e, size_t t, double inverse_sqrt_dim)
{
    size_t n_keys = keys_of(s, t);
    Lanes factor = lanes_all(inverse_sqrt_dim);
    Lanes max = lanes_load(&e[t]) * factor;
    for (size_t key = 1; key < n_keys; key++) {
        Lanes score = lanes_load(&e[key * s->stride + t]) * factor;
        max = lanes_select(may_attend(t, key), lanes_max(score, max), max);
    }
    Lanes minus_max = lanes_all(-0.0) - max;
    for (size_t key = 0; key < n_keys; key++) {
        double *score = &e[key * s->stride + t];
        Lanes difference = lanes_load(score) * factor + minus_max;
        lanes_store(score, lanes_select(may_attend(t, key), difference, lanes_all(0.0)));
    }
}

// Sets the exponentials to zero if the query must not attend to the key, and sums up the others.
ALWAYS_INLINE void attention_totals(const Sizes *s, double *e, size_t t, double *total,
                                    double *inverse)
{
    size_t n_keys = keys_of(s, t);
    Lanes sum = lanes_all(0.0);
    for (size_t key = 0; key < n_keys; key++) {
        double *exponential = &e[key * s->stride + t];
        Lanes looked = lanes_select(may_attend(t, key), lanes_load(exponential), lanes_all(0.0));
        lanes_store(exponential, looked);
        sum = sum + looked;
    }
    lanes_store(&total[t], sum);
    lanes_store(&inverse[t], exact_pow_minus_1(sum));
}

// prob[key] = e[key] * inverse for the vector of queries from t on; zeros up to the next whole
// vector of keys.
ALWAYS_INLINE void attention_probs(const Sizes *s, const double *e, Lanes inverse, size_t t,
                                   double *probs)
{
    size_t n_keys = keys_of(s, t);
    for (size_t key = 0; key < n_keys; key++) {
        lanes_store(&probs[key * s->stride + t], lanes_load(&e[key * s->stride + t]) * inverse);
    }
    for (size_t key = n_keys; key < t + N_LANES; key++) {
        lanes_store(&probs[key * s->stride + t], lanes_all(0.0));
    }
}

// Does each step for all heads before the next step: within a head, each step depends on the last.
ALWAYS_INLINE void wide_attention_forward(const Sizes *s, Wide *wide, WideLayer *layer)
{
    const ptrdiff_t stride = (ptrdiff_t)s->stride;
    const size_t square = s->stride * s->stride;
    const size_t head = s->head_dim * s->stride;
    const double *q = layer->qkv;
    const double *k = q + s->n_embd * s->stride;
    const double *v = k + s->n_embd * s->stride;
    double *e = layer->attn_e;
    double *total = layer->attn_total;
    double *inverse = layer->attn_inverse;
    for (size_t t = 0; t < s->end; t += N_LANES) {
        const size_t n_keys = keys_of(s, t);
        for (size_t h = 0; h < s->n_head; h++) {
            Products products = {.w = k + h * head,
                                 .w_out = 1,
                                 .w_term = stride,
                                 .x = q + h * head + t,
                                 .x_term = stride,
                                 .n_terms = s->head_dim};
            sum_products(products, e + h * square + t, s->stride, n_keys, 1);
            attention_scores(s, e + h * square, t, wide->inverse_sqrt_dim);
        }
        if (n_keys == s->stride) { // then the rows of the heads are contiguous
            exp_rows(e + t, s->stride, s->n_head * n_keys, lanes_in_use(s, t));
        } else {
            for (size_t h = 0; h < s->n_head; h++) {
                exp_rows(e + h * square + t, s->stride, n_keys, lanes_in_use(s, t));
            }
        }
        for (size_t h = 0; h < s->n_head; h++) {
            attention_totals(s, e + h * square, t, total + h * s->stride, inverse + h * s->stride);
        }
        for (size_t h = 0; h < s->n_head; h++) {
            double *probs = wide->attn[0] + h * square;
            attention_probs(s, e + h * square, lanes_load(&inverse[h * s->stride + t]), t, probs);
            Products products = {.w = v + h * head,
                                 .w_out = stride,
                                 .w_term = 1,
                                 .x = probs + t,
                                 .x_term = stride,
                                 .n_terms = n_keys};
            sum_products(products, layer->xa + h * head + t, s->stride, s->head_dim, 1);
        }
    }
}

// y = y + x; y is the left operand, as in microgpt.py.
ALWAYS_INLINE void wide_add(const Sizes *s, double *y, const double *x, size_t n_rows)
{
    for (size_t i = 0; i < n_rows * s->stride; i += N_LANES) {
        lanes_store(&y[i], lanes_load(&y[i]) + lanes_load(&x[i]));
    }
}

// Computes the ReLU in place. Lists the rows that are not zero at all existing positions (the lanes
// beyond them would list many more), and repeats the last row up to a whole step.
ALWAYS_INLINE size_t wide_relu_forward(const Sizes *s, double *h, size_t n_rows, uint32_t *active)
{
    size_t n_active = 0;
    for (size_t i = 0; i < n_rows; i++) {
        unsigned bits = 0;
        for (size_t t = 0; t < s->end; t += N_LANES) {
            Lanes x = lanes_max(lanes_load(&h[i * s->stride + t]), lanes_all(0.0));
            bits |= lanes_bits(lanes_less(lanes_all(0.0), x)) & lanes_in_use(s, t);
            lanes_store(&h[i * s->stride + t], x);
        }
        active[n_active] = (uint32_t)i; // overwritten by the next one unless counted
        n_active += bits != 0;
    }
    uint32_t last = n_active > 0 ? active[n_active - 1] : 0;
    for (size_t i = 0; i < ACTIVE_STEP; i++) {
        active[n_active + i] = last;
    }
    return n_active;
}

// dh = (1 if h > 0 else 0) * dh, for the active rows.
ALWAYS_INLINE void wide_relu_backward(const Sizes *s, const double *h, double *dh,
                                      const uint32_t *active, size_t n_active)
{
    for (size_t i = 0; i < n_active; i++) {
        for (size_t t = 0; t < s->end; t += N_LANES) {
            size_t at = active[i] * s->stride + t;
            LaneMask on = lanes_less(lanes_all(0.0), lanes_load(&h[at]));
            lanes_store(&dh[at], lanes_select(on, lanes_load(&dh[at]), lanes_all(0.0)));
        }
    }
}

ALWAYS_INLINE void wide_embedding_forward(const Sizes *s, const Model *model, const int *tokens,
                                          Wide *wide)
{
    const double *wte = matrix_data(model, MATRIX_WTE, -1);
    const double *wpe = matrix_data(model, MATRIX_WPE, -1);
    for (size_t t = 0; t < s->n; t++) {
        const double *token_row = &wte[(size_t)tokens[t] * s->n_embd];
        const double *pos_row = &wpe[t * s->n_embd];
        for (size_t i = 0; i < s->n_embd; i += N_LANES) {
            size_t count = lesser(s->n_embd - i, N_LANES);
            Lanes x = lanes_load_first(&token_row[i], count) + lanes_load_first(&pos_row[i], count);
            lanes_store(&wide->rows[t * s->row + i], x);
        }
    }
    memset(&wide->rows[s->n * s->row], 0, (s->end - s->n) * s->row * sizeof(double));
    transpose(wide->rows, s->row, wide->embedded, s->stride, s->end, s->n_embd);
}

ALWAYS_INLINE bool wide_layer_forward(const Sizes *s, const Model *model, Wide *wide, int l,
                                      double *out)
{
    WideLayer *layer = &wide->layers[l];
    const double *fc2 = matrix_data(model, MATRIX_MLP_FC2, l);
    const Rows all = {NULL, s->n_embd};
    wide_rmsnorm_forward(s, layer->x0, layer->xn1, layer->norm1, wide->inverse_n_embd);
    // The three matrices are contiguous in memory, and form a matrix of 3E rows.
    assert(matrix_data(model, MATRIX_ATTN_WV, l) ==
           matrix_data(model, MATRIX_ATTN_WQ, l) + 2 * s->n_embd * s->n_embd);
    wide_linear_forward(s, matrix_data(model, MATRIX_ATTN_WQ, l), layer->xn1, layer->qkv,
                        3 * s->n_embd, s->n_embd, all);
    // The queries need no check. If one is not finite, none of its scores is, so its probabilities
    // are NaN, and so is h, which is checked below. If it is finite, its skipped products are zero.
    if (!all_usual(layer->qkv + s->n_embd * s->stride, 2 * s->n_embd * s->stride)) {
        return false;
    }
    wide_attention_forward(s, wide, layer);
    wide_linear_forward(s, matrix_data(model, MATRIX_ATTN_WO, l), layer->xa, layer->x1, s->n_embd,
                        s->n_embd, all);
    wide_add(s, layer->x1, layer->x0, s->n_embd);

    wide_rmsnorm_forward(s, layer->x1, layer->xn2, layer->norm2, wide->inverse_n_embd);
    wide_linear_forward(s, matrix_data(model, MATRIX_MLP_FC1, l), layer->xn2, layer->h,
                        4 * s->n_embd, s->n_embd, all);
    // Each of fc1's weights and each xn2 is part of one of these sums; if it is not finite, neither
    // is the sum.
    if (!all_usual(layer->h, 4 * s->n_embd * s->stride) ||
        !all_usual(fc2, 4 * s->n_embd * s->n_embd)) {
        return false;
    }
    layer->n_active = wide_relu_forward(s, layer->h, 4 * s->n_embd, layer->active);
    wide_linear_forward(s, fc2, layer->h, out, s->n_embd, 4 * s->n_embd,
                        (Rows){layer->active, layer->n_active});
    wide_add(s, out, layer->x1, s->n_embd);
    return true;
}

// Replaces e, the logits, by their exponentials.
ALWAYS_INLINE void loss_softmax(const Sizes *s, double *e, double *totals, double *inverses)
{
    for (size_t t = 0; t < s->end; t += N_LANES) {
        Lanes max = lanes_load(&e[t]);
        for (size_t j = 1; j < s->vocab_size; j++) {
            max = lanes_max(lanes_load(&e[j * s->stride + t]), max);
        }
        for (size_t j = 0; j < s->vocab_size; j++) {
            double *logit = &e[j * s->stride + t];
            lanes_store(logit, lanes_load(logit) + (lanes_all(-0.0) - max));
        }
        exp_rows(&e[t], s->stride, s->vocab_size, lanes_in_use(s, t));
        Lanes sum = lanes_all(0.0);
        for (size_t j = 0; j < s->vocab_size; j++) {
            sum = sum + lanes_load(&e[j * s->stride + t]);
        }
        lanes_store(&totals[t], sum);
        lanes_store(&inverses[t], exact_pow_minus_1(sum));
    }
}

ALWAYS_INLINE bool forward(const Sizes s, Wide *wide, const Model *model, const int *tokens,
                           double *loss)
{
    int n_layer = model->config.n_layer;
    wide_embedding_forward(&s, model, tokens, wide);
    double *x = n_layer > 0 ? wide->layers[0].x0 : wide->xf;
    wide_rmsnorm_forward(&s, wide->embedded, x, wide->norm0, wide->inverse_n_embd);
    for (int l = 0; l < n_layer; l++) {
        double *out = l + 1 < n_layer ? wide->layers[l + 1].x0 : wide->xf;
        if (!wide_layer_forward(&s, model, wide, l, out)) {
            return false;
        }
    }
    wide_linear_forward(&s, matrix_data(model, MATRIX_LM_HEAD, -1), wide->xf, wide->e, s.vocab_size,
                        s.n_embd, (Rows){NULL, s.n_embd});
    loss_softmax(&s, wide->e, wide->total, wide->inverse);

    double sum = 0.0;
    for (size_t t = 0; t < s.n; t++) {
        wide->prob[t] = wide->e[(size_t)tokens[t + 1] * s.stride + t] * wide->inverse[t];
        if (!(wide->prob[t] > 0x1p-900)) {
            return false; // its inverse may be infinite; or it is NaN, as is the loss
        }
        sum += log(wide->prob[t]) * -1;
    }
    *loss = sum * (1 / (double)s.n);
    return isfinite(*loss);
}

// The same code is compiled three times: for the default sizes with at most 8 positions, for the
// default sizes with more, and for all sizes. For the default sizes the compiler knows every length
// except the number of positions.
static bool document_forward(Wide *wide, const Model *model, const int *tokens, size_t n_positions,
                             double *loss)
{
    const Sizes s = sizes_of(model, n_positions);
    if (are_default(&s) && s.end == 8) {
        return forward(default_sizes(s.n, 8, 8), wide, model, tokens, loss);
    }
    if (are_default(&s)) {
        return forward(default_sizes(s.n, s.end, s.stride), wide, model, tokens, loss);
    }
    return forward(s, wide, model, tokens, loss);
}

// Computes dx, the gradient of the last layer's output, from those of the losses.
ALWAYS_INLINE void wide_lm_head_backward(const Sizes *s, Wide *wide, Model *model,
                                         const int *tokens)
{
    const double *w = matrix_data(model, MATRIX_LM_HEAD, -1);
    double *dlogits = wide->e; // in place
    double dloss = -1 * (1 / (double)s->n);
    double dprob[WIDEST];
    for (size_t t = 0; t < s->end; t += N_LANES) {
        Lanes local = lanes_all(-1.0) * exact_pow_minus_2(lanes_load(&wide->total[t]));
        // The loss depends only on the target's probability: dtotal has one term per position.
        for (size_t i = 0; i < N_LANES; i++) {
            bool exists = t + i < s->n;
            dprob[i] = exists ? (1 / wide->prob[t + i]) * dloss : 0.0;
        }
        double e_target[WIDEST];
        for (size_t i = 0; i < N_LANES; i++) {
            size_t target = t + i < s->n ? (size_t)tokens[t + i + 1] : 0;
            e_target[i] = dlogits[target * s->stride + t + i];
        }
        Lanes dp = lanes_load(dprob);
        Lanes et = lanes_load(e_target);
        Lanes dtotal = local * (et * dp);
        Lanes dtarget = et * (lanes_load(&wide->inverse[t]) * dp + dtotal);
        lanes_store(&wide->prob[t], dtarget);
        for (size_t j = 0; j < s->vocab_size; j++) {
            double *dlogit = &dlogits[j * s->stride + t];
            lanes_store(dlogit, lanes_load(dlogit) * dtotal);
        }
    }

    // The target's logit is added last, after all others in descending order (see tensor_plain.c):
    // in the first sum its factor is zero, then its product is added. (Its row of lm_head is
    // finite: otherwise the target would have no probability.)
    for (size_t t = 0; t < s->n; t++) {
        size_t target = (size_t)tokens[t + 1];
        dlogits[target * s->stride + t] = 0.0;
        Lanes dtarget = lanes_all(wide->prob[t]);
        for (size_t i = 0; i < s->n_embd; i += N_LANES) {
            size_t count = lesser(s->n_embd - i, N_LANES);
            Lanes row = lanes_load_first(&w[target * s->n_embd + i], count);
            lanes_store(&wide->rows[t * s->row + i], row * dtarget);
        }
    }
    memset(&wide->rows[s->n * s->row], 0, (s->end - s->n) * s->row * sizeof(double));
    wide_linear_backward_input(s, w, dlogits, wide->dx, s->vocab_size, s->n_embd,
                               (Rows){NULL, s->n_embd});
    transpose(wide->rows, s->row, wide->dxn, s->stride, s->end, s->n_embd);
    wide_add(s, wide->dx, wide->dxn, s->n_embd);
    for (size_t t = 0; t < s->n; t++) {
        dlogits[(size_t)tokens[t + 1] * s->stride + t] = wide->prob[t];
    }
    transpose(wide->xf, s->stride, wide->rows, s->row, s->n_embd, s->end);
    WeightSums dw = {.dw = matrix_grad(model, MATRIX_LM_HEAD, -1),
                     .n_in = s->n_embd,
                     .dy = dlogits,
                     .x = wide->rows,
                     .x_row = s->row};
    wide_linear_backward_weight(s, dw, s->vocab_size);
}

// Replaces dx, the gradient of the layer's output, by the gradient of x1. Skips the rows of h that
// are zero at all positions: their gradients are zero.
ALWAYS_INLINE void wide_mlp_backward(const Sizes *s, Wide *wide, Model *model, int l)
{
    WideLayer *layer = &wide->layers[l];
    size_t n_hidden = 4 * s->n_embd;
    size_t hidden_row = wide_round_up(n_hidden);
    size_t n_active = layer->n_active;
    double *dfc1 = matrix_grad(model, MATRIX_MLP_FC1, l);

    transpose(layer->h, s->stride, wide->rows, hidden_row, n_hidden, s->end);
    WeightSums dfc2_sums = {.dw = matrix_grad(model, MATRIX_MLP_FC2, l),
                            .n_in = n_hidden,
                            .dy = wide->dx,
                            .x = wide->rows,
                            .x_row = hidden_row};
    wide_linear_backward_weight(s, dfc2_sums, s->n_embd);

    wide_linear_backward_input(s, matrix_data(model, MATRIX_MLP_FC2, l), wide->dx, wide->dh,
                               s->n_embd, n_hidden, (Rows){layer->active, whole_steps(n_active)});
    wide_relu_backward(s, layer->h, wide->dh, layer->active, n_active);
    for (size_t i = 0; i < n_active; i++) {
        wide->falling[i] = layer->active[n_active - 1 - i];
    }
    wide_linear_backward_input_order(s, matrix_data(model, MATRIX_MLP_FC1, l), wide->dh, wide->dxn,
                                     s->n_embd, wide->falling, n_active);
    transpose(layer->xn2, s->stride, wide->rows, s->row, s->n_embd, s->end);
    memset(dfc1, 0, n_hidden * s->n_embd * sizeof *dfc1);
    WeightSums dfc1_sums = {.dw = dfc1,
                            .n_in = s->n_embd,
                            .dy = wide->dh,
                            .x = wide->rows,
                            .x_row = s->row,
                            .outs = layer->active};
    wide_linear_backward_weight(s, dfc1_sums, whole_steps(n_active));
    wide_rmsnorm_backward(s, layer->x1, layer->norm2, wide->dxn, wide->dx, wide->inverse_n_embd);
}

// Replaces dprobs by the gradients of the scores, for a head's queries from t on.
// Shapes: e, dprobs [n_keys,S].
ALWAYS_INLINE void attention_softmax_backward(const Sizes *s, const double *e, size_t t,
                                              Lanes total, Lanes inverse, double inverse_sqrt_dim,
                                              double *dprobs)
{
    Lanes local = lanes_all(-1.0) * exact_pow_minus_2(total);
    Lanes dtotal = lanes_all(0.0);
    size_t n_keys = keys_of(s, t);
    for (size_t key = n_keys; key-- > 0;) {
        size_t at = key * s->stride + t;
        dtotal = dtotal + local * (lanes_load(&e[at]) * lanes_load(&dprobs[at]));
    }
    for (size_t key = 0; key < n_keys; key++) {
        size_t at = key * s->stride + t;
        Lanes dlogit = lanes_load(&e[at]) * (inverse * lanes_load(&dprobs[at]) + dtotal);
        lanes_store(&dprobs[at], lanes_all(inverse_sqrt_dim) * dlogit);
    }
    for (size_t key = n_keys; key < t + N_LANES; key++) {
        lanes_store(&dprobs[key * s->stride + t], lanes_all(0.0));
    }
}

// Computes a head's dq for the queries from t on, and the inputs for its dk and dv: the
// probabilities and the scores' gradients, transposed.
ALWAYS_INLINE void attention_queries_backward(const Sizes *s, Wide *wide, const WideLayer *layer,
                                              size_t h, size_t t)
{
    const ptrdiff_t stride = (ptrdiff_t)s->stride;
    const size_t square = h * s->stride * s->stride;  // the head's first index of [H,S,S]
    const size_t first = h * s->head_dim * s->stride; // and its first row
    const size_t n_keys = keys_of(s, t);
    const double *k = layer->qkv + s->n_embd * s->stride + first;
    double *probs = wide->attn[0] + square;
    double *dscores = wide->attn[1] + square;
    attention_probs(s, layer->attn_e + square, lanes_load(&layer->attn_inverse[h * s->stride + t]),
                    t, probs);
    Products products = {.w = k + n_keys - 1,
                         .w_out = stride,
                         .w_term = -1,
                         .x = dscores + (n_keys - 1) * s->stride + t,
                         .x_term = -stride,
                         .n_terms = n_keys};
    sum_products(products, wide->dqkv + first + t, s->stride, s->head_dim, 1);
    transpose(probs + t, s->stride, wide->attn[2] + square + t * s->stride, s->stride, t + N_LANES,
              N_LANES);
    transpose(dscores + t, s->stride, wide->attn[3] + square + t * s->stride, s->stride,
              t + N_LANES, N_LANES);
}

// Computes a head's dscores for the queries from t on.
ALWAYS_INLINE void attention_scores_backward(const Sizes *s, Wide *wide, const WideLayer *layer,
                                             size_t h, size_t t)
{
    const ptrdiff_t stride = (ptrdiff_t)s->stride;
    const size_t square = h * s->stride * s->stride;
    const size_t last = (h * s->head_dim + s->head_dim - 1) * s->stride; // the head's last row
    const double *v = layer->qkv + 2 * s->n_embd * s->stride;
    double *dscores = wide->attn[1] + square;
    Products products = {.w = v + last,
                         .w_out = 1,
                         .w_term = -stride,
                         .x = wide->dxa + last + t,
                         .x_term = -stride,
                         .n_terms = s->head_dim};
    sum_products(products, dscores + t, s->stride, keys_of(s, t), 1);
    attention_softmax_backward(
        s, layer->attn_e + square, t, lanes_load(&layer->attn_total[h * s->stride + t]),
        lanes_load(&layer->attn_inverse[h * s->stride + t]), wide->inverse_sqrt_dim, dscores);
}

// Computes a head's dk and dv for the keys from key on. Here the lanes are keys, and the sums are
// over the queries that attend to them, in descending order.
ALWAYS_INLINE void attention_keys_backward(const Sizes *s, Wide *wide, const WideLayer *layer,
                                           size_t h, size_t key)
{
    const ptrdiff_t stride = (ptrdiff_t)s->stride;
    const size_t matrix = s->n_embd * s->stride;
    const size_t first = h * s->head_dim * s->stride;
    const size_t last_query = s->n - 1;
    const size_t at = h * s->stride * s->stride + last_query * s->stride + key;
    const size_t n_queries = s->n - key;
    Products dk = {.w = layer->qkv + first + last_query,
                   .w_out = stride,
                   .w_term = -1,
                   .x = wide->attn[3] + at,
                   .x_term = -stride,
                   .n_terms = n_queries};
    Products dv = {.w = wide->dxa + first + last_query,
                   .w_out = stride,
                   .w_term = -1,
                   .x = wide->attn[2] + at,
                   .x_term = -stride,
                   .n_terms = n_queries};
    sum_products(dk, wide->dqkv + matrix + first + key, s->stride, s->head_dim, 1);
    sum_products(dv, wide->dqkv + 2 * matrix + first + key, s->stride, s->head_dim, 1);
}

// Replaces dx, the gradient of x1, by the gradient of x0.
ALWAYS_INLINE bool wide_attention_backward(const Sizes *s, Wide *wide, Model *model, int l)
{
    WideLayer *layer = &wide->layers[l];
    wide_linear_backward_input(s, matrix_data(model, MATRIX_ATTN_WO, l), wide->dx, wide->dxa,
                               s->n_embd, s->n_embd, (Rows){NULL, s->n_embd});
    if (!all_usual(wide->dxa, s->n_embd * s->stride)) {
        return false;
    }
    for (size_t t = 0; t < s->end; t += N_LANES) {
        for (size_t h = 0; h < s->n_head; h++) {
            attention_scores_backward(s, wide, layer, h, t);
        }
        for (size_t h = 0; h < s->n_head; h++) {
            attention_queries_backward(s, wide, layer, h, t);
        }
    }
    for (size_t key = 0; key < s->end; key += N_LANES) {
        for (size_t h = 0; h < s->n_head; h++) {
            attention_keys_backward(s, wide, layer, h, key);
        }
    }
    transpose(layer->xa, s->stride, wide->rows, s->row, s->n_embd, s->end);
    WeightSums dwo = {.dw = matrix_grad(model, MATRIX_ATTN_WO, l),
                      .n_in = s->n_embd,
                      .dy = wide->dx,
                      .x = wide->rows,
                      .x_row = s->row};
    wide_linear_backward_weight(s, dwo, s->n_embd);

    // The three matrices are contiguous in memory, and so are their gradients.
    wide_linear_backward_input_order(s, matrix_data(model, MATRIX_ATTN_WQ, l), wide->dqkv,
                                     wide->dxn, s->n_embd, wide->qkv_order, 3 * s->n_embd);
    transpose(layer->xn1, s->stride, wide->rows, s->row, s->n_embd, s->end);
    WeightSums dwqkv = {.dw = matrix_grad(model, MATRIX_ATTN_WQ, l),
                        .n_in = s->n_embd,
                        .dy = wide->dqkv,
                        .x = wide->rows,
                        .x_row = s->row};
    wide_linear_backward_weight(s, dwqkv, 3 * s->n_embd);
    wide_rmsnorm_backward(s, layer->x0, layer->norm1, wide->dxn, wide->dx, wide->inverse_n_embd);
    return true;
}

// Adds to the gradients of the tokens' and the positions' rows, given that of their normalised sum.
ALWAYS_INLINE void wide_embedding_backward(const Sizes *s, Wide *wide, Model *model,
                                           const int *tokens)
{
    double *dwte = matrix_grad(model, MATRIX_WTE, -1);
    double *dwpe = matrix_grad(model, MATRIX_WPE, -1);
    size_t block_size = (size_t)model->config.block_size;
    memset(wide->dxn, 0, s->n_embd * s->stride * sizeof(double));
    wide_rmsnorm_backward(s, wide->embedded, wide->norm0, wide->dx, wide->dxn,
                          wide->inverse_n_embd);
    transpose(wide->dxn, s->stride, wide->rows, s->row, s->n_embd, s->end);
    memset(dwte, 0, s->vocab_size * s->n_embd * sizeof *dwte);
    memset(&dwpe[s->n * s->n_embd], 0, (block_size - s->n) * s->n_embd * sizeof *dwpe);
    for (size_t t = s->n; t-- > 0;) {
        double *token_row = &dwte[(size_t)tokens[t] * s->n_embd];
        double *pos_row = &dwpe[t * s->n_embd];
        for (size_t i = 0; i < s->n_embd; i += N_LANES) {
            size_t count = lesser(s->n_embd - i, N_LANES);
            Lanes dx = lanes_load(&wide->rows[t * s->row + i]);
            lanes_store_first(&token_row[i], lanes_load_first(&token_row[i], count) + dx, count);
            lanes_store_first(&pos_row[i], lanes_all(0.0) + dx, count);
        }
    }
}

ALWAYS_INLINE bool backward(const Sizes s, Wide *wide, Model *model, const int *tokens)
{
    size_t n_dx = s.n_embd * s.stride;
    wide_lm_head_backward(&s, wide, model, tokens);
    for (int l = model->config.n_layer; l-- > 0;) {
        if (!all_usual(wide->dx, n_dx)) {
            return false;
        }
        wide_mlp_backward(&s, wide, model, l);
        if (!all_usual(wide->dx, n_dx) || !wide_attention_backward(&s, wide, model, l)) {
            return false;
        }
    }
    wide_embedding_backward(&s, wide, model, tokens);
    return true;
}

static bool document_backward(Wide *wide, Model *model, const int *tokens, size_t n_positions)
{
    const Sizes s = sizes_of(model, n_positions);
    if (are_default(&s) && s.end == 8) {
        return backward(default_sizes(s.n, 8, 8), wide, model, tokens);
    }
    if (are_default(&s)) {
        return backward(default_sizes(s.n, s.end, s.stride), wide, model, tokens);
    }
    return backward(s, wide, model, tokens);
}
