// The first line of a dump: see dump_about.h.
#include "compare/dump_about.h"

#include <assert.h>
#include <limits.h>
#include <string.h>

#include "cli/json_out.h"

static const char prefix[] = "# microgpt-nodes ";
static const char documents_prefix[] = "# microgpt-documents ";
static const char not_flat[] = "has no flat JSON object after `# microgpt-nodes 1`";
static const char no_memory[] = "needs more memory than there is";

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

// Keeps a text as JSON in plain ASCII, as far as there is space.
static bool keep_document(DumpSays *says, const json_t *text)
{
    Error ignored;
    FILE *file = fmemopen(says->document, sizeof says->document, "w");
    if (file == NULL) {
        return false;
    }
    setbuf(file, NULL);
    bool ok =
        json_out_write_text(file, json_string_value(text), json_string_length(text), &ignored);
    fclose(file);
    says->document[sizeof says->document - 1] = '\0';
    return ok;
}

static const char *keep_all(DumpSays *says, json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        if (json_is_object(value) || json_is_array(value)) {
            return not_flat;
        }
    }
    for (int i = 0; i < N_ABOUT_NUMBERS; i++) {
        const json_t *number = json_object_get(object, number_keys[i]);
        says->has_number[i] = json_is_number(number);
        says->numbers[i] = json_number_value(number);
    }
    const json_t *document = json_object_get(object, "document");
    return !json_is_string(document) || keep_document(says, document) ? NULL : no_memory;
}

const char *dump_about_parse(DumpSays *says, const char *comment, size_t length)
{
    assert(says != NULL && comment != NULL);
    size_t n_prefix = strlen(prefix);
    size_t n_documents_prefix = strlen(documents_prefix);
    if (length >= n_documents_prefix &&
        memcmp(comment, documents_prefix, n_documents_prefix) == 0) {
        return "is a list of documents, not a node dump; microgpt nodes writes dumps";
    }
    if (says->is_said || length < n_prefix || memcmp(comment, prefix, n_prefix) != 0) {
        return NULL;
    }
    comment += n_prefix;
    length -= n_prefix;
    if (length < 2 || memcmp(comment, "1 ", 2) != 0) {
        return "has a format version other than 1; a newer microgpt may read it";
    }
    says->is_said = true;
    json_error_t reason;
    json_t *object =
        json_loadb(comment + 2, length - 2, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, &reason);
    bool has_memory = object != NULL || reason.text[0] != '\0';
    const char *problem = json_is_object(object) ? keep_all(says, object)
                          : has_memory           ? not_flat
                                                 : no_memory;
    json_decref(object);
    return problem;
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
