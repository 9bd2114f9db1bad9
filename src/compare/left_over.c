// Gradients left over from the step before: see update_values.h.
#include "compare/update_values.h"

// The unexplained rest must be at most this share of the difference of both sides. After an update
// that differs, A's gradients are only near those that B should have.
static const double MOST_UNEXPLAINED = 0.05;

// The sums over parameters of products of two gradients.
typedef struct Products {
    double right_right; // of the correct gradients, those of A
    double right_more;
    double more_more; // of the excess of B over A
    double rest_rest; // of the rest of the excess, without B's gradients of the step before
} Products;

static Products sum_products(const UpdateValues *values, size_t begin, size_t end)
{
    const SideValues *a = &values->sides[0];
    const SideValues *b = &values->sides[1];
    Products sums = {0};
    for (size_t i = begin; i < end; i++) {
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

bool left_over_is_found(const UpdateValues *values, size_t begin, size_t end)
{
    if (!values->has_next_grads) {
        return false;
    }
    Products sums = sum_products(values, begin, end);
    // If both steps have similar gradients, B's may also be A's times a factor. To distinguish the
    // two cases, the part that a factor does not explain must be large.
    double of_factor = sums.right_right > 0 ? sums.right_more / sums.right_right : 0;
    double without_factor = sums.more_more - of_factor * sums.right_more;
    bool is_no_factor = without_factor > MOST_UNEXPLAINED * sums.more_more;
    return is_no_factor && sums.rest_rest <= MOST_UNEXPLAINED * MOST_UNEXPLAINED * without_factor;
}
