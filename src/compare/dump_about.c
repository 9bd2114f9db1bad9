// The first line of a dump: see dump_about.h.
#include "compare/dump_about.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "cli/json_out.h"
#include "compare/dump_number.h"

static const char prefix[] = "# microgpt-nodes ";

// ---- writing ----

static void put_count(JsonOut *json, const char *key, size_t count)
{
    if (count > 0) {
        json_out_count(json, json->root, key, count);
    }
}

bool dump_about_write(FILE *file, const DumpAbout *about, Error *error)
{
    assert(file != NULL && about != NULL && about->document.text != NULL && error != NULL);
    const Document *document = &about->document;
    const ModelConfig *model = &about->model;
    JsonOut json = json_out_begin();
    put_count(&json, "step", about->step);
    json_out_text_of(&json, json.root, "document", document->text, document->size);
    if (about->has_seed) {
        json_out_count(&json, json.root, "seed", about->seed);
    }
    put_count(&json, "num_steps", about->num_steps);
    put_count(&json, "n_documents", about->n_documents);
    json_out_integer(&json, json.root, "n_layer", model->n_layer);
    json_out_integer(&json, json.root, "n_embd", model->n_embd);
    json_out_integer(&json, json.root, "n_head", model->n_head);
    json_out_integer(&json, json.root, "block_size", model->block_size);
    json_out_integer(&json, json.root, "vocab_size", model->vocab_size);
    fprintf(file, "%s1 ", prefix);
    return json_out_write_line(&json, file, error);
}

// ---- reading ----

static const char *const number_keys[N_ABOUT_NUMBERS] = {
    "step",   "seed",   "num_steps",  "n_documents", "n_layer",
    "n_embd", "n_head", "block_size", "vocab_size",
};

// The part of a JSON object that is not yet parsed.
typedef struct Text {
    const char *at;
    const char *end;
} Text;

static bool take(Text *text, char c)
{
    while (text->at < text->end && (*text->at == ' ' || *text->at == '\t')) {
        text->at++;
    }
    bool is_there = text->at < text->end && *text->at == c;
    text->at += is_there;
    return is_there;
}

// Takes a string, without decoding it.
static bool take_string(Text *text, Text *string)
{
    if (!take(text, '"')) {
        return false;
    }
    string->at = text->at;
    for (; text->at < text->end && *text->at != '"'; text->at++) {
        text->at += *text->at == '\\' && text->at + 1 < text->end;
        if (*text->at < ' ' || *text->at > '~') {
            return false;
        }
    }
    string->end = text->at;
    return take(text, '"');
}

static bool is_word(const Text *word, const char *text)
{
    size_t length = (size_t)(word->end - word->at);
    return length == strlen(text) && memcmp(word->at, text, length) == 0;
}

static bool keep_number(DumpSays *says, const Text *key, const Text *word)
{
    double number;
    if (dump_number_parse(word->at, (size_t)(word->end - word->at), &number) != NULL) {
        return is_word(word, "null") || is_word(word, "true") || is_word(word, "false");
    }
    for (int i = 0; i < N_ABOUT_NUMBERS; i++) {
        if (is_word(key, number_keys[i])) {
            says->has_number[i] = true;
            says->numbers[i] = number;
        }
    }
    return true;
}

static void keep_text(DumpSays *says, const Text *key, const Text *text)
{
    if (is_word(key, "document")) {
        snprintf(says->document, sizeof says->document, "\"%.*s\"", (int)(text->end - text->at),
                 text->at);
    }
}

static bool take_value(Text *text, const Text *key, DumpSays *says)
{
    Text word;
    if (take_string(text, &word)) {
        keep_text(says, key, &word);
        return true;
    }
    word.at = text->at;
    while (text->at < text->end && strchr(" \t,:{}[]\"", *text->at) == NULL) {
        text->at++;
    }
    word.end = text->at;
    return keep_number(says, key, &word);
}

static bool take_object(Text *text, DumpSays *says)
{
    if (!take(text, '{')) {
        return false;
    }
    bool more = !take(text, '}');
    while (more) {
        Text key;
        if (!take_string(text, &key) || !take(text, ':') || !take_value(text, &key, says)) {
            return false;
        }
        more = take(text, ',');
        if (!more && !take(text, '}')) {
            return false;
        }
    }
    return text->at == text->end;
}

const char *dump_about_parse(DumpSays *says, const char *comment, size_t length)
{
    assert(says != NULL && comment != NULL);
    size_t n_prefix = strlen(prefix);
    if (says->is_said || length < n_prefix || memcmp(comment, prefix, n_prefix) != 0) {
        return NULL;
    }
    Text text = {comment + n_prefix, comment + length};
    if (!take(&text, '1') || text.at == text.end || *text.at != ' ') {
        return "has a format version other than 1; a newer microgpt may read it";
    }
    says->is_said = true;
    return take_object(&text, says) ? NULL : "has no flat JSON object after `# microgpt-nodes 1`";
}

static void take_size(const DumpSays *says, AboutNumber which, int *size)
{
    double number = says->numbers[which];
    if (says->has_number[which] && number >= 0 && number <= INT_MAX && number == (int)number) {
        *size = (int)number;
    }
}

void dump_about_sizes(const DumpSays *says, ModelConfig *sizes)
{
    take_size(says, ABOUT_N_LAYER, &sizes->n_layer);
    take_size(says, ABOUT_N_EMBD, &sizes->n_embd);
    take_size(says, ABOUT_N_HEAD, &sizes->n_head);
    take_size(says, ABOUT_BLOCK_SIZE, &sizes->block_size);
    take_size(says, ABOUT_VOCAB_SIZE, &sizes->vocab_size);
}

// ---- what differs ----

size_t dump_about_warn(const DumpSays *a, const DumpSays *b, char warnings[][ABOUT_WARNING_BYTES])
{
    size_t n = 0;
    if (a->document[0] != '\0' && b->document[0] != '\0' && strcmp(a->document, b->document) != 0) {
        snprintf(warnings[n], ABOUT_WARNING_BYTES, "A is of the document %s, B of %s", a->document,
                 b->document);
        n++;
    }
    for (int i = 0; i < N_ABOUT_NUMBERS; i++) {
        if (a->has_number[i] && b->has_number[i] && a->numbers[i] != b->numbers[i]) {
            bool is_data = i == ABOUT_N_DOCUMENTS || i == ABOUT_VOCAB_SIZE;
            snprintf(warnings[n], ABOUT_WARNING_BYTES, "A has %s %.17g, B %.17g%s", number_keys[i],
                     a->numbers[i], b->numbers[i], is_data ? ": they read other data" : "");
            n++;
        }
    }
    return n;
}
