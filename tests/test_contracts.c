// The contracts of docs/contracts.md: statements for every model, every text and every number, not
// only for the examples of the unit tests. contract_NAME is the contract NAME there.
//
// The cases are drawn with the project's own generator. MICROGPT_SEED=N draws others (the default
// is 1). A failure prints its seed.
#include <math.h>
#include <stdio.h>

#include "check_more.h"
#include "microgpt/microgpt.h"
#include "python/utf8.h"
#include "run/session.h"
#include "scalar/scalar_gpt.h"
#include "scalar/scalar_nn.h"
#include "tensor/tensor_nn.h"

enum {
    MOST_VOCAB = 30,
    MOST_POSITIONS = 8,
    MOST_VECTOR = 64,
    MOST_LETTERS = 50, // of an alphabet
    MOST_TEXT = 40,    // characters
};

// The default model, in the letters of model.h.
enum {
    V = 27,
    E = DEFAULT_N_EMBD,
    B = DEFAULT_BLOCK_SIZE,
    L = DEFAULT_N_LAYER,
    N_DEFAULT_PARAMS = 2 * V * E + B * E + L * 12 * E * E,
};

_Static_assert(N_DEFAULT_PARAMS == 4192, "microgpt.py has 4192 parameters");
_Static_assert(DEFAULT_N_EMBD % DEFAULT_N_HEAD == 0, "every head has head_dim dimensions");

static const double ROUNDING = 0x1p-53; // the largest relative error of one operation

// ---- drawing cases ----

static Random rng;

static uint64_t first_seed(void)
{
    const char *text = getenv("MICROGPT_SEED");
    return text == NULL ? 1 : strtoull(text, NULL, 10);
}

// Every test calls this first, so that its cases do not depend on which tests ran before.
static void draw_cases(void)
{
    random_seed(&rng, first_seed());
}

// Returns a smaller number if each case takes long, as in valgrind.
static int n_cases(int n)
{
    return is_quick() ? 1 + n / 20 : n;
}

static int draw_between(int least, int most)
{
    return least + (int)random_randbelow(&rng, (uint64_t)(most - least) + 1);
}

// Returns a number of either sign, with a magnitude in [2^low, 2^high), where all magnitudes are
// equally likely.
static double draw_number(double low, double high)
{
    double size = exp2(low + (high - low) * random_random(&rng));
    return random_getrandbits(&rng, 1) == 0 ? size : -size;
}

static void draw_numbers(double *numbers, size_t n, double low, double high)
{
    for (size_t i = 0; i < n; i++) {
        numbers[i] = random_randbelow(&rng, 20) == 0 ? 0.0 : draw_number(low, high);
    }
}

// A model with random sizes, a document for it, and both engines.
typedef struct Case {
    Model model;
    Engine *scalar;
    Engine *tensor;
    int tokens[MOST_POSITIONS + 1];
    size_t n_positions;
} Case;

static void draw_document(Case *c)
{
    int vocab_size = c->model.config.vocab_size;
    c->n_positions = (size_t)draw_between(1, c->model.config.block_size);
    for (size_t i = 0; i <= c->n_positions; i++) {
        c->tokens[i] = draw_between(0, vocab_size - 1);
    }
}

static void open_case(Case *c, const ModelConfig *shape, double init_std)
{
    Error error = {""};
    bool ok = model_init(&c->model, shape, &error);
    ck_assert_msg(ok, "%s", error.message);
    model_randomize(&c->model, &rng, init_std);
    ok = engine_create(&c->scalar, ENGINE_SCALAR, &c->model, &error) &&
         engine_create(&c->tensor, ENGINE_TENSOR, &c->model, &error);
    ck_assert_msg(ok, "%s", error.message);
}

