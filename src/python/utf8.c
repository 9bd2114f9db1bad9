// UTF-8, as strict as Python's codec: see python/utf8.h.
#include "python/utf8.h"

#include <assert.h>

// Returns how many bytes a sequence with this first byte has; 0 if no sequence starts with it.
static size_t sequence_size(unsigned char first)
{
    if (first < 0x80) {
        return 1;
    }
    if (first >= 0xC2 && first < 0xE0) { // C0 and C1 could only start overlong forms
        return 2;
    }
    if (first >= 0xE0 && first < 0xF0) {
        return 3;
    }
    if (first >= 0xF0 && first < 0xF5) {
        return 4;
    }
    return 0;
}

static bool is_surrogate(uint32_t code_point)
{
    return code_point >= 0xD800 && code_point < 0xE000;
}

size_t utf8_read(const char *text, size_t size, uint32_t *code_point)
{
    static const uint32_t smallest[UTF8_MAX_BYTES + 1] = {0, 0, 0x80, 0x800, 0x10000};
    assert(text != NULL && size >= 1 && code_point != NULL);
    const unsigned char *bytes = (const unsigned char *)text;
    size_t n = sequence_size(bytes[0]);
    if (n == 0 || n > size) {
        return 0;
    }
    uint32_t value = n == 1 ? bytes[0] : bytes[0] & (0x7Fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((bytes[i] & 0xC0) != 0x80) {
            return 0;
        }
        value = value << 6 | (bytes[i] & 0x3Fu);
    }
    if (value < smallest[n] || value > UTF8_MAX_CODE_POINT || is_surrogate(value)) {
        return 0;
    }
    *code_point = value;
    return n;
}

size_t utf8_write(uint32_t code_point, char *out)
{
    assert(out != NULL && code_point <= UTF8_MAX_CODE_POINT && !is_surrogate(code_point));
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t n = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1;) {
        out[i] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)((0xF00u >> n) | code_point); // n ones, a zero, then the highest bits
    return n;
}

bool utf8_is_space(uint32_t code_point)
{
    return (code_point >= 0x09 && code_point <= 0x0D) ||     // tab, line feed ... carriage return
           (code_point >= 0x1C && code_point <= 0x20) ||     // separators of file ... unit, space
           code_point == 0x85 || code_point == 0xA0 ||       // next line, no-break space
           code_point == 0x1680 ||                           // Ogham space mark
           (code_point >= 0x2000 && code_point <= 0x200A) || // en quad ... hair space
           code_point == 0x2028 || code_point == 0x2029 ||   // line and paragraph separator
           code_point == 0x202F || code_point == 0x205F ||   // narrow, mathematical space
           code_point == 0x3000;                             // ideographic space
}
