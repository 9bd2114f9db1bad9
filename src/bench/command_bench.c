// `microgpt bench`: times documents and samples with both engines and every SIMD level,
// alternately, so that other load on the machine slows all of them alike.
#include "bench/bench_commands.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/bench_sizes.h"
#include "bench/peak.h"
#include "bench/timing.h"
#include "cli/command_files.h"
#include "cli/json_out.h"
#include "cli/options.h"
#include "cli/spooled_input.h"
#include "run/session.h"

enum {
    N_WARM_UP = 100, // documents before the measurement; an even number
    TURN = 250,      // how many documents a variant trains on before the next one does
    MAX_VARIANTS = 1 + N_SIMD_LEVELS,
};

typedef enum Phase {
    PHASE_FORWARD,
    PHASE_BACKWARD, // of the scalar engine: the topological order and the backward pass
    PHASE_ADAM,
    PHASE_TOTAL, // measured on other documents than the phases
    N_PHASES,
} Phase;

static const char *const phase_names[N_PHASES] = {"forward", "backward", "adam", "total"};

// One engine at one level, with a run of its own.
typedef struct Variant {
    const char *name;
    Session session;
    double *us[N_PHASES]; // [n_documents]
    double *rate;         // [n_documents] products and sums per us, in forward and backward
    double *sample_us;    // [n_samples]
    size_t n_letters;     // in all samples
    Timing phases[N_PHASES];
    Timing sample;
    double peak_per_us; // products and sums; 0 for the scalar engine
    double peak_share;  // the share of it that forward and backward reached
    double asked;       // how many of 100,000 parameters Adam computed with libm
} Variant;

typedef struct Bench {
    RunOptions run;
    size_t n_documents; // timed in phases; as many are timed as a whole
    bool json;
    bool sizes;
    Variant variants[MAX_VARIANTS];
    size_t n_variants;
} Bench;

static size_t count_steps(const Bench *bench)
{
    return N_WARM_UP + 2 * bench->n_documents;
}

static bool open_variant(Bench *bench, const char *name, EngineKind kind, SimdLevel simd,
                         Error *error)
{
    Variant *variant = &bench->variants[bench->n_variants];
    RunOptions run = bench->run;
    run.engine = kind;
    run.simd = simd;
    size_t n_steps = count_steps(bench);
    // The learning rate decays over num_steps.
    run.num_steps = run.num_steps > n_steps ? run.num_steps : n_steps;
    *variant = (Variant){.name = name};
    if (!session_open(&variant->session, &run, error)) {
        return false;
    }
    bench->n_variants++;
    bool ok = true;
    for (int phase = 0; phase < N_PHASES; phase++) {
        variant->us[phase] = calloc(bench->n_documents, sizeof(double));
        ok = ok && variant->us[phase] != NULL;
    }
    variant->rate = calloc(bench->n_documents, sizeof(double));
    variant->sample_us = calloc(bench->run.num_samples, sizeof(double));
    ok = ok && variant->rate != NULL && variant->sample_us != NULL;
    variant->peak_per_us = kind == ENGINE_TENSOR ? peak_per_us(simd) : 0;
    return ok || error_out_of_memory(error, "the timings", bench->n_documents * sizeof(double));
}

static void close_variants(Bench *bench)
{
    for (size_t i = 0; i < bench->n_variants; i++) {
        session_close(&bench->variants[i].session);
        free(bench->variants[i].rate);
        free(bench->variants[i].sample_us);
        for (int phase = 0; phase < N_PHASES; phase++) {
            free(bench->variants[i].us[phase]);
        }
    }
}

static bool open_variants(Bench *bench, Error *error)
{
    static const char *const names[N_SIMD_LEVELS] = {"tensor none", "tensor neon", "tensor avx2",
                                                     "tensor avx512"};
    if (!open_variant(bench, "scalar", ENGINE_SCALAR, simd_best(), error)) {
        return false;
    }
    for (SimdLevel level = SIMD_NONE; level < N_SIMD_LEVELS; level++) {
        if (simd_has(level) && !open_variant(bench, names[level], ENGINE_TENSOR, level, error)) {
            return false;
        }
    }
    return true;
}

// Does one training step and times its phases.
static bool time_phases(Trainer *trainer, double *us, Error *error)
{
    double loss;
    double start = timing_now_us();
    if (!trainer_forward(trainer, &loss, error)) {
        return false;
    }
    double after_forward = timing_now_us();
    if (!trainer_backward(trainer, error)) {
        return false;
    }
    double after_backward = timing_now_us();
    if (!trainer_update(trainer, error)) {
        return false;
    }
    us[PHASE_FORWARD] = after_forward - start;
    us[PHASE_BACKWARD] = after_backward - after_forward;
    us[PHASE_ADAM] = timing_now_us() - after_backward;
    return true;
}

