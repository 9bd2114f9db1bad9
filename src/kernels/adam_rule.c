// Adam's rule for one parameter: see include/microgpt/adam_rule.h.
#include "microgpt/adam_rule.h"

#include <math.h>

#include "base/exact.h"

AdamStep adam_step_numbers(const AdamConfig *config, size_t step, size_t num_steps)
{
    return (AdamStep){
        .beta1 = config->beta1,
        .beta2 = config->beta2,
        .one_minus_beta1 = 1 - config->beta1,
        .one_minus_beta2 = 1 - config->beta2,
        .correction1 = 1 - pow(config->beta1, (double)(step + 1)),
        .correction2 = 1 - pow(config->beta2, (double)(step + 1)),
        .lr_t = config->learning_rate * (1 - (double)step / (double)num_steps),
        .eps = config->eps_adam,
    };
}

bool adam_update_one(double *p, double g, double *m, double *v, const AdamStep *step)
{
    double square = pow(g, 2);
    *m = step->beta1 * *m + step->one_minus_beta1 * g;
    *v = step->beta2 * *v + step->one_minus_beta2 * square;
    double m_hat = *m / step->correction1;
    double v_hat = *v / step->correction2;
    *p -= step->lr_t * m_hat / (pow(v_hat, 0.5) + step->eps);
    return isfinite(square);
}
