// Names of settings are replaced by options in the advice of a message, and nowhere else.
#include <check.h>
#include <string.h>

#include "check_more.h"
#include "cli/advice.h"

typedef struct Case {
    const char *message;
    const char *named;
} Case;

static const Case cases[] = {
    {"", ""},
    {"no advice about the learning_rate", "no advice about the learning_rate"},
    {"step 3: the loss is nan; try a smaller learning_rate or init_std",
     "step 3: the loss is nan; try a smaller --learning-rate or --init-std"},
    {"x; a smaller init_std, or a higher temperature",
     "x; a smaller --init-std, or a higher --temperature"},
    {"n_head: has no heads; add n_head.", "n_head: has no heads; add --n-head."},
    {"init_std;init_std: no such file; look at init_std",
     "init_std;init_std: no such file; look at --init-std"},
    {"x; n_head: cannot be opened", "x; n_head: cannot be opened"},
    {"saved; resume with --resume ./n_head", "saved; resume with --resume ./n_head"},
    {"saved; resume with --resume n_head.ck", "saved; resume with --resume n_head.ck"},
    {"x; see --init-std, temperatures, my_init_std",
     "x; see --init-std, temperatures, my_init_std"},
};

START_TEST(settings_become_options_in_the_advice)
{
    Error error;
    error_set(&error, "%s", cases[_i].message);
    advice_name_options(&error);
    ck_assert_str_eq(error.message, cases[_i].named);
}
END_TEST

// An option is longer than its setting's name.
START_TEST(a_full_message_is_cut)
{
    Error error;
    char expected[sizeof error.message];
    size_t size = sizeof error.message;
    memset(error.message, ' ', size);
    memcpy(error.message, "x;", 2);
    strcpy(error.message + size - sizeof "init_std", "init_std");
    strcpy(expected, error.message);
    strcpy(expected + size - sizeof "init_std", "--init-s");
    advice_name_options(&error);
    ck_assert_str_eq(error.message, expected);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("advice");
    TCase *tcase = tcase_create("advice");
    tcase_add_loop_test(tcase, settings_become_options_in_the_advice, 0,
                        sizeof cases / sizeof cases[0]);
    tcase_add_test(tcase, a_full_message_is_cut);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
