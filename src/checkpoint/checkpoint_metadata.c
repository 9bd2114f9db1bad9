// Reads and checks metadata: see checkpoint_metadata.h.
#include "checkpoint/checkpoint_metadata.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "checkpoint/checkpoint_format.h"
#include "python/hexfloat.h"
#include "python/utf8.h"

static bool bad(const Metadata *metadata, const char *key, const char *what)
{
    return error_set_file(metadata->error, metadata->path, 0, "its metadata %s %s", key, what);
}

bool metadata_has(const Metadata *metadata, const char *key)
{
    return json_object_get(metadata->object, key) != NULL;
}

static bool find_text(const Metadata *metadata, const char *key, const char **text, size_t *size)
{
    const json_t *value = json_object_get(metadata->object, key);
    if (value == NULL) {
        return bad(metadata, key, "is missing");
    }
    if (!json_is_string(value)) {
        return bad(metadata, key, "is not a string");
    }
    *text = json_string_value(value);
    *size = json_string_length(value);
    return true;
}

static bool find_count(const Metadata *metadata, const char *key, uint64_t max, uint64_t *count)
{
    const char *digits = NULL;
    size_t size = 0;
    if (!find_text(metadata, key, &digits, &size)) {
        return false;
    }
    uint64_t value = 0;
    bool ok = size >= 1 && (size == 1 || digits[0] != '0');
    for (size_t i = 0; ok && i < size; i++) {
        uint64_t digit = (uint64_t)(unsigned char)digits[i] - '0'; // huge if it is not a digit
        ok = digit <= 9 && value <= max / 10 && digit <= max - 10 * value;
        value = ok ? 10 * value + digit : 0;
    }
    if (!ok) {
        return error_set_file(metadata->error, metadata->path, 0,
                              "its metadata %s is not a whole number of at most %" PRIu64, key,
                              max);
    }
    *count = value;
    return true;
}

bool metadata_size(const Metadata *metadata, const char *key, int max, int *size)
{
    uint64_t count = 0;
    if (!find_count(metadata, key, (uint64_t)max, &count)) {
        return false;
    }
    *size = (int)count;
    return true;
}

// Reads 8 lower-case hexadecimal digits. Returns false if they are something else.
static bool parse_word(const char *digits, uint32_t *word)
{
    uint32_t value = 0;
    for (int i = 0; i < 8; i++) {
        static const char hex[] = "0123456789abcdef";
        const char *digit = memchr(hex, digits[i], sizeof hex - 1);
        if (digit == NULL) {
            return false;
        }
        value = value << 4 | (uint32_t)(digit - hex);
    }
    *word = value;
    return true;
}

bool metadata_crc32(const Metadata *metadata, const char *key, uint32_t *crc)
{
    const char *text = NULL;
    size_t size = 0;
    if (!find_text(metadata, key, &text, &size)) {
        return false;
    }
    return (size == 8 && parse_word(text, crc)) ||
           bad(metadata, key, "is not 8 hexadecimal digits");
}

// Reads a finite number as float.hex() writes it.
static bool read_real(const Metadata *metadata, const char *key, double *number)
{
    const char *text = NULL;
    size_t size = 0;
    if (!find_text(metadata, key, &text, &size)) {
        return false;
    }
    double parsed = 0;
    if (!hexfloat_parse(text, size, &parsed)) {
        return bad(metadata, key, "is not a number as float.hex() writes it");
    }
    if (!isfinite(parsed)) {
        return bad(metadata, key, "is not finite");
    }
    *number = parsed;
    return true;
}

static bool read_positive(const Metadata *metadata, const char *key, double *number)
{
    return read_real(metadata, key, number) &&
           (*number > 0 || bad(metadata, key, "must be greater than 0"));
}

static bool read_decay(const Metadata *metadata, const char *key, double *number)
{
    return read_real(metadata, key, number) &&
           ((*number >= 0 && *number < 1) || bad(metadata, key, "must be from 0 to less than 1"));
}

