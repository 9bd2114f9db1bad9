// The tensor engine's sampling kernels over Lanes: one token at a time, with a KV cache.
// tensor_kernels.c includes this after tensor_lanes.h. tensor_wide.h explains the layout.
//
// There is only one position, so a vector holds several outputs of a matrix, and the matrices are
// transposed for that.

// The sums of products for sampling: y[c] = sum over k of w[k] * x[k * x_row + c], a vector of
// outputs at a time. k rises from 0, or takes the values of order.
ALWAYS_INLINE void mix_tile(const double *w, const double *x, size_t x_row, const uint32_t *order,
                            size_t n_terms, double *y, const int n_vectors)
{
    Lanes sums[8];
    for (int j = 0; j < n_vectors; j++) {
        sums[j] = lanes_all(0.0);
    }
    for (size_t i = 0; i < n_terms; i++) {
        size_t k = order == NULL ? i : order[i];
        Lanes wk = lanes_all(w[k]);
        for (int j = 0; j < n_vectors; j++) {
            sums[j] = sums[j] + wk * lanes_load(&x[k * x_row + (size_t)j * N_LANES]);
        }
    }
    for (int j = 0; j < n_vectors; j++) {
        lanes_store(&y[j * N_LANES], sums[j]);
    }
}

// Computes n_out outputs, rounded up to whole vectors.
ALWAYS_INLINE void mix(const double *w, const double *x, size_t x_row, const uint32_t *order,
                       size_t n_terms, double *y, size_t n_out)
{
    size_t c = 0;
    for (; c + 7 * N_LANES < n_out; c += 8 * N_LANES) {
        mix_tile(w, x + c, x_row, order, n_terms, y + c, 8);
    }
    if (c + 3 * N_LANES < n_out) {
        mix_tile(w, x + c, x_row, order, n_terms, y + c, 4);
        c += 4 * N_LANES;
    }
    if (c + N_LANES < n_out) {
        mix_tile(w, x + c, x_row, order, n_terms, y + c, 2);
        c += 2 * N_LANES;
    }
    if (c < n_out) {
        mix_tile(w, x + c, x_row, order, n_terms, y + c, 1);
    }
}

// to[i,o] = w[o,i]. Shapes: w [n_out,n_in], to [n_in, n_out rounded up].
static void transpose_weight(const double *w, double *to, size_t n_out, size_t n_in)
{
    size_t to_row = wide_round_up(n_out);
    for (size_t o = 0; o < n_out; o += N_LANES) {
        for (size_t i = 0; i < n_in; i += N_LANES) {
            size_t n_rows = lesser(n_out - o, N_LANES);
            size_t n_columns = lesser(n_in - i, N_LANES);
            Lanes square[N_LANES];
            for (size_t k = 0; k < N_LANES; k++) {
                const double *row = &w[(o + lesser(k, n_rows - 1)) * n_in + i];
                square[k] = lanes_load_first(row, n_columns);
            }
            lanes_transpose(square);
            for (size_t k = 0; k < n_columns; k++) {
                lanes_store(&to[(i + k) * to_row + o], square[k]);
            }
        }
    }
}

// Transposes all weights, for one sample.
static bool sample_begin(WideSample *sample, const Model *model)
{
    const Sizes s = sizes_of(model, 1);
    size_t n_hidden = 4 * s.n_embd;
    if (!all_usual(model->data, model->n_params)) {
        return false;
    }
    transpose_weight(matrix_data(model, MATRIX_LM_HEAD, -1), sample->lm_head, s.vocab_size,
                     s.n_embd);
    for (int l = 0; l < model->config.n_layer; l++) {
        size_t rows = (size_t)l * s.n_embd; // of the layers before this one
        transpose_weight(matrix_data(model, MATRIX_ATTN_WQ, l),
                         &sample->qkv[rows * wide_round_up(3 * s.n_embd)], 3 * s.n_embd, s.n_embd);
        transpose_weight(matrix_data(model, MATRIX_ATTN_WO, l), &sample->wo[rows * s.row], s.n_embd,
                         s.n_embd);
        transpose_weight(matrix_data(model, MATRIX_MLP_FC1, l),
                         &sample->fc1[rows * wide_round_up(n_hidden)], n_hidden, s.n_embd);
        transpose_weight(matrix_data(model, MATRIX_MLP_FC2, l), &sample->fc2[4 * rows * s.row],
                         s.n_embd, n_hidden);
    }
    return true;
}

static void sample_rmsnorm(const Sizes *s, const WideSample *sample, const double *x, double *y)
{
    double sum = 0.0;
    for (size_t i = 0; i < s->n_embd; i++) {
        sum += x[i] * x[i];
    }
    double mean_square = sum * sample->inverse_n_embd + 1e-5;
    Lanes scale = exact_pow_minus_1_2(lanes_all(mean_square));
    for (size_t i = 0; i < s->n_embd; i += N_LANES) {
        lanes_store(&y[i], lanes_load(&x[i]) * scale);
    }
}

