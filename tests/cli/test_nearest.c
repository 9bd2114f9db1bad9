// Which texts are near a name, and which are not.
#include <check.h>

#include "check_more.h"
#include "cli/nearest.h"

static const char *const names[] = {"train", "trace", "run", "num-steps", "seed", "save"};

typedef struct Case {
    const char *text;
    const char *meant; // NULL: nothing
} Case;

static const Case cases[] = {
    {"train", "train"},
    {"trian", "train"},
    {"tran", "train"},
    {"trains", "train"},
    {"trase", "trace"},
    {"Run", "run"},
    {"rum", "run"},
    {"ru", NULL},
    {"num_steps", "num-steps"},
    {"numsteps", "num-steps"},
    {"mun-setps", "num-steps"},
    {"seeds", "seed"},
    {"sede", "seed"},
    {"bogus", NULL},
    {"", NULL},
    {"x", NULL},
    {"abcdefghijklmnopqrstuvwxyzabcdefghijklmnop", NULL},
};

START_TEST(what_is_near_is_found)
{
    const Case *c = &cases[_i];
    const char *meant = nearest_name(c->text, strlen(c->text), names, sizeof names / sizeof *names);
    ck_assert_pstr_eq(meant, c->meant);
}
END_TEST

START_TEST(a_distance_counts_what_must_be_done)
{
    ck_assert_uint_eq(nearest_distance("", 0, ""), 0);
    ck_assert_uint_eq(nearest_distance("abc", 3, ""), 3);
    ck_assert_uint_eq(nearest_distance("", 0, "ab"), 2);
    ck_assert_uint_eq(nearest_distance("abcd", 4, "abdc"), 1);
    ck_assert_uint_eq(nearest_distance("abcd", 2, "ab"), 0); // only the first 2 letters of a count
    ck_assert_uint_eq(nearest_distance("kitten", 6, "sitting"), 3);
    ck_assert_uint_eq(nearest_distance("ca", 2, "abc"), 3); // no letter is changed twice
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("nearest");
    TCase *tcase = tcase_create("nearest");
    tcase_add_loop_test(tcase, what_is_near_is_found, 0, (int)(sizeof cases / sizeof cases[0]));
    tcase_add_test(tcase, a_distance_counts_what_must_be_done);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