// Splits a text into code points; jansson has checked that it is UTF-8. Returns how many there are,
// or 0 if the text is empty or they are not in ascending order.
static int decode_rising(const char *text, size_t size, uint32_t *code_points)
{
    int n = 0;
    size_t offset = 0;
    while (offset < size) {
        uint32_t code_point = 0;
        size_t n_bytes = utf8_read(text + offset, size - offset, &code_point);
        if (n_bytes == 0 || (n > 0 && code_point <= code_points[n - 1])) {
            return 0;
        }
        code_points[n] = code_point;
        n++;
        offset += n_bytes;
    }
    return n;
}

bool metadata_tokenizer(const Metadata *metadata, Tokenizer *tokenizer)
{
    const char *text = NULL;
    size_t size = 0;
    if (!find_text(metadata, "vocabulary", &text, &size)) {
        return false;
    }
    uint32_t *uchars = calloc(size + 1, sizeof *uchars); // + 1: calloc(0) may return NULL
    if (uchars == NULL) {
        return error_out_of_memory(metadata->error, "the alphabet", (size + 1) * sizeof *uchars);
    }
    int n_uchars = decode_rising(text, size, uchars);
    if (n_uchars == 0) {
        free(uchars);
        return bad(metadata, "vocabulary", "is not a list of characters in ascending order");
    }
    *tokenizer = (Tokenizer){
        .uchars = uchars,
        .n_uchars = n_uchars,
        .bos = n_uchars,
        .vocab_size = n_uchars + 1,
    };
    return true;
}

static bool read_adam(const Metadata *metadata, AdamConfig *config)
{
    return read_positive(metadata, "learning_rate", &config->learning_rate) &&
           read_decay(metadata, "beta1", &config->beta1) &&
           read_decay(metadata, "beta2", &config->beta2) &&
           read_positive(metadata, "eps_adam", &config->eps_adam);
}

static bool read_random(const Metadata *metadata, Random *random)
{
    const char *words = NULL;
    size_t size = 0;
    if (!find_text(metadata, "rng_state", &words, &size)) {
        return false;
    }
    bool ok = size == 8 * (size_t)RANDOM_STATE_WORDS;
    for (size_t i = 0; ok && i < RANDOM_STATE_WORDS; i++) {
        ok = parse_word(words + 8 * i, &random->state[i]);
    }
    if (!ok) {
        return bad(metadata, "rng_state", "is not 624 words of 8 hexadecimal digits");
    }
    uint64_t index = 0;
    if (!find_count(metadata, "rng_index", RANDOM_STATE_WORDS, &index) ||
        !find_text(metadata, "rng_gauss", &words, &size)) {
        return false;
    }
    random->index = (uint32_t)index;
    random->has_gauss = size > 0;
    random->gauss_next = 0;
    return !random->has_gauss || read_real(metadata, "rng_gauss", &random->gauss_next);
}

static bool read_count(const Metadata *metadata, const char *key, size_t *count)
{
    uint64_t value = 0;
    if (!find_count(metadata, key, CHECKPOINT_MAX_COUNT, &value)) {
        return false;
    }
    *count = (size_t)value;
    return true;
}

bool metadata_training(const Metadata *metadata, Checkpoint *checkpoint)
{
    DatasetDigest *dataset = &checkpoint->dataset;
    bool ok = read_adam(metadata, &checkpoint->adam.config) &&
              read_random(metadata, &checkpoint->random) &&
              find_count(metadata, "seed", UINT64_MAX, &checkpoint->seed) &&
              read_positive(metadata, "init_std", &checkpoint->init_std) &&
              read_count(metadata, "num_steps", &checkpoint->num_steps) &&
              read_count(metadata, "step", &checkpoint->step) &&
              metadata_crc32(metadata, "data_crc32", &dataset->crc32) &&
              read_count(metadata, "data_bytes", &dataset->n_bytes) &&
              read_count(metadata, "data_docs", &dataset->n_docs);
    if (ok && checkpoint->step > checkpoint->num_steps) {
        ok = bad(metadata, "step", "is greater than num_steps");
    }
    return ok;
}
