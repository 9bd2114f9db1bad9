// Checkpoints: loading restores every bit that was saved, a resumed run gives the same result as
// one that was never stopped, and every file that is not a checkpoint is rejected with a specific
// message.
//
// All tests run in an empty folder of their own; setup() saves a checkpoint `good` there, of a
// tiny model after 5 steps.
#include <fcntl.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>

#include "base/memory_limit.h"
#include "check_more.h"
#include "checkpoint/checkpoint_more.h"

enum {
    N_STEPS = 12, // of tiny_options()
};

static const char *const engine_names[] = {"scalar", "tensor"};

enum {
    N_ENGINES = sizeof engine_names / sizeof engine_names[0],
};

static char folder[FOLDER_BYTES];
static Error error;

static void setup(void)
{
    enter_folder(folder);
    make_checkpoint("good", 5);
}

static void teardown(void)
{
    leave_folder(folder);
}

// Finds the engine at that index. Returns false if the program has no such engine.
static bool engine_at(int i, EngineKind *kind)
{
    return engine_kind_find(engine_names[i], kind);
}

static void open_session(Session *session, const RunOptions *options)
{
    ck_assert_msg(session_open(session, options, &error), "%s", error.message);
}

static void load(Checkpoint *checkpoint, const char *path)
{
    ck_assert_msg(checkpoint_load(checkpoint, path, 0, &error), "%s", error.message);
}

static void resume(Session *session, const RunOptions *options, const char *path)
{
    Checkpoint checkpoint;
    load(&checkpoint, path);
    ck_assert_msg(session_resume(session, options, &checkpoint, &error), "%s", error.message);
    checkpoint_free(&checkpoint);
}

static void assert_same_files(const char *a, const char *b)
{
    Bytes bytes_a = read_bytes_of(a);
    Bytes bytes_b = read_bytes_of(b);
    ck_assert_uint_eq(bytes_a.size, bytes_b.size);
    ck_assert_int_eq(memcmp(bytes_a.bytes, bytes_b.bytes, bytes_a.size), 0);
    free(bytes_a.bytes);
    free(bytes_b.bytes);
}

// Checks that the file is rejected with one line that contains its name and the reason, and that
// nothing is returned.
static void assert_refused_with(const char *path, int n_head, const char *why)
{
    Checkpoint untouched;
    Checkpoint checkpoint;
    memset(&checkpoint, 0x5A, sizeof checkpoint);
    memcpy(&untouched, &checkpoint, sizeof untouched);
    ck_assert_msg(!checkpoint_load(&checkpoint, path, n_head, &error), "accepted: %s", why);
    ck_assert_msg(strncmp(error.message, path, strlen(path)) == 0, "%s", error.message);
    ck_assert_msg(strstr(error.message, why) != NULL, "'%s' is not in: %s", why, error.message);
    ck_assert_int_eq(memcmp(&checkpoint, &untouched, sizeof untouched), 0);
}

static void assert_refused(const char *path, const char *why)
{
    assert_refused_with(path, 0, why);
}

// Checks that the folder contains only the data, the good checkpoint, and n other files.
static void assert_n_other_files(int n)
{
    int n_entries = 0;
    char command[] = "ls -A | wc -l";
    FILE *pipe = popen(command, "r");
    ck_assert_int_eq(fscanf(pipe, "%d", &n_entries), 1);
    pclose(pipe);
    ck_assert_int_eq(n_entries, 2 + n);
}

// ---- what is saved is restored ----

static void assert_same_random(const Random *a, const Random *b)
{
    ck_assert_int_eq(memcmp(a->state, b->state, sizeof a->state), 0);
    ck_assert_uint_eq(a->index, b->index);
    ck_assert_int_eq(a->has_gauss, b->has_gauss);
    assert_same_double(a->gauss_next, b->gauss_next, "gauss_next");
}

static void assert_same_checkpoint(const Checkpoint *a, const Checkpoint *b)
{
    size_t n = a->model.n_params;
    ck_assert_int_eq(memcmp(&a->model.config, &b->model.config, sizeof a->model.config), 0);
    ck_assert_uint_eq(n, b->model.n_params);
    assert_same_doubles(a->model.data, b->model.data, n, "parameter");
    assert_same_doubles(a->adam.m, b->adam.m, n, "m");
    assert_same_doubles(a->adam.v, b->adam.v, n, "v");
    assert_same_doubles(&a->adam.config.learning_rate, &b->adam.config.learning_rate, 4, "setting");
    assert_same_double(a->init_std, b->init_std, "init_std");
    assert_same_random(&a->random, &b->random);
    ck_assert_int_eq(a->tokenizer.n_uchars, b->tokenizer.n_uchars);
    ck_assert_int_eq(memcmp(a->tokenizer.uchars, b->tokenizer.uchars,
                            (size_t)a->tokenizer.n_uchars * sizeof(uint32_t)),
                     0);
    ck_assert_int_eq(a->tokenizer.vocab_size, b->tokenizer.vocab_size);
    ck_assert(a->can_resume == b->can_resume && a->seed == b->seed && a->step == b->step);
    ck_assert(a->num_steps == b->num_steps && a->dataset.crc32 == b->dataset.crc32);
    ck_assert(a->dataset.n_bytes == b->dataset.n_bytes && a->dataset.n_docs == b->dataset.n_docs);
}