static bool time_whole(Trainer *trainer, double *us, Error *error)
{
    double loss;
    double start = timing_now_us();
    bool ok = trainer_step(trainer, &loss, error);
    us[PHASE_TOTAL] = timing_now_us() - start;
    return ok;
}

// Times documents [first, end) with one variant: alternately one in its phases and one as a whole.
// Reading the clock takes time and waits for the instructions before it, so that the phases of a
// fast engine add up to some percent more than the whole.
static bool time_turn(Variant *variant, size_t first, size_t end, Error *error)
{
    Trainer *trainer = &variant->session.trainer;
    for (size_t doc = first; doc < end; doc++) {
        double us[N_PHASES];
        bool whole = doc % 2 == 1;
        if (whole ? !time_whole(trainer, us, error) : !time_phases(trainer, us, error)) {
            return false;
        }
        if (doc < N_WARM_UP) {
            continue;
        }
        size_t i = (doc - N_WARM_UP) / 2;
        if (whole) {
            variant->us[PHASE_TOTAL][i] = us[PHASE_TOTAL];
            continue;
        }
        for (int phase = 0; phase < PHASE_TOTAL; phase++) {
            variant->us[phase][i] = us[phase];
        }
        double operations = timing_operations(&variant->session.model.config, trainer->n_positions);
        variant->rate[i] = operations / (us[PHASE_FORWARD] + us[PHASE_BACKWARD]);
    }
    return true;
}

// The variants alternate after several documents. If they did so after each document, the other
// variants would fill the caches and the branch predictor.
static bool time_documents(Bench *bench, Error *error)
{
    size_t n_documents = count_steps(bench);
    for (size_t first = 0; first < n_documents; first += TURN) {
        size_t end = first + TURN < n_documents ? first + TURN : n_documents;
        for (size_t i = 0; i < bench->n_variants; i++) {
            if (!time_turn(&bench->variants[i], first, end, error)) {
                return false;
            }
        }
    }
    return true;
}

static bool time_samples(Bench *bench, Error *error)
{
    for (size_t i = 0; i < bench->n_variants; i++) {
        Variant *variant = &bench->variants[i];
        Session *session = &variant->session;
        Sampler sampler;
        if (!sampler_init(&sampler, &session->model, session->engine, &session->random,
                          bench->run.temperature, error)) {
            return false;
        }
        bool ok = true;
        for (size_t sample = 0; ok && sample < bench->run.num_samples; sample++) {
            double start = timing_now_us();
            ok = sampler_next(&sampler, error);
            variant->sample_us[sample] = timing_now_us() - start;
            variant->n_letters += sampler.n_tokens;
        }
        sampler_free(&sampler);
        if (!ok) {
            return false;
        }
    }
    return true;
}

static void summarize_all(Bench *bench)
{
    for (size_t i = 0; i < bench->n_variants; i++) {
        Variant *variant = &bench->variants[i];
        for (int phase = 0; phase < N_PHASES; phase++) {
            variant->phases[phase] = timing_of(variant->us[phase], bench->n_documents);
        }
        variant->sample = timing_of(variant->sample_us, bench->run.num_samples);
        variant->asked = timing_asked(&variant->session.adam, variant->session.trainer.step);
        if (variant->peak_per_us > 0) {
            Timing rate = timing_of(variant->rate, bench->n_documents);
            variant->peak_share = rate.median / variant->peak_per_us;
        }
    }
}

static void print_text(const Bench *bench)
{
    double scalar = bench->variants[0].phases[PHASE_TOTAL].median;
    printf("us per document, min / median of %zu; phases and totals are of different documents\n\n",
           bench->n_documents);
    printf("%-14s%17s%17s%17s%17s  times scalar\n", "", "forward", "backward", "adam", "total");
    for (size_t i = 0; i < bench->n_variants; i++) {
        const Variant *variant = &bench->variants[i];
        printf("%-14s", variant->name);
        for (int phase = 0; phase < N_PHASES; phase++) {
            printf("%9.2f/%7.2f", variant->phases[phase].min, variant->phases[phase].median);
        }
        printf("%10.1f\n", scalar / variant->phases[PHASE_TOTAL].median);
    }
    printf("\nforward and backward against the processor's peak of separate products and sums\n\n");
    for (size_t i = 1; i < bench->n_variants; i++) {
        const Variant *variant = &bench->variants[i];
        printf("%-14s %6.1f of %6.1f billion per second: %4.1f %%\n", variant->name,
               variant->peak_share * variant->peak_per_us * 1e-3, variant->peak_per_us * 1e-3,
               100 * variant->peak_share);
    }
    printf("\nhow many of 100,000 parameters Adam computed with libm\n\n");
    for (size_t i = 1; i < bench->n_variants; i++) {
        printf("%-14s%9.1f\n", bench->variants[i].name, bench->variants[i].asked);
    }
    printf("\nus per sample, min / median of %zu\n\n", bench->run.num_samples);
    for (size_t i = 0; i < bench->n_variants; i++) {
        const Variant *variant = &bench->variants[i];
        printf("%-14s%9.2f/%7.2f, %.1f letters on average\n", variant->name, variant->sample.min,
               variant->sample.median, (double)variant->n_letters / (double)bench->run.num_samples);
    }
}