static void draw_case(Case *c)
{
    int n_head = draw_between(1, 3);
    const ModelConfig shape = {
        .n_layer = draw_between(0, 2),
        .n_embd = n_head * draw_between(1, 4),
        .n_head = n_head,
        .block_size = draw_between(1, MOST_POSITIONS),
        .vocab_size = draw_between(2, MOST_VOCAB),
    };
    open_case(c, &shape, fabs(draw_number(-6, -1)));
    draw_document(c);
}

static void close_case(Case *c)
{
    engine_free(c->scalar);
    engine_free(c->tensor);
    model_free(&c->model);
}

static double forward_loss(Engine *engine, const Case *c)
{
    Error error = {""};
    double loss;
    bool ok = engine_forward(engine, c->tokens, c->n_positions, &loss, &error);
    ck_assert_msg(ok, "%s", error.message);
    return loss;
}

static void assert_same_loss(double tensor, double scalar, SimdLevel level)
{
    char what[64];
    snprintf(what, sizeof what, "the tensor engine's loss, simd %s,", simd_name(level));
    assert_same_double(tensor, scalar, what);
}

// Returns the scalar engine's loss, which must also be the tensor engine's at every SIMD level.
static double loss_of_engines(const Case *c)
{
    double loss = forward_loss(c->scalar, c);
    for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
        if (simd_has(level)) {
            engine_set_simd(c->tensor, level);
            assert_same_loss(forward_loss(c->tensor, c), loss, level);
        }
    }
    return loss;
}

// Reads the data of all nodes `posT.NAME[i]` of the scalar engine's last document into numbers
// [n_positions,n]. All of them must exist.
static void read_nodes(const Case *c, const char *name, double *numbers, size_t n)
{
    const Graph *g = engine_graph(c->scalar);
    char format[32];
    size_t n_found = 0;
    snprintf(format, sizeof format, "pos%%zu.%s[%%zu]%%n", name);
    for (size_t node_id = c->model.n_params; node_id < graph_n_nodes(g); node_id++) {
        char path[NODE_PATH_BYTES];
        size_t position;
        size_t i;
        int end = 0;
        node_path(g, node_id, path);
        if (sscanf(path, format, &position, &i, &end) == 2 && end > 0 && path[end] == '\0') {
            if (position >= c->n_positions || i >= n) {
                ck_abort_msg("%s is not a node of this document", path);
            }
            numbers[position * n + i] = graph_node(g, node_id)->data;
            n_found++;
        }
    }
    ck_assert_uint_eq(n_found, c->n_positions * n);
}

// ---- embedding-lookup ----

// Returns column i of the product of a token's one-hot row and the matrix, added up as Python's
// sum() does.
static double one_hot_product(const double *w, size_t n_rows, size_t n_columns, size_t row,
                              size_t i)
{
    double sum = 0;
    for (size_t v = 0; v < n_rows; v++) {
        double one_hot = v == row ? 1.0 : 0.0;
        sum += one_hot * w[v * n_columns + i];
    }
    return sum;
}

static void assert_lookup_is_product(const Case *c)
{
    double embed[MOST_POSITIONS * MOST_VECTOR];
    size_t n_embd = (size_t)c->model.config.n_embd;
    const double *wte = c->model.data + model_matrix(&c->model, MATRIX_WTE, -1)->first_param;
    const double *wpe = c->model.data + model_matrix(&c->model, MATRIX_WPE, -1)->first_param;
    loss_of_engines(c);
    read_nodes(c, "embed", embed, n_embd);
    for (size_t position = 0; position < c->n_positions; position++) {
        size_t token_id = (size_t)c->tokens[position];
        double x[MOST_VECTOR];
        embedding_forward(wte + token_id * n_embd, wpe + position * n_embd, x, n_embd);
        for (size_t i = 0; i < n_embd; i++) {
            double expected =
                one_hot_product(wte, (size_t)c->model.config.vocab_size, n_embd, token_id, i) +
                one_hot_product(wpe, (size_t)c->model.config.block_size, n_embd, position, i);
            assert_same_double(embed[position * n_embd + i], expected, "the scalar embedding");
            assert_same_double(x[i], expected, "the tensor embedding");
        }
    }
}

