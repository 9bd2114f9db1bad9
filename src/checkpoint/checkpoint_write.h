// Writes a checkpoint to an output: a file that is replaced atomically, or a stream.
#ifndef MICROGPT_CHECKPOINT_WRITE_H
#define MICROGPT_CHECKPOINT_WRITE_H

#include <stdbool.h>
#include <stddef.h>

#include "microgpt/checkpoint.h"

// A function that writes the next bytes of a checkpoint to the output.
typedef bool CheckpointSink(void *sink, const void *bytes, size_t size, Error *error);

// Writes all bytes in order. name stands for the checkpoint in error messages.
// Errors: as checkpoint_check_contents(); those of the sink.
bool checkpoint_write(const Checkpoint *checkpoint, const char *name, CheckpointSink *write,
                      void *sink, Error *error);

// Checks the contents without writing anything.
// Errors: a number that is not finite, a header that is too long, out of memory.
bool checkpoint_check_contents(const Checkpoint *checkpoint, const char *name, Error *error);

#endif
