// Hypotheses about children that are other nodes than in the reference, found by their paths. See
// hypothesis_graph.h.
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

enum {
    USES_MAX = 64,
};

// Returns the rest of a path that consists of this beginning and one index; otherwise NULL.
static const char *rest_of_path(const char *path, const char *beginning)
{
    size_t length = strlen(beginning);
    if (path == NULL || strncmp(path, beginning, length) != 0 || path[length] != '[') {
        return NULL;
    }
    const char *end = strchr(path + length, ']');
    return end != NULL && end[1] == '\0' ? path + length : NULL;
}

static void take_other_path(HypothesisSearch *s, uint32_t node_id, uint32_t slot,
                            const char *old_path, const char *new_path)
{
    uint32_t child = hypothesis_child(s, node_id, slot);
    const char *rest = rest_of_path(hypothesis_path(s, child), old_path);
    if (rest != NULL) {
        char path[2 * PATTERN_BYTES];
        snprintf(path, sizeof path, "%s%s", new_path, rest);
        uint32_t other = path_index_find(&s->index, path);
        hypothesis_set_child(s, node_id, slot, other != NO_NODE ? other : child);
    }
}

// Replaces `posN.` at the beginning of a path with the position of the parent.
static const char *fill_position(const char *path, const char *of_path, char *filled)
{
    bool has_position = strncmp(path, "posN.", 5) == 0 && strncmp(of_path, "pos", 3) == 0;
    snprintf(filled, PATTERN_BYTES, "%.*s%s", has_position ? (int)strcspn(of_path, ".") : 0,
             of_path, has_position ? path + 4 : path);
    return filled;
}

// Replaces the children at old_path of all nodes of a kind by those at new_path.
static void change_other_path(HypothesisSearch *s, const Hypothesis *h, uint32_t i)
{
    char old_path[PATTERN_BYTES];
    char new_path[PATTERN_BYTES];
    if (s->kinds->kind_of[i] != h->kind) {
        return;
    }
    fill_position(h->old_path, hypothesis_path(s, i), old_path);
    fill_position(h->new_path, hypothesis_path(s, i), new_path);
    for (uint32_t slot = 0; slot < hypothesis_n_children(s, i); slot++) {
        take_other_path(s, i, slot, old_path, new_path);
    }
}

// A kind of node, and the path of its children without the index; each pair is listed once.
typedef struct PathUse {
    uint16_t kind;
    char path[PATTERN_BYTES];
} PathUse;

typedef struct PathUses {
    PathUse items[USES_MAX];
    size_t n;
} PathUses;

static void list_use(PathUses *uses, uint16_t kind, const char *path)
{
    size_t length = strcspn(path, "[");
    if (path[length] == '\0' || length >= PATTERN_BYTES || uses->n == USES_MAX) {
        return;
    }
    for (size_t i = 0; i < uses->n; i++) {
        if (uses->items[i].kind == kind && strncmp(uses->items[i].path, path, length) == 0 &&
            uses->items[i].path[length] == '\0') {
            return;
        }
    }
    PathUse *use = &uses->items[uses->n++];
    use->kind = kind;
    snprintf(use->path, PATTERN_BYTES, "%.*s", (int)length, path);
}

// Returns the part of a path after `posN`, from the dot on; NULL if it is not a path of a position.
static const char *after_position(const char *path)
{
    return strncmp(path, "pos", 3) == 0 ? strchr(path, '.') : NULL;
}

// Lists the uses of children in the cone whose paths contain a text; if it is NULL, those of all
// positions.
static void list_uses(const HypothesisSearch *s, const char *with, PathUses *uses)
{
    uses->n = 0;
    for (size_t i = 0; i < s->n_cone; i++) {
        for (uint32_t slot = 0; slot < hypothesis_n_children(s, s->cone[i]); slot++) {
            const char *path = hypothesis_path(s, hypothesis_child(s, s->cone[i], slot));
            const char *bracket = strchr(path, '[');
            const char *rest = after_position(path);
            bool is_element = rest != NULL && bracket != NULL && strchr(bracket, '.') == NULL;
            if (!is_element) {
                continue;
            }
            if (with == NULL) {
                char name[PATTERN_BYTES];
                snprintf(name, PATTERN_BYTES, "posN%.150s", rest); // `posN.norm` of `pos2.norm`
                list_use(uses, s->kinds->kind_of[s->cone[i]], name);
            } else if (strstr(path, with) != NULL) {
                list_use(uses, s->kinds->kind_of[s->cone[i]], path);
            }
        }
    }
}

// Makes the hypothesis that keys or values were taken from another position.
static Hypothesis take_from(const PathUse *use, unsigned position, char *other)
{
    snprintf(other, PATTERN_BYTES, "pos%u%.150s", position, strchr(use->path, '.'));
    return (Hypothesis){
        .change = change_other_path, .kind = use->kind, .old_path = use->path, .new_path = other};
}