// Fills in numbers that decimal digits, or a float, would not restore.
static void fill_with_odd_numbers(Session *session)
{
    session->model.data[0] = -0.0;
    session->model.data[1] = DBL_TRUE_MIN;
    session->model.data[2] = -DBL_MAX;
    session->adam.m[3] = -DBL_MIN;
    session->adam.v[4] = DBL_MAX;
    session->adam.config.learning_rate = 0x1.fffffffffffffp+1000;
    session->adam.config.beta1 = 0;
    session->init_std = DBL_TRUE_MIN;
    session->seed = UINT64_MAX;
}

START_TEST(a_checkpoint_comes_back_bit_for_bit)
{
    Session session;
    RunOptions options = tiny_options();
    options.model.n_layer = _i;
    open_session(&session, &options);
    train_to(&session, 3);
    fill_with_odd_numbers(&session);
    random_gauss(&session.random, 0, 1); // now the second number is cached
    Checkpoint saved = session_checkpoint(&session);
    ck_assert_msg(checkpoint_save(&saved, "new", &error), "%s", error.message);
    Checkpoint loaded;
    load(&loaded, "new");
    assert_same_checkpoint(&saved, &loaded);
    checkpoint_free(&loaded);
    session_close(&session);
}
END_TEST

START_TEST(the_same_state_makes_the_same_file)
{
    Checkpoint checkpoint;
    load(&checkpoint, "good");
    ck_assert(checkpoint_save(&checkpoint, "again", &error));
    assert_same_files("good", "again");
    checkpoint_free(&checkpoint);
}
END_TEST

// Characters that could be a problem for JSON or UTF-8. dataset_parse() keeps NULs.
START_TEST(any_alphabet_comes_back)
{
    static const char text[] = "a\0b\"\\/\x01\x1f\x7f{[,:]}\xc3\xa9\xe6\x9d\x8e\xef\xbf\xbf"
                               "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\n";
    write_bytes_to("odd", text, sizeof text - 1);
    RunOptions options = tiny_options();
    options.data = "odd";
    Session session;
    open_session(&session, &options);
    save_session(&session, "new");
    Checkpoint saved = session_checkpoint(&session);
    Checkpoint loaded;
    load(&loaded, "new");
    ck_assert_int_eq(loaded.tokenizer.n_uchars, 20);
    assert_same_checkpoint(&saved, &loaded);
    checkpoint_free(&loaded);
    session_close(&session);
}
END_TEST

// import binascii; binascii.crc32(b'a\nbob\n\xc3\xa9\n') == 0x59ec7f2c
START_TEST(the_digest_is_of_bytes_and_order)
{
    static const char text[] = "a\nbob\n\xc3\xa9\n";
    static const char other[] = "bob\na\n\xc3\xa9\n";
    Dataset dataset;
    ck_assert(dataset_parse(&dataset, "text", text, sizeof text - 1, &error));
    DatasetDigest digest = checkpoint_digest(&dataset);
    dataset_free(&dataset);
    ck_assert_uint_eq(digest.crc32, 0x59ec7f2c);
    ck_assert_uint_eq(digest.n_bytes, 9);
    ck_assert_uint_eq(digest.n_docs, 3);
    ck_assert(dataset_parse(&dataset, "text", other, sizeof other - 1, &error));
    ck_assert_uint_ne(checkpoint_digest(&dataset).crc32, digest.crc32);
    dataset_free(&dataset);
}
END_TEST

START_TEST(the_data_begins_at_a_multiple_of_8)
{
    Parts parts = read_parts("good");
    ck_assert_uint_eq(parts.header_size % 8, 0);
    ck_assert_int_eq(parts.header[0], '{');
    free_parts(&parts);
}
END_TEST

// ---- resuming ----

// Samples with the session's generator, and adds their tokens to a sum that depends on order.
static uint64_t sample_tokens(Session *session)
{
    Sampler sampler;
    uint64_t sum = 0;
    ck_assert(
        sampler_init(&sampler, &session->model, session->engine, &session->random, 0.5, &error));
    for (int i = 0; i < 5; i++) {
        ck_assert(sampler_next(&sampler, &error));
        for (size_t j = 0; j < sampler.n_tokens; j++) {
            sum = sum * 31 + (uint64_t)sampler.tokens[j] + 1;
        }
    }
    sampler_free(&sampler);
    return sum;
}

// Trains until the step with one engine, saves, continues in a new session with the other engine,
// and compares the end with that of a run that was never stopped.
static void check_resume_at(size_t step, EngineKind before, EngineKind after)
{
    Session session;
    RunOptions options = tiny_options();
    options.engine = before;
    open_session(&session, &options);
    train_to(&session, N_STEPS);
    save_session(&session, "end");
    uint64_t expected_samples = sample_tokens(&session);
    session_close(&session);

    open_session(&session, &options);
    train_to(&session, step);
    save_session(&session, "stopped");
    session_close(&session);

    options.engine = after;
    resume(&session, &options, "stopped");
    ck_assert_uint_eq(session.trainer.step, step);
    train_to(&session, N_STEPS);
    save_session(&session, "resumed");
    ck_assert_uint_eq(sample_tokens(&session), expected_samples);
    session_close(&session);
    assert_same_files("end", "resumed"); // parameters, moments, generator and everything else
}