START_TEST(contract_embedding_lookup)
{
    draw_cases();
    for (int i = 0; i < n_cases(100); i++) {
        Case c;
        draw_case(&c);
        draw_numbers(c.model.data, c.model.n_params, -60, 4);
        assert_lookup_is_product(&c);
        close_case(&c);
    }
    // The only exception: a sum that starts from +0.0 is never -0.0, but a lookup can be.
    double minus_zero = -0.0;
    double x;
    embedding_forward(&minus_zero, &minus_zero, &x, 1);
    assert_same_double(x, -0.0, "the lookup of -0.0");
    assert_same_double(one_hot_product(&minus_zero, 1, 1, 0, 0), 0.0, "the product of -0.0");
}
END_TEST

// ---- rmsnorm ----

// An operation over Values.
typedef void VectorFunction(Graph *g, Value *const *x, size_t n, Value **out);

static void softmax_of(Graph *g, Value *const *logits, size_t n, Value **out)
{
    softmax(g, "softmax", logits, n, out);
}

// Applies it to plain arrays. Also checks that it returns exactly n numbers.
static void apply(VectorFunction *function, const double *x, size_t n, double *y)
{
    Graph g;
    Value *in[MOST_VECTOR];
    Value *out[MOST_VECTOR + 1] = {NULL};
    graph_init(&g);
    for (size_t i = 0; i < n; i++) {
        in[i] = value_leaf(&g, x[i]);
    }
    function(&g, in, n, out);
    for (size_t i = 0; i < n; i++) {
        if (out[i] == NULL) {
            ck_abort_msg("%zu numbers go in, and %zu come out", n, i);
        }
        y[i] = out[i]->data;
    }
    ck_assert_ptr_null(out[n]);
    graph_free(&g);
}

// The error of each operation: the sum of squares has n roundings; the mean, 1e-5 and their sum
// have 4 more, of which the root leaves half; 2 for pow, 1 for the last product, 1 for the rest.
static double rmsnorm_bound(size_t n)
{
    return ((double)n / 2 + 6) * ROUNDING;
}

static void assert_rmsnorm(const double *x, const double *y, size_t n)
{
    long double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (long double)x[i] * x[i];
    }
    long double root = sqrtl(sum / (long double)n + 1e-5L);
    for (size_t i = 0; i < n; i++) {
        long double expected = x[i] / root;
        long double bound = (long double)rmsnorm_bound(n) * fabsl(expected);
        if (!isfinite(y[i]) || fabsl(y[i] - expected) > bound) {
            ck_abort_msg("%zu numbers: y[%zu] of %a is %a, expected %La", n, i, x[i], y[i],
                         expected);
        }
    }
}

START_TEST(contract_rmsnorm)
{
    draw_cases();
    for (int i = 0; i < n_cases(1000); i++) {
        double x[MOST_VECTOR];
        double scalar[MOST_VECTOR];
        double tensor[MOST_VECTOR + 1];
        RmsNorm norm;
        size_t n = (size_t)draw_between(1, MOST_VECTOR);
        double high = draw_between(-500, 500); // beyond these, squares leave the range of doubles
        draw_numbers(x, n, high - draw_between(1, 20), high);
        apply(rmsnorm, x, n, scalar);
        assert_rmsnorm(x, scalar, n);
        tensor[n] = NAN;
        rmsnorm_forward(x, tensor, &norm, n);
        assert_same_doubles(tensor, scalar, n, "the tensor engine's rmsnorm");
        ck_assert(isnan(tensor[n]));
    }
}
END_TEST

// ---- softmax ----

// The total has n - 1 roundings, its inverse 2, each product 1; adding up the probabilities has n
// more.
static void assert_softmax(const double *probs, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (!(probs[i] > 0 && probs[i] <= 1)) {
            ck_abort_msg("probability %zu is %a", i, probs[i]);
        }
        sum += probs[i];
    }
    ck_assert_msg(fabs(sum - 1) <= (2 * (double)n + 2) * ROUNDING, "%zu probabilities sum to %.17g",
                  n, sum);
}

