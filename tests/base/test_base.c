// The counts that cannot overflow, and the messages of errors.
#include "check_more.h"

#include <stdint.h>

#include "base/count.h"
#include "base/long_path.h"
#include "microgpt/error.h"

// Counts of any size: a result that does not fit is SIZE_MAX, and stays SIZE_MAX.
START_TEST(counts_saturate)
{
    ck_assert_uint_eq(count_add(2, 3), 5);
    ck_assert_uint_eq(count_add(SIZE_MAX - 3, 3), SIZE_MAX);
    ck_assert_uint_eq(count_add(SIZE_MAX - 3, 4), SIZE_MAX);
    ck_assert_uint_eq(count_add(SIZE_MAX, SIZE_MAX), SIZE_MAX);
    ck_assert_uint_eq(count_mul(2, 3), 6);
    ck_assert_uint_eq(count_mul(SIZE_MAX / 2, 2), SIZE_MAX - 1);
    ck_assert_uint_eq(count_mul(SIZE_MAX / 2 + 1, 2), SIZE_MAX);
    ck_assert_uint_eq(count_mul(SIZE_MAX, SIZE_MAX), SIZE_MAX);
    ck_assert_uint_eq(count_mul(SIZE_MAX, 0), 0);
    ck_assert_uint_eq(count_add(count_mul(SIZE_MAX, 2), 7), SIZE_MAX);
}
END_TEST

START_TEST(a_message_has_the_file_and_the_line)
{
    Error error;
    ck_assert(!error_set_file(&error, "names", 7, "has %d bytes", 3));
    ck_assert_str_eq(error.message, "names:7: has 3 bytes");
    ck_assert(!error_set_file(&error, "names", 0, "is empty"));
    ck_assert_str_eq(error.message, "names: is empty");
}
END_TEST

// What is wrong is shown in full, and of the path the end, from a whole character on.
START_TEST(a_long_path_is_shortened)
{
    char path[3 * LONG_PATH_BYTES + 1];
    Error error;
    for (size_t i = 0; i < 3 * LONG_PATH_BYTES; i += 3) {
        memcpy(path + i, "\xE2\x82\xAC", 4); // a euro sign
    }
    ck_assert(!error_set_file(&error, path, 0, "is empty"));
    ck_assert_uint_eq(strlen(error.message), strlen("...: is empty") + LONG_PATH_BYTES / 3 * 3);
    ck_assert_int_eq(strncmp(error.message, "...\xE2\x82\xAC", 6), 0);
    ck_assert_ptr_nonnull(strstr(error.message, ": is empty"));
}
END_TEST

START_TEST(a_long_message_is_truncated)
{
    char text[2 * sizeof(Error)];
    Error error;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    ck_assert(!error_set(&error, "%s", text));
    ck_assert_uint_eq(strlen(error.message), sizeof error.message - 1);
    ck_assert(!error_set_file(&error, "a", 1, "%s", text));
    ck_assert_uint_eq(strlen(error.message), sizeof error.message - 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = tcase_create("base");
    tcase_add_test(tcase, counts_saturate);
    tcase_add_test(tcase, a_message_has_the_file_and_the_line);
    tcase_add_test(tcase, a_long_path_is_shortened);
    tcase_add_test(tcase, a_long_message_is_truncated);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
