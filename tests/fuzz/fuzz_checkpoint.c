// Loads any bytes as a checkpoint, unchanged and with the header's length and the CRC corrected.
// They are rejected with one line, or are a valid model with finite numbers that can be sampled
// from and trained.
#include "checkpoint/load_and_use.h"
#include "fuzz/fuzz_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    load_and_use(fuzz_file(bytes, size), 2);
    if (size < 8) {
        return 0;
    }
    size_t header_size = (size_t)(little_endian_get_integer(bytes) % (size - 8 + 1));
    unsigned char *repaired = malloc(size);
    must(repaired != NULL, "memory");
    memcpy(repaired, bytes, size);
    little_endian_put_integer(header_size, repaired);
    Parts parts = {(char *)repaired + 8, header_size, repaired + 8 + header_size,
                   size - 8 - header_size};
    repair_crc(&parts);
    load_and_use(fuzz_file(repaired, size), 2);
    free(repaired);
    return 0;
}