START_TEST(contract_softmax)
{
    draw_cases();
    for (int i = 0; i < n_cases(1000); i++) {
        double logits[MOST_VECTOR];
        double probs[MOST_VECTOR];
        double e[MOST_VECTOR];
        Softmax softmax;
        size_t n = (size_t)draw_between(1, MOST_VECTOR);
        draw_numbers(logits, n, -10, draw_between(0, 8)); // no two of them differ by 700
        double shift = draw_number(-10, 8);
        for (size_t j = 0; j < n; j++) {
            logits[j] += shift;
        }
        apply(softmax_of, logits, n, probs);
        assert_softmax(probs, n);
        softmax_forward(logits, e, &softmax, n);
        for (size_t j = 0; j < n; j++) {
            assert_same_double(e[j] * softmax.inverse, probs[j], "the tensor engine's softmax");
        }
    }
}
END_TEST

// ---- causal ----

// Returns the loss, computed from probabilities that the engine returns without knowing any later
// token.
static double loss_without_future(Engine *engine, const Case *c)
{
    Error error = {""};
    double sum = 0;
    for (size_t position = 0; position < c->n_positions; position++) {
        double probs[MOST_VOCAB];
        bool ok = engine_probs(engine, c->tokens[position], position, 1, probs, &error);
        ck_assert_msg(ok, "%s", error.message);
        sum += log(probs[c->tokens[position + 1]]) * -1;
    }
    return sum * (1 / (double)c->n_positions);
}

// Leaves the graph of the document.
static void assert_losses_know_no_future(const Case *c)
{
    double loss = loss_of_engines(c);
    assert_same_double(loss_without_future(c->scalar, c), loss, "the loss without future tokens");
    for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
        if (simd_has(level)) {
            engine_set_simd(c->tensor, level);
            assert_same_loss(loss_without_future(c->tensor, c), loss, level);
        }
    }
    forward_loss(c->scalar, c);
}

// Draws another document with the same first n_kept tokens and a different next one.
static void draw_other_future(Case *c, size_t n_kept)
{
    int kept[MOST_POSITIONS + 1];
    memcpy(kept, c->tokens, sizeof kept);
    draw_document(c);
    c->n_positions = c->n_positions > n_kept ? c->n_positions : n_kept + 1;
    for (size_t i = n_kept; i <= c->n_positions; i++) {
        c->tokens[i] = draw_between(0, c->model.config.vocab_size - 1);
    }
    memcpy(c->tokens, kept, n_kept * sizeof *kept);
    c->tokens[n_kept] = (kept[n_kept] + 1) % c->model.config.vocab_size;
}

START_TEST(contract_causal)
{
    draw_cases();
    for (int i = 0; i < n_cases(100); i++) {
        static double before[MOST_POSITIONS * MOST_VOCAB];
        static double after[MOST_POSITIONS * MOST_VOCAB];
        Case c;
        draw_case(&c);
        size_t vocab_size = (size_t)c.model.config.vocab_size;
        assert_losses_know_no_future(&c);
        read_nodes(&c, "logit", before, vocab_size);
        if (c.n_positions >= 2) {
            size_t n_kept = (size_t)draw_between(1, (int)c.n_positions - 1);
            size_t n_logits = n_kept * vocab_size;
            draw_other_future(&c, n_kept);
            assert_losses_know_no_future(&c);
            read_nodes(&c, "logit", after, vocab_size);
            assert_same_doubles(after, before, n_logits, "logit");
            // Where a token differs, the logits differ, too, so the comparison can notice a change.
            ck_assert(memcmp(after + n_logits, before + n_logits, vocab_size * sizeof *after) != 0);
        }
        close_case(&c);
    }
}
END_TEST