// Every step from 0 to the last, for every pair of engines.
START_TEST(a_run_goes_on_from_every_step)
{
    EngineKind before;
    EngineKind after;
    if (!engine_at(_i / N_ENGINES, &before) || !engine_at(_i % N_ENGINES, &after)) {
        return;
    }
    for (size_t step = 0; step <= N_STEPS; step++) {
        check_resume_at(step, before, after);
    }
}
END_TEST

// microgpt.py's own run, stopped at 20 steps, for every pair of engines. Each part starts from the
// file of the last stop and must give the file that a run without stops wrote there. So a run with
// all 20 stops would give the same end, too.
START_TEST(a_long_run_goes_on_from_20_places)
{
    enum {
        N_PLACES = 20
    };
    EngineKind before;
    EngineKind after;
    if (!engine_at(_i / N_ENGINES, &before) || !engine_at(_i % N_ENGINES, &after)) {
        return;
    }
    RunOptions options = run_options_default();
    size_t distance = is_quick() ? 2 : options.num_steps / N_PLACES;
    options.engine = before;
    Session session;
    open_session(&session, &options);
    for (size_t place = 0; place <= N_PLACES; place++) {
        char name[16];
        snprintf(name, sizeof name, "place%zu", place);
        train_to(&session, place * distance);
        save_session(&session, name);
    }
    session_close(&session);
    options.engine = after;
    for (size_t place = 0; place < N_PLACES; place++) {
        char here[16];
        char next[16];
        snprintf(here, sizeof here, "place%zu", place);
        snprintf(next, sizeof next, "place%zu", place + 1);
        resume(&session, &options, here);
        train_to(&session, (place + 1) * distance);
        save_session(&session, "resumed");
        session_close(&session);
        assert_same_files(next, "resumed");
    }
}
END_TEST

static void assert_other_data(const char *text)
{
    RunOptions options = tiny_options();
    Session session;
    Checkpoint checkpoint;
    options.data = "other";
    write_bytes_to("other", text, strlen(text));
    load(&checkpoint, "good");
    ck_assert(!session_resume(&session, &options, &checkpoint, &error));
    ck_assert_msg(strstr(error.message, "other is not the data") != NULL, "%s", error.message);
    checkpoint_free(&checkpoint);
}

START_TEST(other_data_is_refused)
{
    assert_other_data("anna\nbob\ncleo\ndora\nada\nabe\n");      // a name is missing
    assert_other_data("anna\nbob\ncleo\ndora\nada\nabe\nday\n"); // another alphabet
    assert_other_data("anna\nbob\ncleo\ndora\nada\nabe\nnad\n"); // another name
    assert_other_data("bob\nanna\ncleo\ndora\nada\nabe\ndan\n"); // another order
}
END_TEST

// ---- saving ----

