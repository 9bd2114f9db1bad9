// A network of two layers learns XOR, which a single layer cannot: from random weights to four
// correct answers.
#include <stdio.h>

#include "microgpt/random.h"
#include "microgpt/value.h"

enum {
    N_HIDDEN = 8,
    N_CASES = 4,
    N_STEPS = 1000,
};

static const double inputs[N_CASES][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
static const double targets[N_CASES] = {0, 1, 1, 0};

// One row for each neuron: the weight of each input, and the bias.
typedef struct Network {
    Value *hidden[N_HIDDEN][3];
    Value *output[N_HIDDEN + 1];
} Network;

static void network_init(Network *network, Graph *g, Random *random)
{
    for (int i = 0; i < N_HIDDEN; i++) {
        for (int k = 0; k < 3; k++) {
            network->hidden[i][k] = value_leaf(g, random_gauss(random, 0, 1));
        }
    }
    for (int i = 0; i < N_HIDDEN + 1; i++) {
        network->output[i] = value_leaf(g, random_gauss(random, 0, 1));
    }
}

static Value *network_forward(const Network *network, Graph *g, const double *input)
{
    Value *sum = network->output[N_HIDDEN];
    for (int i = 0; i < N_HIDDEN; i++) {
        Value *const *row = network->hidden[i];
        Value *h = value_add(g, value_mul_number(g, row[0], input[0]), row[2]);
        h = value_add(g, h, value_mul_number(g, row[1], input[1]));
        sum = value_add(g, sum, value_mul(g, network->output[i], value_relu(g, h)));
    }
    return sum;
}

static Value *make_loss(const Network *network, Graph *g)
{
    Value *errors[N_CASES];
    for (int i = 0; i < N_CASES; i++) {
        Value *answer = network_forward(network, g, inputs[i]);
        errors[i] = value_pow(g, value_sub_number(g, answer, targets[i]), 2);
    }
    return value_sum(g, errors, N_CASES);
}

// Updates the parameters, which are all nodes that remain after the reset.
static void update(Graph *g, GraphMark parameters)
{
    graph_reset(g, parameters);
    for (size_t node_id = 0; node_id < graph_n_nodes(g); node_id++) {
        Value *parameter = graph_node(g, node_id);
        parameter->data -= 0.03 * parameter->grad;
    }
    graph_zero_grad(g);
}

int main(void)
{
    Graph g;
    Random random;
    Network network;
    graph_init(&g);
    random_seed(&random, 42);
    network_init(&network, &g, &random);
    GraphMark parameters = graph_mark(&g);
    for (int step = 0; step < N_STEPS; step++) {
        Error error;
        Value *loss = make_loss(&network, &g);
        if (!value_backward(&g, loss, &error)) {
            fprintf(stderr, "xor: %s\n", error.message);
            return 1;
        }
        if (step % 250 == 0) {
            printf("step %4d: loss %.6f\n", step, loss->data);
        }
        update(&g, parameters);
    }
    for (int i = 0; i < N_CASES; i++) {
        double answer = network_forward(&network, &g, inputs[i])->data;
        printf("%g xor %g = %.2f\n", inputs[i][0], inputs[i][1], answer);
    }
    graph_free(&g);
    return 0;
}
