// Hypotheses about nodes that stop gradients, or let them pass where they should stop. See
// hypothesis_graph.h.
#include <stdio.h>
#include <string.h>

#include "compare/hypothesis_graph.h"

// Returns whether a kind's pattern has this ending.
static bool ends_with(const char *pattern, const char *ending)
{
    size_t length = strlen(pattern);
    size_t n = strlen(ending);
    return length >= n && strcmp(pattern + length - n, ending) == 0;
}

// Stops the gradients to the nodes of a kind: those from all parents, or from parents with a path.
static void apply_closed(HypothesisSearch *s, const Hypothesis *h)
{
    const NodeDump *dump = s->bounds->dump;
    bool is_from[MAX_PATH_KINDS];
    bool is_to[MAX_PATH_KINDS];
    for (size_t kind = 0; kind < s->kinds->n; kind++) {
        const char *pattern = s->kinds->patterns[kind];
        is_from[kind] = h->new_path == NULL || strstr(pattern, h->new_path) != NULL;
        is_to[kind] = ends_with(pattern, h->old_path);
    }
    for (uint32_t parent = 0; parent < s->bounds->n_nodes; parent++) {
        if (!is_from[s->kinds->kind_of[parent]]) {
            continue;
        }
        for (uint32_t e = dump->first_edge[parent]; e < dump->first_edge[parent + 1]; e++) {
            if (is_to[s->kinds->kind_of[s->bounds->children[e]]]) {
                s->bounds->local_grads[e] = 0;
            }
        }
    }
}

static void apply_open_relu(HypothesisSearch *s, const Hypothesis *h)
{
    (void)h;
    for (uint32_t i = 0; i < s->bounds->n_nodes; i++) {
        if (s->in_scope[i] && s->bounds->rules[i] == RULE_RELU) {
            s->bounds->local_grads[s->bounds->dump->first_edge[i]] = 1;
        }
    }
}

bool hypotheses_try_passages(HypothesisSearch *s, char *text)
{
    static const struct {
        const char *to;
        const char *from; // NULL: from all parents
        const char *text;
    } cases[] = {
        {"norm.scale", NULL, "lets nothing back through the scale of rmsnorm"},
        {"mlp.norm.scale", NULL, "lets nothing back through the scale of mlp.norm"},
        {"attn.norm.scale", NULL, "lets nothing back through the scale of attn.norm"},
        {"posN.norm.scale", NULL, "lets nothing back through the scale of posN.norm"},
        {"softmax.total", NULL, "lets nothing back through the totals of softmax"},
        {"softmax.exp[*]", "softmax.total", "lets nothing back through the totals of softmax"},
        {"headN.softmax.total", NULL, "lets nothing back through the total of attention's softmax"},
        {"posN.softmax.total", NULL, "lets nothing back through the total of the last softmax"},
        {"attn.residual[*]", "mlp.residual[*]", "lets nothing back past the MLP, by its residual"},
        {"norm[*]", "attn.residual[*]", "lets nothing back past attention, by its residual"},
        {"headN.weight[*]", NULL, "lets nothing back through the weights of attention"},
        {"attn.q[*]", NULL, "lets nothing back through the queries"},
        {"attn.k[*]", NULL, "lets nothing back through the keys"},
        {"attn.v[*]", NULL, "lets nothing back through the values"},
    };
    Hypothesis open = {.apply = apply_open_relu};
    if (hypothesis_holds(s, &open)) {
        snprintf(text, HYPOTHESIS_BYTES, "lets gradients back through a ReLU that is off");
        return true;
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Hypothesis h = {.apply = apply_closed, .old_path = cases[i].to, .new_path = cases[i].from};
        if (hypothesis_holds(s, &h)) {
            snprintf(text, HYPOTHESIS_BYTES, "%s", cases[i].text);
            return true;
        }
    }
    return false;
}