// ---- finite-forward ----

static void assert_probs(Engine *engine, const Case *c)
{
    Error error = {""};
    size_t vocab_size = (size_t)c->model.config.vocab_size;
    for (size_t position = 0; position < c->n_positions; position++) {
        double probs[MOST_VOCAB + 1];
        probs[vocab_size] = NAN;
        bool ok = engine_probs(engine, c->tokens[position], position, 1, probs, &error);
        ck_assert_msg(ok, "%s", error.message);
        assert_softmax(probs, vocab_size);
        ck_assert(isnan(probs[vocab_size]));
    }
}

START_TEST(contract_finite_forward)
{
    draw_cases();
    for (int i = 0; i < n_cases(200); i++) {
        double logits[MOST_POSITIONS * MOST_VOCAB];
        Case c;
        draw_case(&c);
        size_t vocab_size = (size_t)c.model.config.vocab_size;
        ck_assert(isfinite(loss_of_engines(&c)));
        ck_assert_uint_eq(graph_n_nodes(engine_graph(c.scalar)),
                          c.model.n_params +
                              scalar_gpt_count_nodes(&c.model.config, c.n_positions));
        read_nodes(&c, "logit", logits, vocab_size);
        for (size_t j = 0; j < c.n_positions * vocab_size; j++) {
            if (!isfinite(logits[j])) {
                ck_abort_msg("case %d: logit %zu is %a", i, j, logits[j]);
            }
        }
        assert_probs(c.scalar, &c);
        assert_probs(c.tensor, &c);
        close_case(&c);
    }
}
END_TEST

// ---- tokenizer-round-trip ----

static uint32_t draw_character(void)
{
    static const int ranges[] = {0x7F, 0x7FF, 0xFFFF, UTF8_MAX_CODE_POINT}; // 1 to 4 bytes
    uint32_t character;
    do {
        character = (uint32_t)draw_between(0, ranges[draw_between(0, 3)]);
    } while (utf8_is_space(character) || (character >= 0xD800 && character <= 0xDFFF));
    return character;
}

// Draws a text of characters of the alphabet. Returns how many bytes it has.
static size_t draw_text(const uint32_t *alphabet, int n_letters, int n_characters, char *text)
{
    size_t size = 0;
    for (int i = 0; i < n_characters; i++) {
        size += utf8_write(alphabet[draw_between(0, n_letters - 1)], text + size);
    }
    return size;
}

static void assert_round_trip(const Tokenizer *tokenizer, Document doc, size_t n_characters)
{
    int tokens[MOST_TEXT + 2];
    char text[MOST_TEXT * UTF8_MAX_BYTES];
    size_t size = 0;
    size_t n_tokens = tokenizer_encode(tokenizer, doc, tokens, MOST_TEXT + 2);
    ck_assert_uint_eq(n_tokens, n_characters + 2);
    ck_assert_int_eq(tokens[0], tokenizer->bos);
    ck_assert_int_eq(tokens[n_tokens - 1], tokenizer->bos);
    for (size_t i = 1; i < n_tokens - 1; i++) {
        if (tokens[i] < 0 || tokens[i] >= tokenizer->bos) {
            ck_abort_msg("token %zu is %d", i, tokens[i]);
        }
        size += tokenizer_decode(tokenizer, tokens[i], text + size);
    }
    ck_assert_uint_eq(size, doc.size);
    ck_assert_mem_eq(text, doc.text, size);
}

