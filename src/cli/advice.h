// Advice of the library in the words of the command line.
#ifndef MICROGPT_ADVICE_H
#define MICROGPT_ADVICE_H

#include "microgpt/error.h"

// The library calls settings by the names of microgpt.py: "...; try a smaller learning_rate".
// Behind the message's last semicolon, where advice is, they become options: "...; try a smaller
// --learning-rate".
void advice_name_options(Error *error);

#endif