// Replaces scores by probabilities. The last vector's lanes beyond n are undefined.
// Shapes: scores [n].
static void sample_softmax(double *scores, size_t n, double factor)
{
    double max = scores[0] * factor;
    for (size_t i = 1; i < n; i++) {
        double score = scores[i] * factor;
        max = score > max ? score : max;
    }
    for (size_t i = 0; i < n; i += N_LANES) {
        Lanes difference = lanes_load_first(&scores[i], lesser(n - i, N_LANES)) * lanes_all(factor);
        difference = difference + lanes_all(-max);
        if (n - i < N_LANES) {
            // The lanes beyond n may contain any number, for which exp might call libm.
            double last[N_LANES] = {0};
            lanes_store_first(last, difference, n - i);
            difference = lanes_load(last);
        }
        lanes_store(&scores[i], exact_exp(difference));
    }
    double total = 0.0;
    for (size_t i = 0; i < n; i++) {
        total += scores[i];
    }
    Lanes inverse = exact_pow_minus_1(lanes_all(total));
    for (size_t i = 0; i < n; i += N_LANES) {
        lanes_store(&scores[i], lanes_load(&scores[i]) * inverse);
    }
}

// Computes the heads' outputs from the position's queries, keys and values, and adds its keys and
// values to the cache.
static void sample_attention(const Sizes *s, WideSample *sample, size_t l, size_t pos_id)
{
    size_t c = sample->max_positions;
    const double *q = sample->activations;
    double *keys = &sample->keys[l * s->n_embd * c];
    double *values = &sample->values[l * c * s->row];
    for (size_t i = 0; i < s->n_embd; i++) {
        keys[i * c + pos_id] = q[s->n_embd + i];
    }
    memcpy(&values[pos_id * s->row], &q[2 * s->n_embd], s->n_embd * sizeof(double));
    for (size_t first = 0; first < s->n_embd; first += s->head_dim) {
        mix(&q[first], &keys[first * c], c, NULL, s->head_dim, sample->scores, pos_id + 1);
        sample_softmax(sample->scores, pos_id + 1, sample->inverse_sqrt_dim);
        // Writes whole vectors; the next head overwrites what is beyond this head's outputs.
        mix(sample->scores, &values[first], s->row, NULL, pos_id + 1, &sample->xa[first],
            s->head_dim);
    }
}

static void sample_add(const Sizes *s, double *x, const double *y)
{
    for (size_t i = 0; i < s->n_embd; i += N_LANES) {
        lanes_store(&x[i], lanes_load(&y[i]) + lanes_load(&x[i]));
    }
}

static size_t sample_relu(const double *h, size_t n, uint32_t *active)
{
    size_t n_active = 0;
    for (size_t i = 0; i < n; i++) {
        active[n_active] = (uint32_t)i; // overwritten by the next one unless counted
        n_active += h[i] > 0;
    }
    return n_active;
}

static void sample_layer(const Sizes *s, WideSample *sample, size_t l, size_t pos_id)
{
    size_t rows = l * s->n_embd; // of the layers before this one
    size_t n_hidden = 4 * s->n_embd;
    size_t qkv_row = wide_round_up(3 * s->n_embd);
    size_t hidden_row = wide_round_up(n_hidden);
    double *activations = sample->activations;
    sample_rmsnorm(s, sample, sample->x, sample->xn);
    mix(sample->xn, &sample->qkv[rows * qkv_row], qkv_row, NULL, s->n_embd, activations,
        3 * s->n_embd);
    sample_attention(s, sample, l, pos_id);
    mix(sample->xa, &sample->wo[rows * s->row], s->row, NULL, s->n_embd, sample->xn, s->n_embd);
    sample_add(s, sample->x, sample->xn);

    sample_rmsnorm(s, sample, sample->x, sample->xn);
    mix(sample->xn, &sample->fc1[rows * hidden_row], hidden_row, NULL, s->n_embd, activations,
        n_hidden);
    size_t n_active = sample_relu(activations, n_hidden, sample->active);
    mix(activations, &sample->fc2[4 * rows * s->row], s->row, sample->active, n_active, sample->xn,
        s->n_embd);
    sample_add(s, sample->x, sample->xn);
}

static void sample_probs(WideSample *sample, const Model *model, int token_id, size_t pos_id,
                         double temperature, double *probs)
{
    const Sizes s = sizes_of(model, 1);
    const double *token_row = &matrix_data(model, MATRIX_WTE, -1)[(size_t)token_id * s.n_embd];
    const double *pos_row = &matrix_data(model, MATRIX_WPE, -1)[pos_id * s.n_embd];
    for (size_t i = 0; i < s.n_embd; i++) {
        sample->xn[i] = token_row[i] + pos_row[i];
    }
    sample_rmsnorm(&s, sample, sample->xn, sample->x);
    for (int l = 0; l < model->config.n_layer; l++) {
        sample_layer(&s, sample, (size_t)l, pos_id);
    }
    mix(sample->x, sample->lm_head, wide_round_up(s.vocab_size), NULL, s.n_embd, sample->logits,
        s.vocab_size);
    if (temperature != sample->temperature) {
        sample->temperature = temperature;
        sample->inverse_temperature = exactmath_libm(EXACT_POW_MINUS_1, temperature);
    }
    sample_softmax(sample->logits, s.vocab_size, sample->inverse_temperature);
    memcpy(probs, sample->logits, s.vocab_size * sizeof *probs);
}