START_TEST(contract_tokenizer_round_trip)
{
    draw_cases();
    for (int i = 0; i < n_cases(500); i++) {
        uint32_t alphabet[MOST_LETTERS];
        char text[MOST_LETTERS * UTF8_MAX_BYTES];
        int n_letters = draw_between(1, MOST_LETTERS);
        size_t size = 0;
        Dataset dataset;
        Tokenizer tokenizer;
        Error error;
        for (int j = 0; j < n_letters; j++) {
            alphabet[j] = draw_character();
            size += utf8_write(alphabet[j], text + size);
        }
        ck_assert(dataset_parse(&dataset, "the alphabet", text, size, &error));
        ck_assert(tokenizer_init(&tokenizer, &dataset, &error));
        for (int j = 0; j < 10; j++) {
            char doc[MOST_TEXT * UTF8_MAX_BYTES];
            int n_characters = draw_between(0, MOST_TEXT);
            size_t doc_size = draw_text(alphabet, n_letters, n_characters, doc);
            assert_round_trip(&tokenizer, (Document){doc, doc_size}, (size_t)n_characters);
        }
        tokenizer_free(&tokenizer);
        dataset_free(&dataset);
    }
}
END_TEST

// ---- adam ----

// Returns a number from 0 to the last double before 1.
static double draw_beta(void)
{
    switch (draw_between(0, 3)) {
    case 0:
        return 0;
    case 1:
        return nextafter(1, 0);
    case 2:
        return 1 - exp2(-draw_between(1, 53));
    default:
        return random_random(&rng);
    }
}

static void assert_moments(const Adam *adam)
{
    for (size_t i = 0; i < adam->n_params; i++) {
        if (!isfinite(adam->v[i]) || adam->v[i] < 0) {
            ck_abort_msg("v[%zu] is %a", i, adam->v[i]);
        }
    }
}

// Gradients of all magnitudes whose square is finite. The parameters may become infinite.
static void assert_second_moments(const AdamConfig *config, SimdLevel level)
{
    enum {
        N_STEPS = 12,
    };
    const ModelConfig shape = {
        .n_layer = 0, .n_embd = 3, .n_head = 1, .block_size = 2, .vocab_size = draw_between(2, 9)};
    Error error;
    Model model;
    Adam adam;
    ck_assert(model_init(&model, &shape, &error));
    ck_assert(adam_init(&adam, config, model.n_params, &error));
    adam.simd = level;
    for (size_t step = 0; step < N_STEPS; step++) {
        draw_numbers(model.grad, model.n_params, -1074, 511);
        ck_assert_msg(adam_step_simd(&adam, &model, step, N_STEPS, &error), "%s", error.message);
        assert_moments(&adam);
    }
    adam_free(&adam);
    model_free(&model);
}

static void assert_corrections(const AdamConfig *config)
{
    size_t step = (size_t)random_randbelow(&rng, (uint64_t)1 << draw_between(0, 53));
    AdamStep numbers = adam_step_numbers(config, step, step + 1);
    ck_assert_msg(numbers.correction1 > 0 && numbers.correction1 <= 1,
                  "beta1 %a, step %zu: the correction is %a", config->beta1, step,
                  numbers.correction1);
    ck_assert_msg(numbers.correction2 > 0 && numbers.correction2 <= 1,
                  "beta2 %a, step %zu: the correction is %a", config->beta2, step,
                  numbers.correction2);
}

// A step that succeeds is counted; a step that fails is not.
static void assert_steps_count(void)
{
    RunOptions options = run_options_default();
    Session session;
    Error error = {""};
    double loss;
    options.engine = ENGINE_TENSOR;
    options.seed = random_getrandbits(&rng, 64);
    ck_assert_msg(session_open(&session, &options, &error), "%s", error.message);
    for (size_t step = 0; step < 20; step++) {
        ck_assert_uint_eq(session.trainer.step, step);
        ck_assert_msg(trainer_step(&session.trainer, &loss, &error), "%s", error.message);
        assert_moments(&session.adam);
    }
    ck_assert_uint_eq(session.trainer.step, 20);
    session.model.data[model_matrix(&session.model, MATRIX_LM_HEAD, -1)->first_param] = NAN;
    ck_assert(!trainer_step(&session.trainer, &loss, &error));
    ck_assert_uint_eq(session.trainer.step, 20);
    session_close(&session);
}