static void put_variant(JsonOut *out, json_t *parent, const Variant *variant)
{
    json_t *object = json_out_object(out, parent, NULL);
    json_out_text(out, object, "name", variant->name);
    for (int phase = 0; phase < N_PHASES; phase++) {
        char key[16];
        snprintf(key, sizeof key, "%s_us", phase_names[phase]);
        timing_put_json(out, object, key, variant->phases[phase]);
    }
    timing_put_json(out, object, "sample_us", variant->sample);
    json_out_count(out, object, "letters", variant->n_letters);
    json_out_number(out, object, "peak_per_us", variant->peak_per_us);
    json_out_number(out, object, "peak_share", variant->peak_share);
    json_out_number(out, object, "asked_per_100000", variant->asked);
}

static bool print_json(const Bench *bench, Error *error)
{
    JsonOut out = json_out_begin();
    json_out_count(&out, out.root, "documents", bench->n_documents);
    json_out_count(&out, out.root, "samples", bench->run.num_samples);
    json_t *variants = json_out_array(&out, out.root, "variants");
    for (size_t i = 0; i < bench->n_variants; i++) {
        put_variant(&out, variants, &bench->variants[i]);
    }
    return json_out_write_line(&out, stdout, error);
}

static const char usage[] = "bench [OPTION ...]";
static const char summary[] =
    "Measures training and sampling with both engines and every SIMD level, in turn. With\n"
    "--sizes, training alone, with the tensor engine and models of many sizes.\n";

static ExitStatus bench_run(Bench *bench, Error *error)
{
    bool ok =
        open_variants(bench, error) && time_documents(bench, error) && time_samples(bench, error);
    if (ok) {
        summarize_all(bench);
        if (bench->json) {
            ok = print_json(bench, error);
        } else {
            print_text(bench);
        }
    }
    close_variants(bench);
    return ok ? EXIT_DONE : EXIT_FAILED;
}

// The table has its own sizes, and no samples; the caller may set the number of heads.
static bool check_beside_sizes(Options *options, const Bench *bench, Error *error)
{
    const void *decided[] = {&bench->run.model.n_embd, &bench->run.model.n_layer,
                             &bench->run.model.block_size, &bench->run.num_samples};
    for (size_t i = 0; bench->sizes && i < sizeof decided / sizeof *decided; i++) {
        const Option *option = options_find(options, decided[i]);
        if (option->given != NULL) {
            return error_set(error, "%.100s: is of no use with --sizes; leave it out",
                             option->given);
        }
    }
    return true;
}

ExitStatus command_bench(int argc, char **argv, Error *error)
{
    Bench bench = {.run = run_options_default(), .n_documents = 1000};
    bench.run.num_samples = 500;
    Options options = {.usage = usage, .summary = summary};
    options_add(&options, (Option){"documents", &bench.n_documents, "N",
                                   "documents to time in phases, and as many as a whole",
                                   OPTION_COUNT, .min = 1, .max = 1e7});
    options_add(&options, (Option){"json", &bench.json, NULL, "print JSON, for programs",
                                   OPTION_FLAG, .group = OPTION_OWN});
    options_add(&options, (Option){"sizes", &bench.sizes, NULL, "time models of many sizes",
                                   OPTION_FLAG, .group = OPTION_OWN});
    options_add_help(&options);
    run_options_add(&options, &bench.run,
                    RUN_DATA | RUN_TRAINING | RUN_STEPS | RUN_SIZES | RUN_SAMPLING);
    Option *num_samples = options_find(&options, &bench.run.num_samples);
    num_samples->help = "samples to time";
    num_samples->min = 1;
    num_samples->max = 1e7;
    if (!options_parse(&options, argc, argv, error) || !run_options_check(&bench.run, error) ||
        !check_beside_sizes(&options, &bench, error)) {
        return EXIT_USAGE;
    }
    if (options_answer(&options)) {
        return EXIT_DONE;
    }
    const CommandFile files[] = {{bench.run.data, FILE_READ, "--data", "the data file"}};
    ExitStatus status = command_files_check(files, 1, true, error);
    if (status != EXIT_DONE) {
        return status;
    }
    SpooledInput data = {.copy = NULL}; // the session of each variant reads it
    if (bench.run.data != NULL && !spooled_input_open(&data, bench.run.data, "text file", error)) {
        return EXIT_FAILED;
    }
    bench.run.data = data.path;
    if (bench.sizes) {
        bool ok = bench_sizes(&bench.run, bench.n_documents, bench.json, error);
        status = ok ? EXIT_DONE : EXIT_FAILED;
    } else {
        status = bench_run(&bench, error);
    }
    spooled_input_close(&data, error);
    return status;
}
