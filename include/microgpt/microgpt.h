// The whole library, in reading order.
#ifndef MICROGPT_MICROGPT_H
#define MICROGPT_MICROGPT_H

// clang-format off
#include "microgpt/version.h"   // the version of the library
#include "microgpt/error.h"     // messages about failures
#include "microgpt/random.h"    // CPython's generator
#include "microgpt/dataset.h"   // a text file -> documents
#include "microgpt/tokenizer.h" // documents -> tokens
#include "microgpt/model.h"     // sizes and parameters
#include "microgpt/arena.h"     // the memory of nodes; its functions are not exported
#include "microgpt/value.h"     // the Value class
#include "microgpt/node_path.h" // names of nodes
#include "microgpt/simd.h"      // levels of vector instructions
#include "microgpt/engine.h"    // tokens -> loss and gradients
#include "microgpt/adam_rule.h" // the update of one parameter
#include "microgpt/adam.h"      // gradients -> parameters
#include "microgpt/trainer.h"   // the training step
#include "microgpt/sample.h"    // new names
#include "microgpt/checkpoint.h" // training runs in files
// clang-format on

#endif
