// Gradients left over from the step before: see left_over.h.
#include "compare/left_over.h"

// What is not explained must be smaller than the difference of both sides by this share. After an
// update that differs, A's gradients are only near those that B should have.
static const double MOST_UNEXPLAINED = 0.05;

// The sums over all parameters of products of two gradients.
typedef struct Products {
    double right_right; // of the right gradients, those of A
    double right_more;
    double more_more; // of what B has more than A
    double rest_rest; // of what remains of it without B's gradients of the step before
} Products;

static Products sum_products(const UpdateValues *values)
{
    const SideValues *a = &values->sides[0];
    const SideValues *b = &values->sides[1];
    Products sums = {0};
    for (size_t i = 0; i < values->n_params; i++) {
        double right = a->next_grad[i];
        double more = b->next_grad[i] - right;
        double rest = more - b->grad[i];
        sums.right_right += right * right;
        sums.right_more += right * more;
        sums.more_more += more * more;
        sums.rest_rest += rest * rest;
    }
    return sums;
}

bool left_over_is_found(const UpdateValues *values)
{
    if (!values->has_next_grads) {
        return false;
    }
    Products sums = sum_products(values);
    // If both steps have similar gradients, B's may as well be A's times a factor. To tell the two
    // apart, what a factor does not explain must be large.
    double of_factor = sums.right_right > 0 ? sums.right_more / sums.right_right : 0;
    double without_factor = sums.more_more - of_factor * sums.right_more;
    bool is_no_factor = without_factor > MOST_UNEXPLAINED * sums.more_more;
    return is_no_factor && sums.rest_rest <= MOST_UNEXPLAINED * MOST_UNEXPLAINED * without_factor;
}
