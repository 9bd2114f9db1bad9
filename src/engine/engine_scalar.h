// A window into the scalar room, for those who look at the graph: dumps, drawings, the debugger.
// Nobody who trains or samples looks through it.
#ifndef MICROGPT_ENGINE_SCALAR_H
#define MICROGPT_ENGINE_SCALAR_H

#include "microgpt/engine.h"
#include "scalar/scalar_gpt.h"

// Requires: an engine of kind ENGINE_SCALAR.
const ScalarGpt *engine_scalar_gpt(const Engine *engine);

#endif
