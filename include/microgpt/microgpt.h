// The whole library, in reading order.
#ifndef MICROGPT_MICROGPT_H
#define MICROGPT_MICROGPT_H

// clang-format off
#include "microgpt/error.h"     // one line for the person who can mend it
#include "microgpt/hexfloat.h"  // doubles, written bit for bit
#include "microgpt/random.h"    // CPython's generator
#include "microgpt/utf8.h"      // code points
#include "microgpt/dataset.h"   // a text file -> documents
#include "microgpt/tokenizer.h" // documents -> tokens
#include "microgpt/model.h"     // sizes and parameters
#include "microgpt/arena.h"     // where nodes live
#include "microgpt/value.h"     // the Value class
#include "microgpt/node_path.h" // who a node is
#include "microgpt/simd.h"      // which vector instructions
#include "microgpt/engine.h"    // tokens -> loss and gradients
#include "microgpt/adam_rule.h" // one parameter's step
#include "microgpt/adam.h"      // gradients -> parameters
#include "microgpt/trainer.h"   // all of it, step by step
#include "microgpt/sample.h"    // and new names
#include "microgpt/checkpoint.h" // and all of it in a file
// clang-format on

#endif
