// Printed names and contents of files have no characters that control a terminal or are invisible.
#include <check.h>
#include <string.h>

#include "check_more.h"
#include "cli/printable.h"

typedef struct Case {
    const char *text;
    const char *cleaned;
} Case;

static const Case cases[] = {
    {"", ""},
    {"plain ~", "plain ~"},
    {"a\nb\rc\td\033[31me\177", "a?b?c?d?[31me?"}, // C0 and DEL
    {"\u00e9\u0438\u674e\U0001f600", "\u00e9\u0438\u674e\U0001f600"},
    {"e\u0301", "e\u0301"}, // a combining accent is part of its letter
    {"\xc2\x85"
     "a"
     "\xc2\x9b"
     "31m",
     "?a?31m"},                                  // C1, which UTF-8 has as well
    {"\u00a1", "\u00a1"},                        // the first character after C1
    {"\u200bx\u200dy\ufeff\u2060", "?x?y??"},    // no width
    {"\u202egpj.exe\u2066\u061c", "?gpj.exe??"}, // changes the order
    {"a\u2028b\u00adc", "a?b?c"},
    {"\U000e0041\U000e0101", "??"}, // tags, selectors
    {"\x9b"
     "31m\xff\xc3",
     "?31m??"},              // not UTF-8, and CSI in a terminal with 8 bits
    {"\xed\xa0\x80", "???"}, // half of a surrogate pair
};

START_TEST(each_text_is_cleaned)
{
    char text[64];
    const Case *c = &cases[_i];
    strcpy(text, c->text);
    printable_clean_text(text);
    ck_assert_str_eq(text, c->cleaned);
}
END_TEST

START_TEST(written_is_what_cleaning_leaves)
{
    char written[64] = "";
    const Case *c = &cases[_i];
    FILE *file = fmemopen(written, sizeof written, "w");
    ck_assert_ptr_nonnull(file);
    printable_write(file, c->text, strlen(c->text));
    fclose(file);
    ck_assert_str_eq(written, c->cleaned);
}
END_TEST

START_TEST(a_nul_in_the_text_is_cleaned)
{
    char text[] = {'a', '\0', 'b'};
    ck_assert_uint_eq(printable_clean(text, sizeof text), sizeof text);
    ck_assert_mem_eq(text, "a?b", sizeof text);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("printable");
    TCase *tcase = tcase_create("printable");
    int n_cases = (int)(sizeof cases / sizeof cases[0]);
    tcase_add_loop_test(tcase, each_text_is_cleaned, 0, n_cases);
    tcase_add_loop_test(tcase, written_is_what_cleaning_leaves, 0, n_cases);
    tcase_add_test(tcase, a_nul_in_the_text_is_cleaned);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
