// Translates advice of the library into options of the command line.
#ifndef MICROGPT_ADVICE_H
#define MICROGPT_ADVICE_H

#include "microgpt/error.h"

// The library's messages use the names of microgpt.py: "...; try a smaller learning_rate". This
// replaces the names after the message's last semicolon, where the advice is, with options: "...;
// try a smaller --learning-rate".
void advice_name_options(Error *error);

#endif
