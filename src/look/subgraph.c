// Selects nodes: see subgraph.h.
//
// levels[node_id] is depth + 1 for the nodes to start from, one less for each level of children,
// and 0 for nodes that are not selected. Children have smaller ids than their parents, so one pass
// from the last node to the first is enough.
#include "look/subgraph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "microgpt/node_path.h"

// Returns whether a path is the name itself, or is in the part of that name.
static bool path_is_in(const char *path, const char *name)
{
    size_t length = strlen(name);
    if (strncmp(path, name, length) != 0) {
        return false; // also true if the path is shorter than the name
    }
    return path[length] == '\0' || path[length] == '.' || path[length] == '[';
}

// The result of a search.
typedef struct Search {
    const Graph *g;
    const SubgraphQuery *query;
    NodePaths paths;
    size_t *levels; // [n_nodes]
    size_t n_starts;
    size_t named_id; // the node with exactly this path; SIZE_MAX if there is none
    size_t n_named;  // how many nodes have that name, including those with an operation
} Search;

static void start_at(Search *search, size_t node_id)
{
    search->levels[node_id] = search->query->depth + 1;
    search->n_starts++;
}

static void look_at_node(Search *search, size_t node_id)
{
    const SubgraphQuery *query = search->query;
    char path[NODE_PATH_BYTES];
    node_paths_write(&search->paths, node_id, path);
    if (!path_is_in(path, query->path)) {
        return;
    }
    search->n_named++;
    if (strcmp(path, query->path) == 0) {
        search->named_id = node_id;
    }
    if (!query->has_op || graph_node(search->g, node_id)->op == query->op) {
        start_at(search, node_id);
    }
}

// Returns whether a node of the scope can have the path. This is faster than computing the name of
// each node, since a graph has many more nodes than scopes.
static bool scope_may_have(const Graph *g, const Scope *scope, size_t last_node, const char *name)
{
    char path[NODE_PATH_BYTES];
    if (scope->is_part) {
        return true;
    }
    node_path(g, last_node, path);
    if (scope->n_columns > 0) {
        *strrchr(path, '[') = '\0';
    }
    return path_is_in(path, name) || path_is_in(name, path);
}

static void search_path(Search *search)
{
    const Graph *g = search->g;
    for (size_t i = 0; i < g->n_scopes; i++) {
        size_t first = g->scopes[i].first_node;
        size_t end = i + 1 < g->n_scopes ? g->scopes[i + 1].first_node : graph_n_nodes(g);
        if (end == first || !scope_may_have(g, &g->scopes[i], end - 1, search->query->path)) {
            continue;
        }
        for (size_t node_id = first; node_id < end; node_id++) {
            look_at_node(search, node_id);
        }
    }
    if (search->named_id != SIZE_MAX && !search->query->has_op) { // the query is this node alone
        memset(search->levels, 0, graph_n_nodes(g) * sizeof *search->levels);
        search->n_starts = 0;
        start_at(search, search->named_id);
    }
}

static void search_op(Search *search)
{
    size_t n_nodes = graph_n_nodes(search->g);
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        if (graph_node(search->g, node_id)->op == search->query->op) {
            start_at(search, node_id);
        }
    }
}

static bool find_starts(Search *search, Error *error)
{
    const SubgraphQuery *query = search->query;
    if (query->path != NULL) {
        search_path(search);
    } else if (query->has_op) {
        search_op(search);
    } else {
        start_at(search, graph_n_nodes(search->g) - 1);
    }
    if (query->path != NULL && search->n_named == 0) {
        return error_set(error,
                         "--node: '%.100s' is not a node of this document's graph; microgpt nodes "
                         "--step 1 --names lists those of the first document",
                         query->path);
    }
    if (search->n_starts == 0) {
        return error_set(error, "--op: there is no %s in %.100s", value_op_name(query->op),
                         query->path != NULL ? query->path : "this document's graph");
    }
    return true;
}

// Selects the children down to the depth. Returns how many nodes are selected in total.
static size_t follow_children(const Search *search)
{
    size_t n_chosen = 0;
    for (size_t node_id = graph_n_nodes(search->g); node_id-- > 0;) {
        size_t level = search->levels[node_id];
        const Value *v = graph_node(search->g, node_id);
        n_chosen += level > 0;
        for (int i = 0; level > 1 && i < v->n_children; i++) {
            size_t *child = &search->levels[graph_node_id(search->g, v->children[i])];
            *child = level - 1 > *child ? level - 1 : *child;
        }
    }
    return n_chosen;
}

static ExitStatus collect(Subgraph *subgraph, const Search *search, size_t n_chosen, Error *error)
{
    if (n_chosen > SUBGRAPH_MAX_NODES) {
        error_set(error,
                  "%zu nodes are too many to draw (at most %d); choose a smaller --depth, or fewer "
                  "nodes with --node or --op",
                  n_chosen, SUBGRAPH_MAX_NODES);
        return EXIT_USAGE;
    }
    assert(n_chosen > 0);
    size_t *node_ids = calloc(n_chosen, sizeof *node_ids);
    if (node_ids == NULL) {
        error_out_of_memory(error, "the chosen nodes", n_chosen * sizeof *node_ids);
        return EXIT_FAILED;
    }
    size_t n = 0;
    for (size_t node_id = 0; node_id < graph_n_nodes(search->g); node_id++) {
        if (search->levels[node_id] > 0) {
            node_ids[n] = node_id;
            n++;
        }
    }
    *subgraph = (Subgraph){search->g, node_ids, n_chosen, search->n_starts};
    return EXIT_DONE;
}

ExitStatus subgraph_find(Subgraph *subgraph, const Graph *g, const SubgraphQuery *query,
                         Error *error)
{
    assert(subgraph != NULL && g != NULL && query != NULL && graph_n_nodes(g) > 0);
    size_t n_nodes = graph_n_nodes(g);
    Search search = {
        .g = g,
        .query = query,
        .paths = node_paths(g),
        .levels = calloc(n_nodes, sizeof *search.levels),
        .named_id = SIZE_MAX,
    };
    if (search.levels == NULL) {
        error_out_of_memory(error, "the search", n_nodes * sizeof *search.levels);
        return EXIT_FAILED;
    }
    ExitStatus status = EXIT_USAGE;
    if (find_starts(&search, error)) {
        status = collect(subgraph, &search, follow_children(&search), error);
    }
    free(search.levels);
    return status;
}

void subgraph_free(Subgraph *subgraph)
{
    free(subgraph->node_ids);
    *subgraph = (Subgraph){0};
}

static int compare_ids(const void *a, const void *b)
{
    size_t left = *(const size_t *)a;
    size_t right = *(const size_t *)b;
    return (left > right) - (left < right);
}

bool subgraph_has(const Subgraph *subgraph, size_t node_id)
{
    return bsearch(&node_id, subgraph->node_ids, subgraph->n_nodes, sizeof node_id, compare_ids) !=
           NULL;
}

bool subgraph_is_cut(const Subgraph *subgraph, size_t node_id)
{
    const Graph *g = subgraph->graph;
    const Value *v = graph_node(g, node_id);
    for (int i = 0; i < v->n_children; i++) {
        if (!subgraph_has(subgraph, graph_node_id(g, v->children[i]))) {
            return true;
        }
    }
    return false;
}