START_TEST(contract_adam)
{
    draw_cases();
    for (int i = 0; i < n_cases(300); i++) {
        AdamConfig config = {fabs(draw_number(-20, 4)), draw_beta(), draw_beta(),
                             fabs(draw_number(-60, 4))};
        assert_corrections(&config);
        for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
            if (simd_has(level)) {
                assert_second_moments(&config, level);
            }
        }
    }
    assert_steps_count();
}
END_TEST

// ---- parameter-count ----

START_TEST(contract_parameter_count)
{
    RunOptions options = run_options_default();
    Session session;
    Error error = {""};
    ck_assert_int_eq(options.model.n_layer, L);
    ck_assert_int_eq(options.model.n_embd, E);
    ck_assert_int_eq(options.model.n_head, DEFAULT_N_HEAD);
    ck_assert_int_eq(options.model.block_size, B);
    ck_assert_msg(session_open(&session, &options, &error), "%s", error.message);
    ck_assert_int_eq(session.tokenizer.vocab_size, V);
    ck_assert_uint_eq(session.model.n_params, N_DEFAULT_PARAMS);
    session_close(&session);
}
END_TEST

// ---- untrained-loss ----

// The loss of one document of 8 letters, averaged over untrained default models. docs/contracts.md
// explains these bounds.
START_TEST(contract_untrained_loss)
{
    const RunOptions defaults = run_options_default();
    const int n_models = n_cases(1000);
    const double spread = 0.08 * 4.2;                 // of a logit
    const double bias = spread * spread / 2;          // the most by which it raises the loss
    const double error = 6 * spread / sqrt(n_models); // six standard deviations of the average
    ModelConfig shape = defaults.model;
    double sum = 0;
    shape.vocab_size = V;
    draw_cases();
    for (int i = 0; i < n_models; i++) {
        Case c;
        open_case(&c, &shape, defaults.init_std);
        c.n_positions = MOST_POSITIONS;
        for (size_t position = 0; position <= c.n_positions; position++) {
            c.tokens[position] = draw_between(0, V - 1);
        }
        sum += i < n_cases(50) ? loss_of_engines(&c) : forward_loss(c.tensor, &c);
        close_case(&c);
    }
    double above = sum / n_models - log(V);
    ck_assert_msg(above >= -error && above <= bias + error,
                  "the average loss of %d untrained models is ln 27 %+.4f, expected from %+.4f to "
                  "%+.4f",
                  n_models, above, -error, bias + error);
}
END_TEST

// ---- sampling ----

enum {
    N_DRAWS = 100000,
    N_SEEDS = 5, // the first of the cases, and four more
};

// Pearson's statistic.
static double chi_square(const size_t *counts, const double *probs, size_t n, size_t n_draws)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        double expected = probs[i] * (double)n_draws;
        double difference = (double)counts[i] - expected;
        sum += difference * difference / expected;
    }
    return sum;
}

// A chi-square of d degrees of freedom exceeds d + 2 sqrt(20 d) + 40 with a probability of less
// than e^-20, two in a billion.
// Source: Laurent and Massart, Adaptive estimation of a quadratic functional (2000), lemma 1
static double chi_square_bound(size_t n)
{
    double degrees = (double)(n - 1);
    return degrees + 2 * sqrt(20 * degrees) + 40;
}

static void assert_distribution(const size_t *counts, const double *probs, size_t n, size_t n_draws)
{
    double shifted[MOST_VOCAB];
    double statistic = chi_square(counts, probs, n, n_draws);
    ck_assert_msg(statistic <= chi_square_bound(n),
                  "seed %llu, %zu draws from %zu: chi-square is %.1f, expected at most %.1f",
                  (unsigned long long)first_seed(), n_draws, n, statistic, chi_square_bound(n));
    // The counts do not fit shifted probabilities, which shows that the test can fail.
    for (size_t i = 0; i < n; i++) {
        shifted[i] = probs[(i + 1) % n];
    }
    ck_assert(chi_square(counts, shifted, n, n_draws) > chi_square_bound(n));
}