// Tries keys and values of another position. Only one position must fit: if two positions have
// similar weights, each of them could be the one.
static bool try_positions(HypothesisSearch *s, const char *of, char *text)
{
    static PathUses uses;
    char other[PATTERN_BYTES];
    const PathUse *fitting = NULL;
    unsigned fitting_position = 0;
    list_uses(s, of, &uses);
    for (size_t i = 0; i < uses.n; i++) {
        for (unsigned position = 0; position < LIST_MAX; position++) {
            Hypothesis h = take_from(&uses.items[i], position, other);
            if (strcmp(other, uses.items[i].path) == 0 || !hypothesis_fits(s, &h)) {
                continue;
            }
            if (fitting != NULL) {
                return false;
            }
            fitting = &uses.items[i];
            fitting_position = position;
        }
    }
    if (fitting == NULL) {
        return false;
    }
    Hypothesis h = take_from(fitting, fitting_position, other);
    if (!hypothesis_holds(s, &h)) {
        return false;
    }
    snprintf(text, HYPOTHESIS_BYTES, "takes %.80s where %.80s belongs", other, fitting->path);
    return true;
}

static void change_child(HypothesisSearch *s, const Hypothesis *h)
{
    hypothesis_set_child(s, h->node, 0, h->first);
}

// Tries the probabilities of other tokens than the target.
static bool try_targets_of(HypothesisSearch *s, uint32_t log_id, char *text)
{
    uint32_t own = hypothesis_child(s, log_id, 0);
    const char *path = hypothesis_path(s, own);
    int length = (int)strcspn(path, "[");
    for (unsigned token = 0;; token++) {
        char other[PATTERN_BYTES + 16];
        snprintf(other, sizeof other, "%.*s[%u]", length, path, token);
        Hypothesis h = {.change_graph = change_child,
                        .first = path_index_find(&s->index, other),
                        .node = log_id};
        if (h.first == NO_NODE) {
            return false;
        }
        if (h.first != own && hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "takes the logarithm of %.80s where %.80s belongs",
                     other, path);
            return true;
        }
    }
}

bool hypotheses_try_targets(HypothesisSearch *s, char *text)
{
    for (size_t i = 0; i < s->n_cone; i++) {
        if (s->bounds->rules[s->cone[i]] == RULE_LOG && try_targets_of(s, s->cone[i], text)) {
            return true;
        }
    }
    return false;
}

// The vectors of a position that have n_embd elements: a port may confuse any two of them.
static const char *const position_vectors[] = {"posN.embed", "posN.norm"};
static const char *const layer_vectors[] = {"attn.norm", "attn.wo", "attn.residual",
                                            "mlp.norm",  "mlp.fc2", "mlp.residual"};

enum {
    N_POSITION_VECTORS = sizeof position_vectors / sizeof *position_vectors,
    N_LAYER_VECTORS = sizeof layer_vectors / sizeof *layer_vectors,
    MAX_LAYERS = 4, // how many layers' vectors are tried
};

// Writes the name of the nth vector; returns false after the last one.
static bool name_vector(size_t n, char *path)
{
    if (n < N_POSITION_VECTORS) {
        snprintf(path, PATTERN_BYTES, "%s", position_vectors[n]);
        return true;
    }
    size_t layer = (n - N_POSITION_VECTORS) / N_LAYER_VECTORS;
    snprintf(path, PATTERN_BYTES, "posN.layer%zu.%s", layer,
             layer_vectors[(n - N_POSITION_VECTORS) % N_LAYER_VECTORS]);
    return layer < MAX_LAYERS;
}

static bool is_vector(const char *path)
{
    char vector[PATTERN_BYTES];
    for (size_t n = 0; name_vector(n, vector); n++) {
        if (strcmp(vector, path) == 0) {
            return true;
        }
    }
    return false;
}

static bool try_vectors_for(HypothesisSearch *s, const PathUse *use, char *text)
{
    const char *own = use->path;
    char other[PATTERN_BYTES];
    if (!is_vector(own)) {
        return false;
    }
    for (size_t n = 0; name_vector(n, other); n++) {
        Hypothesis h = {
            .change = change_other_path, .kind = use->kind, .old_path = own, .new_path = other};
        if (strcmp(own, other) != 0 && hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "takes %.80s where %.80s belongs", other, own);
            return true;
        }
    }
    return false;
}

bool hypotheses_try_vectors(HypothesisSearch *s, char *text)
{
    static PathUses uses;
    list_uses(s, NULL, &uses);
    for (size_t i = 0; i < uses.n; i++) {
        if (try_vectors_for(s, &uses.items[i], text)) {
            return true;
        }
    }
    return false;
}

bool hypotheses_try_keys(HypothesisSearch *s, char *text)
{
    // If a position sees only the first one, its exponential is 1, whatever the key, and so is the
    // total.
    const char *pattern = s->kinds->patterns[s->kinds->kind_of[s->targets[0]]];
    return strstr(pattern, ".softmax.") == NULL && try_positions(s, ".attn.k", text);
}

bool hypotheses_try_values(HypothesisSearch *s, char *text)
{
    return try_positions(s, ".attn.v", text);
}
