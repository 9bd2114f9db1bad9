// Finds out from two steps whether B adds the gradients of a step to those of the step before.
#ifndef MICROGPT_LEFT_OVER_H
#define MICROGPT_LEFT_OVER_H

#include <stdbool.h>

#include "compare/update_values.h"

// Returns whether B's gradients after the update are A's plus those that B had before it, so that B
// does not set them to 0 between the steps, in the parameters from begin up to end. The parameters
// may differ a little. Returns false if the gradients after the update are not known.
bool left_over_is_found(const UpdateValues *values, size_t begin, size_t end);

#endif