START_TEST(the_mode_of_the_old_file_is_kept)
{
    struct stat status;
    mode_t umask_before = umask(027);
    make_checkpoint("new", 1);
    ck_assert_int_eq(stat("new", &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0640); // 0666 without the umask
    ck_assert_int_eq(chmod("new", 0606), 0);
    make_checkpoint("new", 2);
    ck_assert_int_eq(stat("new", &status), 0);
    ck_assert_int_eq(status.st_mode & 0777, 0606);
    umask(umask_before);
    assert_n_other_files(1);
}
END_TEST

START_TEST(a_symbolic_link_stays_and_its_file_is_replaced)
{
    struct stat status;
    ck_assert_int_eq(mkdir("sub", 0700), 0);
    make_checkpoint("sub/file", 1);
    ck_assert_int_eq(symlink("sub/file", "link"), 0);
    make_checkpoint("link", 5);
    ck_assert_int_eq(lstat("link", &status), 0);
    ck_assert(S_ISLNK(status.st_mode));
    assert_same_files("sub/file", "good");
}
END_TEST

// Checks that saving fails, before training and after it.
static void assert_cannot_save(const char *path, const char *why)
{
    Checkpoint checkpoint;
    load(&checkpoint, "good");
    ck_assert(!checkpoint_check(&checkpoint, path, &error));
    ck_assert_msg(strstr(error.message, why) != NULL, "'%s' is not in: %s", why, error.message);
    ck_assert_msg(strncmp(error.message, path, strlen(path)) == 0, "%s", error.message);
    ck_assert(!checkpoint_save(&checkpoint, path, &error));
    ck_assert_msg(strstr(error.message, why) != NULL, "'%s' is not in: %s", why, error.message);
    checkpoint_free(&checkpoint);
}

START_TEST(what_is_no_regular_file_is_not_replaced)
{
    ck_assert_int_eq(mkdir("sub", 0700), 0);
    ck_assert_int_eq(mkfifo("pipe", 0600), 0);
    ck_assert_int_eq(symlink("nowhere", "dangling"), 0);
    ck_assert_int_eq(symlink("circle", "circle"), 0);
    assert_cannot_save("sub", "is not a regular file");
    assert_cannot_save("pipe", "is not a regular file");
    assert_cannot_save("/dev/null", "is not a regular file");
    assert_cannot_save("/", "is a directory");
    assert_cannot_save("new/", "is a directory");
    assert_cannot_save("dangling", "link to a file that does not exist");
    assert_cannot_save("circle", strerror(ELOOP));
    assert_cannot_save("missing/file", strerror(ENOENT));
    assert_cannot_save("good/file", strerror(ENOTDIR));
    assert_n_other_files(4);
}
END_TEST

START_TEST(checking_leaves_no_trace)
{
    Checkpoint checkpoint;
    load(&checkpoint, "good");
    ck_assert(checkpoint_check(&checkpoint, "new", &error));
    ck_assert(checkpoint_check(&checkpoint, "good", &error));
    checkpoint_free(&checkpoint);
    assert_n_other_files(0);
    make_checkpoint("new", 5);
    assert_same_files("good", "new");
}
END_TEST

static void assert_not_saved(Checkpoint *checkpoint, double *number, double value, const char *why)
{
    double before = *number;
    *number = value;
    ck_assert(!checkpoint_save(checkpoint, "good", &error));
    ck_assert_msg(strstr(error.message, why) != NULL, "%s", error.message);
    *number = before;
}

START_TEST(numbers_that_are_not_finite_never_replace_a_good_checkpoint)
{
    Checkpoint checkpoint;
    make_checkpoint("copy", 5);
    load(&checkpoint, "good");
    assert_not_saved(&checkpoint, &checkpoint.model.data[7], NAN, "parameter wte[1,3]");
    assert_not_saved(&checkpoint, &checkpoint.adam.m[0], INFINITY, "moment of wte[0,0]");
    assert_not_saved(&checkpoint, &checkpoint.adam.v[0], -INFINITY, "moment of wte[0,0]");
    checkpoint_free(&checkpoint);
    assert_same_files("good", "copy");
    assert_n_other_files(1);
}
END_TEST

// A header that checkpoint_load() would reject must not be written.
START_TEST(more_layers_than_a_header_holds_are_refused)
{
    RunOptions options = tiny_options();
    options.model.n_layer = 6000;
    options.model.n_embd = 1;
    options.model.n_head = 1;
    Session session;
    open_session(&session, &options);
    Checkpoint checkpoint = session_checkpoint(&session);
    ck_assert(!checkpoint_check(&checkpoint, "new", &error));
    ck_assert_msg(strstr(error.message, "use fewer layers") != NULL, "%s", error.message);
    session_close(&session);
    assert_n_other_files(0);
}
END_TEST

// ---- files that are no checkpoints ----

START_TEST(what_is_no_file_is_refused)
{
    assert_refused("missing", strerror(ENOENT));
    assert_refused("/", "is a directory");
    assert_refused("/dev/zero", "is not a regular file");
}
END_TEST

START_TEST(bytes_around_the_header_are_refused)
{
    Bytes good = read_bytes_of("good");
    write_bytes_to("bad", good.bytes, 0);
    assert_refused("bad", "too short");
    write_bytes_to("bad", good.bytes, 7);
    assert_refused("bad", "too short");
    write_bytes_to("bad", good.bytes, 8);
    assert_refused("bad", "ends within its header");
    write_bytes_to("bad", good.bytes, good.size - 1);
    assert_refused("bad", "is truncated");
    good.bytes[good.size] = 0;
    write_bytes_to("bad", good.bytes, good.size + 1);
    assert_refused("bad", "1 bytes after its end");
    good.bytes[7] = 0xFF;
    write_bytes_to("bad", good.bytes, good.size);
    assert_refused("bad", "header is too long");
    write_bytes_to("bad", "\0\0\0\0\0\0\0\0", 8);
    assert_refused("bad", "not JSON");
    write_bytes_to("bad", "\2\0\0\0\0\0\0\0[]", 10);
    assert_refused("bad", "not JSON");
    free(good.bytes);
}
END_TEST

START_TEST(damage_is_called_damage)
{
    Bytes good = read_bytes_of("good");
    good.bytes[good.size - 3] ^= 1;
    write_bytes_to("bad", good.bytes, good.size);
    assert_refused("bad", "is damaged");
    free(good.bytes);
}
END_TEST

typedef struct Edit {
    const char *from;
    const char *to;
    const char *why;
} Edit;

// Every part of the header, with a wrong value and a correct CRC.
static const Edit edits[] = {
    {"\"seed\"", "\"step\"", "has a duplicate key"},
    {"\"wpe\"", "\"wte\"", "has a duplicate key"},
    {"}", "", "is not JSON"},
    {"\"vocabulary\":\"a", "\"vocabulary\":\"\xff", "is not JSON"},
    {"\"vocabulary\":\"a", "\"vocabulary\":\"\\ud800", "is not JSON"},
    {"[0,320]", "[0,99999999999999999999]", "is not JSON"},
    {"[0,320]", "[0,1e999]", "is not JSON"},
    {"[0,320]", "[-0,320]", "the number -0"},
    {"[6,4],", "[6,-0],", "the number -0"},
    {"[0,320]", "[[[[[[[]]]]]]]", "nested deeper than 8 levels"},
    {"\"vocabulary\":\"a", "\"x\":\"[[[[[[[[[[-0 \\\"[\",\"vocabulary\":\"b", "ascending order"},
    {"\"wte\":{\"dtype\":\"F64\"", "\"wte\":{\"dtype\":\"F64\\u0000\"", "wte is not of dtype F64"},
    {"microgpt-checkpoint", "microgpt-checkpoint\\u0000", "must begin with crc32"},
    {"\"version\":\"1\"", "\"version\":\"1\\u0000\"", "another version"},
    {"\"seed\":\"42\"", "\"seed\":\"42\\u0000\"", "seed is not a whole number"},
    {"\"lm_head\":", "\"extra\":{},\"lm_head\":", "a model of its sizes has 27, and no extra"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"0\"", "a model of its sizes has 9, and no "},
    {"[0,320]", "[[[[[[]]]]]]", "outside of the file"},
    {"__metadata__", "metadata", "add n_head"},
    {"crc32", "crc33", "must begin with crc32"},
    {"microgpt-checkpoint", "pt", "must begin with crc32"},
    {"\"version\":\"1\"", "\"version\":\"2\"", "another version"},
    {"\"version\":\"1\"", "\"version\":1", "another version"},
    {"\"n_layer\":\"1\",", "", "n_layer is missing"},
    {"\"n_layer\":\"1\"", "\"n_layer\":1", "n_layer is not a string"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"01\"", "n_layer is not a whole number"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"\"", "n_layer is not a whole number"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"-1\"", "n_layer is not a whole number"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"1 \"", "n_layer is not a whole number"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"1048577\"", "n_layer is not a whole number of at most"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"1048576\"", "tensors; a model of its sizes has"},
    {"\"n_layer\":\"1\"", "\"n_layer\":\"2\"", "tensors; a model of its sizes has"},
    {"\"n_embd\":\"4\"", "\"n_embd\":\"1048577\"", "n_embd is not a whole number of at most"},
    {"\"n_embd\":\"4\"", "\"n_embd\":\"1048576\"", "is truncated"},
    {"\"n_embd\":\"4\"", "\"n_embd\":\"2\"", "after its end"},
    {"\"n_embd\":\"4\"", "\"n_embd\":\"0\"", "n_embd must be from 1"},
    {"\"n_head\":\"2\"", "\"n_head\":\"0\"", "n_head must be from 1"},
    {"\"n_head\":\"2\"", "\"n_head\":\"3\"", "multiple of n_head"},
    {"\"block_size\":\"6\"", "\"block_size\":\"0\"", "block_size must be from 1"},
    {"\"block_size\":\"6\"", "\"block_size\":\"1048577\"", "block_size is not a whole"},
    {"\"vocab_size\":\"10\"", "\"vocab_size\":\"1\"", "no alphabet"},
    {"\"vocab_size\":\"10\"", "\"vocab_size\":\"1112066\"", "vocab_size is not a whole"},
    {"\"vocabulary\":\"abc", "\"vocabulary\":\"acb", "ascending order"},
    {"\"vocabulary\":\"abc", "\"vocabulary\":\"abb", "ascending order"},
    {"\"vocabulary\":\"abc", "\"vocabulary\":\"abcC", "ascending order"},
    {"\"vocabulary\":\"abc", "\"vocabulary\":\"!abc", "its vocabulary has 10 characters"},
    {"\"vocabulary\":\"abc", "\"vocabulary\":\"ab", "its vocabulary has 8 characters"},
    {"\"vocabulary\":\"abcdelnor\"", "\"vocabulary\":\"\"", "ascending order"},
    {"\"seed\":\"42\"", "\"seed\":\"18446744073709551616\"", "seed is not a whole number"},
    {"\"step\":\"5\"", "\"step\":\"13\"", "step is greater than num_steps"},
    {"\"num_steps\":\"12\"", "\"num_steps\":\"1000000000000001\"", "num_steps is not a whole"},
    {"\"learning_rate\":\"0x1", "\"learning_rate\":\"0.5", "not a number as float.hex()"},
    {"\"learning_rate\":\"", "\"learning_rate\":\"-", "learning_rate must be greater than 0"},
    {"\"beta1\":\"0x1.b333333333333p-1\"", "\"beta1\":\"0x1.0000000000000p+0\"",
     "beta1 must be from 0 to less than 1"},
    {"\"beta2\":\"0x1.fae147ae147aep-1\"", "\"beta2\":\"nan\"", "beta2 is not finite"},
    {"\"beta2\":\"", "\"beta2\":\"-", "beta2 must be from 0"},
    {"\"eps_adam\":\"0x1.5798ee2308c3ap-27\"", "\"eps_adam\":\"0x0.0p+0\"", "eps_adam must be"},
    {"\"init_std\":\"0x1.47ae147ae147bp-4\"", "\"init_std\":\"inf\"", "init_std is not finite"},
    {"\"data_crc32\":\"", "\"data_crc32\":\"0", "data_crc32 is not 8 hexadecimal digits"},
    {"\"data_bytes\":\"", "\"data_bytes\":\"x", "data_bytes is not a whole number"},
    {"\"data_docs\":\"7\"", "\"data_docs\":\"\\u0000\"", "data_docs is not a whole number"},
    {"\"rng_state\":\"", "\"rng_state\":\"0", "rng_state is not 624 words"},
    {"\"rng_index\":\"", "\"rng_index\":\"9", "rng_index is not a whole number of at most 624"},
    {"\"rng_gauss\":\"\"", "\"rng_gauss\":\"inf\"", "rng_gauss is not finite"},
    {"\"rng_gauss\":\"\"", "\"rng_gauss\":\"1\"", "rng_gauss is not a number"},
    {"\"wte\":{\"dtype\":\"F64\"", "\"wte\":{\"dtype\":\"F32\"", "wte is not of dtype F64"},
    {"\"wte\":{\"dtype\":\"F64\"", "\"wte\":{\"dtype\":64", "wte must have dtype"},
    {"\"wte\":{\"dtype\":\"F64\"", "\"wte\":{\"x\":1,\"dtype\":\"F64\"", "wte must have dtype"},
    {"\"wte\":{\"dtype\":\"F64\",", "\"wte\":{", "wte must have dtype"},
    {"[10,4],", "[10,4,1],", "wte must have a shape of two sizes"},
    {"[10,4],", "[10],", "wte must have a shape of two sizes"},
    {"[10,4],", "[-10,4],", "wte must have a shape of two sizes"},
    {"[10,4],", "[10.0,4],", "wte must have a shape of two sizes"},
    {"[10,4],", "[4,10],", "wte must be of shape [10,4]"},
    {"[6,4],", "[5,4],", "wpe must be of shape [6,4]"},
    {"\"lm_head\"", "\"lm_heads\"", "lm_head is missing"},
    {"\"layer0.mlp_fc2\"", "\"layer1.mlp_fc2\"", "layer0.mlp_fc2 is missing"},
    {"\"adam.m.wte\"", "\"adam.x.wte\"", "adam.m.wte is missing"},
    {"[0,320]", "[8,320]", "do not fit its shape"},
    {"[0,320]", "[320,0]", "outside of the file"},
    {"[0,320]", "[-1,319]", "outside of the file"},
    {"[0,320]", "[8,328]", "a gap between them"},
    {"[320,512]", "[312,504]", "overlap"},
    {"[320,512]", "[9223372036854775000,9223372036854775192]", "outside of the file"},
};

START_TEST(a_wrong_header_is_refused)
{
    const Edit *edit = &edits[_i];
    Parts parts = read_parts("good");
    edit_header(&parts, edit->from, edit->to);
    repair_crc(&parts);
    write_parts("bad", &parts);
    free_parts(&parts);
    assert_refused("bad", edit->why);
}
END_TEST

static void assert_number_refused(size_t place, double number, const char *why)
{
    Parts parts = read_parts("good");
    little_endian_put(&number, 1, parts.data + 8 * place);
    repair_crc(&parts);
    write_parts("bad", &parts);
    free_parts(&parts);
    assert_refused("bad", why);
}

START_TEST(wrong_numbers_are_refused)
{
    Checkpoint checkpoint;
    load(&checkpoint, "good");
    size_t n_params = checkpoint.model.n_params;
    checkpoint_free(&checkpoint);
    assert_number_refused(0, NAN, "wte has a number that is not finite");
    assert_number_refused(n_params - 1, INFINITY, "layer0.mlp_fc2 has a number");
    assert_number_refused(n_params, -INFINITY, "adam.m.wte has a number");
    assert_number_refused(2 * n_params, NAN, "adam.v.wte has a number");
    assert_number_refused(2 * n_params, -DBL_TRUE_MIN, "adam.v.wte has a negative number");
}
END_TEST

// A file whose header describes a model larger than the machine, and which has the size that the
// header says, but takes no space on the disk. It must be rejected before anything is allocated.
START_TEST(a_model_larger_than_the_memory_is_refused)
{
    uint64_t n_embd = 8; // 64 bits: the file may be larger than a size_t
    while (12 * n_embd * n_embd * 32 < memory_limit() && n_embd < MODEL_MAX_SIZE) {
        n_embd *= 2;
    }
    char header[4096];
    uint64_t end = 0;
    static const char *const names[] = {"wte", "wpe", "lm_head"};
    const uint64_t n_rows[] = {27, 1048576, 27};
    int n = snprintf(header, sizeof header, "{\"__metadata__\":{\"n_head\":\"1\"}");
    for (int i = 0; i < 3; i++) {
        uint64_t begin = end;
        end += n_rows[i] * n_embd * 8;
        n += snprintf(header + n, sizeof header - (size_t)n,
                      ",\"%s\":{\"dtype\":\"F64\",\"shape\":[%" PRIu64 ",%" PRIu64
                      "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}",
                      names[i], n_rows[i], n_embd, begin, end);
    }
    n += snprintf(header + n, sizeof header - (size_t)n, "}");
    Parts parts = {header, (size_t)n, (unsigned char *)"", 0};
    write_parts("bad", &parts);
    if (truncate("bad", (off_t)(8 + parts.header_size + end)) == 0) { // false: files are limited
        assert_refused("bad", "are available");
    }
}
END_TEST

static void write_header(const char *path, const char *piece, size_t n_pieces)
{
    size_t n = strlen(piece);
    Parts parts = {calloc(n * n_pieces + 2, 1), n * n_pieces + 1, (unsigned char *)"", 0};
    must(parts.header != NULL, "memory");
    parts.header[0] = '{';
    for (size_t i = 0; i < n_pieces; i++) {
        memcpy(parts.header + 1 + i * n, piece, n);
    }
    write_parts(path, &parts);
    free(parts.header);
}

START_TEST(a_header_that_wants_only_memory_is_refused)
{
    write_header("bad", "\"\":[", 1000000);
    assert_refused("bad", "too many brackets");
    write_header("bad", "\"aaaaaaaaaaaaaaaaaaaaaaaaa\":[", 100000);
    assert_refused("bad", "not JSON"); // too deep
}
END_TEST

// ---- other programs' files ----

#define TENSOR(name, shape, offsets)                                                               \
    "\"" name "\":{\"dtype\":\"F64\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

#define ALL_BUT_FC2                                                                                                  \
    TENSOR("wte", "[10,4]", "[0,320]")                                                                               \
    "," TENSOR("wpe", "[6,4]", "[320,512]") "," TENSOR("lm_head", "[10,4]", "[512,832]") "," TENSOR(                 \
        "layer0.attn_wq", "[4,4]",                                                                                   \
        "[832,960]") "," TENSOR("layer0.attn_wk", "[4,4]",                                                           \
                                "[960,1088]") "," TENSOR("layer0.attn_wv", "[4,4]",                                  \
                                                         "[1088,1216]") "," TENSOR("laye"                            \
                                                                                   "r0."                             \
                                                                                   "attn"                            \
                                                                                   "_wo",                            \
                                                                                   "[4,"                             \
                                                                                   "4]",                             \
                                                                                   "[121"                            \
                                                                                   "6,"                              \
                                                                                   "1344"                            \
                                                                                   "]") "," TENSOR("layer0.mlp_fc1", \
                                                                                                   "[16,4]",         \
                                                                                                   "[1344,1856]")
#define ALL_TENSORS ALL_BUT_FC2 "," TENSOR("layer0.mlp_fc2", "[4,16]", "[1856,2368]")
#define ALPHABET "\"vocabulary\":\"abcdelnor\""

START_TEST(another_programs_file_is_sampled_from)
{
    Checkpoint good;
    Checkpoint foreign;
    load(&good, "good");
    write_foreign("{\"__metadata__\":{\"format\":\"pt\"," ALPHABET "}," ALL_TENSORS "}");
    ck_assert_msg(checkpoint_load(&foreign, "foreign", 2, &error), "%s", error.message);
    ck_assert(!foreign.can_resume);
    ck_assert_int_eq(memcmp(&good.model.config, &foreign.model.config, sizeof(ModelConfig)), 0);
    assert_same_doubles(foreign.model.data, good.model.data, good.model.n_params, "parameter");
    ck_assert_uint_eq(foreign.adam.n_params, 0);
    checkpoint_free(&foreign);
    checkpoint_free(&good);
}
END_TEST

// Their tensors may be in another order: here the data of fc2 come first, and wpe precedes wte in
// the header.
START_TEST(another_programs_order_is_fine)
{
    static const char header[] =
        "{" TENSOR("layer0.attn_wq", "[4,4]", "[832,960]") "," TENSOR("layer0.attn_wk", "[4,4]", "[960,1088]") "," TENSOR("wpe", "[6,4]", "[320,512]") "," TENSOR(
            "wte", "[10,4]",
            "[512,832]") "," TENSOR("lm_head", "[10,4]",
                                    "[0,320]") "," TENSOR("layer0.attn_wv", "[4,4]",
                                                          "[1088,1216]") "," TENSOR("layer"
                                                                                    "0."
                                                                                    "attn_"
                                                                                    "wo",
                                                                                    "[4,"
                                                                                    "4]",
                                                                                    "[1216"
                                                                                    ",1344"
                                                                                    "]") "," TENSOR("layer0.mlp_fc1",
                                                                                                    "[16,4]",
                                                                                                    "[1344,1856]") "," TENSOR("layer0.mlp_fc2",
                                                                                                                              "[4,16]",
                                                                                                                              "[1856,2368]") ",\"__metadata__\":{" ALPHABET
                                                                                                                                             "}}";
    Checkpoint good;
    Checkpoint foreign;
    load(&good, "good");
    write_foreign(header);
    ck_assert_msg(checkpoint_load(&foreign, "foreign", 1, &error), "%s", error.message);
    assert_same_doubles(foreign.model.data, good.model.data + 40 + 24, 40, "wte");
    assert_same_doubles(foreign.model.data + 40, good.model.data + 40, 24, "wpe");
    assert_same_doubles(foreign.model.data + 64, good.model.data, 40, "lm_head");
    checkpoint_free(&foreign);
    checkpoint_free(&good);
}
END_TEST

START_TEST(what_another_programs_file_does_not_say_is_asked_for)
{
    write_foreign("{\"__metadata__\":{" ALPHABET "}," ALL_TENSORS "}");
    assert_refused("foreign", "add n_head");
    write_foreign("{\"__metadata__\":{\"n_head\":\"2\"," ALPHABET "}," ALL_TENSORS "}");
    assert_refused_with("foreign", 4, "was trained with 2 heads, not 4; use n_head 2");
    write_foreign("{\"__metadata__\":{\"n_head\":\"0\"," ALPHABET "}," ALL_TENSORS "}");
    assert_refused_with("foreign", 2, "n_head must be from 1");
    write_foreign("{" ALL_TENSORS "}");
    assert_refused_with("foreign", 2, "add or correct the metadata vocabulary");
}
END_TEST

START_TEST(what_another_program_did_wrong_is_refused)
{
    write_foreign("{\"__metadata__\":[]," ALL_TENSORS "}");
    assert_refused_with("foreign", 2, "__metadata__ is not an object");
    write_foreign("{" ALL_BUT_FC2 "}");
    assert_refused_with("foreign", 2, "has 8 tensors; a model of its sizes has 9");
    write_foreign("{" ALL_TENSORS "," TENSOR("bias", "[1,1]", "[2368,2376]") "}");
    assert_refused_with("foreign", 2, "has 10 tensors");
    write_foreign("{" TENSOR("wte", "[0,4]", "[0,0]") "}");
    assert_refused_with("foreign", 2, "wte has a shape that is not one of a model");
    write_foreign("{\"wte\":5}");
    assert_refused_with("foreign", 2, "wte must have dtype");
    write_foreign("{}");
    assert_refused_with("foreign", 2, "wte is missing");
}
END_TEST

// An alphabet of 27 tokens is a-z, as in microgpt.py, if the file does not say otherwise.
START_TEST(the_letters_are_known_without_being_said)
{
    static const char header[] = "{" TENSOR("wte", "[27,1]", "[0,216]") "," TENSOR(
        "wpe", "[2,1]", "[216,232]") "," TENSOR("lm_head", "[27,1]", "[232,448]") "}";
    static const unsigned char zeros[448];
    Parts parts = {(char *)header, sizeof header - 1, (unsigned char *)zeros, sizeof zeros};
    write_parts("foreign", &parts);
    Checkpoint checkpoint;
    ck_assert_msg(checkpoint_load(&checkpoint, "foreign", 1, &error), "%s", error.message);
    ck_assert_int_eq(checkpoint.model.config.n_layer, 0);
    ck_assert_int_eq(checkpoint.tokenizer.n_uchars, 26);
    ck_assert_uint_eq(checkpoint.tokenizer.uchars[0], 'a');
    ck_assert_uint_eq(checkpoint.tokenizer.uchars[25], 'z');
    checkpoint_free(&checkpoint);
}
END_TEST

static TCase *new_tcase(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 120);
    suite_add_tcase(suite, tcase);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("checkpoint");
    TCase *tcase = new_tcase(suite, "round trip");
    tcase_add_loop_test(tcase, a_checkpoint_comes_back_bit_for_bit, 0, 3);
    tcase_add_test(tcase, the_same_state_makes_the_same_file);
    tcase_add_test(tcase, any_alphabet_comes_back);
    tcase_add_test(tcase, the_digest_is_of_bytes_and_order);
    tcase_add_test(tcase, the_data_begins_at_a_multiple_of_8);
    tcase = new_tcase(suite, "resume");
    tcase_add_loop_test(tcase, a_run_goes_on_from_every_step, 0, N_ENGINES * N_ENGINES);
    tcase_add_loop_test(tcase, a_long_run_goes_on_from_20_places, 0, N_ENGINES * N_ENGINES);
    tcase_add_test(tcase, other_data_is_refused);
    tcase = new_tcase(suite, "save");
    tcase_add_test(tcase, the_mode_of_the_old_file_is_kept);
    tcase_add_test(tcase, a_symbolic_link_stays_and_its_file_is_replaced);
    tcase_add_test(tcase, what_is_no_regular_file_is_not_replaced);
    tcase_add_test(tcase, checking_leaves_no_trace);
    tcase_add_test(tcase, numbers_that_are_not_finite_never_replace_a_good_checkpoint);
    tcase_add_test(tcase, more_layers_than_a_header_holds_are_refused);
    tcase = new_tcase(suite, "load");
    tcase_add_test(tcase, what_is_no_file_is_refused);
    tcase_add_test(tcase, bytes_around_the_header_are_refused);
    tcase_add_test(tcase, damage_is_called_damage);
    tcase_add_loop_test(tcase, a_wrong_header_is_refused, 0, sizeof edits / sizeof edits[0]);
    tcase_add_test(tcase, wrong_numbers_are_refused);
    tcase_add_test(tcase, a_model_larger_than_the_memory_is_refused);
    tcase_add_test(tcase, a_header_that_wants_only_memory_is_refused);
    tcase = new_tcase(suite, "other programs");
    tcase_add_test(tcase, another_programs_file_is_sampled_from);
    tcase_add_test(tcase, another_programs_order_is_fine);
    tcase_add_test(tcase, what_another_programs_file_does_not_say_is_asked_for);
    tcase_add_test(tcase, what_another_program_did_wrong_is_refused);
    tcase_add_test(tcase, the_letters_are_known_without_being_said);
    return run_suite(suite);
}