// Weights that do not sum to 1; a weight of 0 is never drawn.
static void draw_and_count(size_t n_draws)
{
    double weights[MOST_VOCAB];
    double probs[MOST_VOCAB];
    size_t counts[MOST_VOCAB] = {0};
    double sum = 0;
    for (size_t i = 0; i < V; i++) {
        weights[i] = 1 + 9 * random_random(&rng);
        sum += weights[i];
    }
    weights[V] = 0;
    for (size_t i = 0; i < V; i++) {
        probs[i] = weights[i] / sum;
    }
    for (size_t i = 0; i < n_draws; i++) {
        size_t index = random_choices(&rng, weights, V + 1);
        if (index >= V) {
            ck_abort_msg("draw %zu is %zu of %d", i, index, V);
        }
        counts[index]++;
    }
    assert_distribution(counts, probs, V, n_draws);
}

// Draws samples of one token each, with both engines and the same random numbers.
static void sample_and_count(size_t n_draws, double temperature)
{
    const ModelConfig shape = {
        .n_layer = 1, .n_embd = 4, .n_head = 2, .block_size = 1, .vocab_size = 7};
    double probs[MOST_VOCAB];
    size_t counts[MOST_VOCAB] = {0};
    Case c;
    Sampler scalar;
    Sampler tensor;
    Error error = {""};
    open_case(&c, &shape, 0.3);
    Random same = rng;
    bool ok = sampler_init(&scalar, &c.model, c.scalar, &rng, temperature, &error) &&
              sampler_init(&tensor, &c.model, c.tensor, &same, temperature, &error);
    for (size_t i = 0; i < n_draws && ok; i++) {
        ok = sampler_next(&scalar, &error) && sampler_next(&tensor, &error);
        int token_id = scalar.n_tokens == 0 ? 6 : scalar.tokens[0];
        bool is_same = tensor.n_tokens == scalar.n_tokens &&
                       (tensor.n_tokens == 0 || tensor.tokens[0] == token_id);
        if (!is_same || token_id < 0 || token_id > 6) {
            ck_abort_msg("sample %zu is token %d, or another one in the tensor engine", i,
                         token_id);
        }
        counts[token_id]++;
    }
    ok = ok && engine_probs(c.scalar, 6, 0, temperature, probs, &error);
    ck_assert_msg(ok, "%s", error.message);
    assert_distribution(counts, probs, 7, n_draws);
    sampler_free(&scalar);
    sampler_free(&tensor);
    close_case(&c);
}

START_TEST(contract_sampling)
{
    size_t n_draws = (size_t)n_cases(N_DRAWS);
    for (uint64_t i = 0; i < N_SEEDS; i++) {
        random_seed(&rng, first_seed() + i);
        draw_and_count(n_draws);
    }
    draw_cases();
    sample_and_count(n_draws, 1);
    sample_and_count(n_draws, 0.5);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("contracts");
    TCase *tcase = tcase_create("contracts");
    tcase_set_timeout(tcase, 0); // Meson's time-out is enough
    tcase_add_test(tcase, contract_embedding_lookup);
    tcase_add_test(tcase, contract_rmsnorm);
    tcase_add_test(tcase, contract_softmax);
    tcase_add_test(tcase, contract_causal);
    tcase_add_test(tcase, contract_finite_forward);
    tcase_add_test(tcase, contract_tokenizer_round_trip);
    tcase_add_test(tcase, contract_adam);
    tcase_add_test(tcase, contract_parameter_count);
    tcase_add_test(tcase, contract_untrained_loss);
    tcase_add_test(tcase, contract_sampling);
    suite_add_tcase(suite, tcase);
    int status = run_suite(suite);
    if (status != EXIT_SUCCESS) {
        printf("to see this again: MICROGPT_SEED=%llu\n", (unsigned long long)first_seed());
    }
    return status;
}
