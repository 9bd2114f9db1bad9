// Replaces unprintable characters: see printable.h.
#include "cli/printable.h"

#include <string.h>

#include "python/utf8.h"

typedef struct CodePointRange {
    uint32_t first;
    uint32_t last;
} CodePointRange;

// Unicode's control and format characters, and others that are invisible.
static const CodePointRange unprintable[] = {
    {0x0000, 0x001F},   // C0
    {0x007F, 0x009F},   // DEL and C1
    {0x00AD, 0x00AD},   // soft hyphen
    {0x034F, 0x034F},   // combining grapheme joiner
    {0x061C, 0x061C},   // Arabic letter mark
    {0x115F, 0x1160},   // Hangul fillers
    {0x17B4, 0x17B5},   // Khmer inherent vowels
    {0x180B, 0x180F},   // Mongolian selectors and vowel separator
    {0x200B, 0x200F},   // zero width; left-to-right and right-to-left marks
    {0x2028, 0x202E},   // separators of lines and paragraphs; embeddings and overrides
    {0x2060, 0x206F},   // word joiner, invisible operators, isolates
    {0x3164, 0x3164},   // Hangul filler
    {0xFE00, 0xFE0F},   // variation selectors
    {0xFEFF, 0xFEFF},   // byte order mark
    {0xFFA0, 0xFFA0},   // Hangul filler
    {0xFFF9, 0xFFFB},   // interlinear annotations
    {0x1BCA0, 0x1BCA3}, // shorthand controls
    {0x1D173, 0x1D17A}, // musical controls
    {0xE0000, 0xE0FFF}, // tags and variation selectors
};

bool printable_has(uint32_t code_point)
{
    for (size_t i = 0; i < sizeof unprintable / sizeof unprintable[0]; i++) {
        if (code_point >= unprintable[i].first && code_point <= unprintable[i].last) {
            return false;
        }
    }
    return true;
}

// Returns how many bytes the next character has, or 1 if it is not valid, and sets what to print
// instead of it.
static size_t clean_next(const char *text, size_t size, char shown[UTF8_MAX_BYTES], size_t *n_shown)
{
    uint32_t code_point;
    size_t n = utf8_read(text, size, &code_point);
    if (n > 0 && printable_has(code_point)) {
        memcpy(shown, text, n);
        *n_shown = n;
        return n;
    }
    shown[0] = '?';
    *n_shown = 1;
    return n > 0 ? n : 1;
}

size_t printable_clean(char *text, size_t size)
{
    size_t n_cleaned = 0;
    for (size_t offset = 0; offset < size;) {
        char shown[UTF8_MAX_BYTES];
        size_t n_shown;
        offset += clean_next(text + offset, size - offset, shown, &n_shown);
        memcpy(text + n_cleaned, shown, n_shown);
        n_cleaned += n_shown;
    }
    return n_cleaned;
}

void printable_clean_text(char *text)
{
    text[printable_clean(text, strlen(text))] = '\0';
}

void printable_write(FILE *file, const char *text, size_t size)
{
    for (size_t offset = 0; offset < size;) {
        char shown[UTF8_MAX_BYTES];
        size_t n_shown;
        offset += clean_next(text + offset, size - offset, shown, &n_shown);
        fwrite(shown, 1, n_shown, file);
    }
}
