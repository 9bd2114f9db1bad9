// Selects nodes: see subgraph.h.
//
// levels[node_id] is depth + 1 for the nodes to start from, one less for each level of children,
// and 0 for nodes that are not selected. Children have smaller ids than their parents, so one pass
// from the last node to the first is enough.
#include "compare/subgraph.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

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
    const NodeDump *graph;
    const SubgraphQuery *query;
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

static bool has_op(const Search *search, size_t node_id)
{
    const char *op = search->query->op;
    return op == NULL || strcmp(dump_op(search->graph, node_id), op) == 0;
}

static void look_at_node(Search *search, size_t node_id)
{
    const SubgraphQuery *query = search->query;
    const char *path = dump_path(search->graph, node_id);
    if (query->path != NULL && !path_is_in(path, query->path)) {
        return;
    }
    search->n_named++;
    if (query->path != NULL && strcmp(path, query->path) == 0) {
        search->named_id = node_id;
    }
    if (has_op(search, node_id)) {
        start_at(search, node_id);
    }
}

static void search_nodes(Search *search)
{
    size_t n_nodes = search->graph->n_nodes;
    for (size_t node_id = 0; node_id < n_nodes; node_id++) {
        look_at_node(search, node_id);
    }
    if (search->named_id != SIZE_MAX && search->query->op == NULL) { // the query is this node alone
        memset(search->levels, 0, n_nodes * sizeof *search->levels);
        search->n_starts = 0;
        start_at(search, search->named_id);
    }
}

static bool find_starts(Search *search, Error *error)
{
    const SubgraphQuery *query = search->query;
    if (query->path != NULL || query->op != NULL) {
        search_nodes(search);
    } else {
        start_at(search, search->graph->n_nodes - 1);
    }
    const char *file_name = search->graph->file_name;
    const char *place = file_name != NULL ? file_name : "this document's graph";
    if (query->path != NULL && search->n_named == 0) {
        return error_set(error, "--node: '%.100s' is not a node of %.200s%s", query->path, place,
                         file_name != NULL ? ""
                                           : "; microgpt nodes --step 1 --names lists those of the "
                                             "first document");
    }
    if (search->n_starts == 0) {
        return error_set(error, "--op: there is no %.100s in %.200s", query->op,
                         query->path != NULL ? query->path : place);
    }
    return true;
}

// Selects the children down to the depth. Returns how many nodes are selected in total.
static size_t follow_children(const Search *search)
{
    const NodeDump *graph = search->graph;
    size_t n_chosen = 0;
    for (size_t node_id = graph->n_nodes; node_id-- > 0;) {
        size_t level = search->levels[node_id];
        n_chosen += level > 0;
        for (uint32_t i = 0; level > 1 && i < dump_n_children(graph, node_id); i++) {
            size_t *child = &search->levels[dump_child(graph, node_id, i)];
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
    for (size_t node_id = 0; node_id < search->graph->n_nodes; node_id++) {
        if (search->levels[node_id] > 0) {
            node_ids[n] = node_id;
            n++;
        }
    }
    *subgraph = (Subgraph){search->graph, node_ids, n_chosen, search->n_starts};
    return EXIT_DONE;
}

ExitStatus subgraph_find(Subgraph *subgraph, const NodeDump *graph, const SubgraphQuery *query,
                         Error *error)
{
    assert(subgraph != NULL && graph != NULL && query != NULL && graph->n_nodes > 0);
    assert(!graph->is_sparse && graph->has_names);
    size_t n_nodes = graph->n_nodes;
    Search search = {
        .graph = graph,
        .query = query,
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
    const NodeDump *graph = subgraph->graph;
    for (uint32_t i = 0; i < dump_n_children(graph, node_id); i++) {
        if (!subgraph_has(subgraph, dump_child(graph, node_id, i))) {
            return true;
        }
    }
    return false;
}
