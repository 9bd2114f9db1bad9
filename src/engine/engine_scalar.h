// Gives dumps, drawings and the debugger access to the scalar engine's graph. Training and sampling
// do not need it.
#ifndef MICROGPT_ENGINE_SCALAR_H
#define MICROGPT_ENGINE_SCALAR_H

#include "microgpt/engine.h"
#include "scalar/scalar_gpt.h"

// Requires: an engine of kind ENGINE_SCALAR.
const ScalarGpt *engine_scalar_gpt(const Engine *engine);

#endif
