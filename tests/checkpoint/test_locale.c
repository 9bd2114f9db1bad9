// A program that uses the library may have set a locale in which 1.5 is written 1,5. This does not
// change checkpoints, hexadecimal numbers and error messages.
//
// Such a locale is rarely installed, so the test makes one: glibc's LC_NUMERIC is a small file.
#include <locale.h>

#include "check_more.h"
#include "checkpoint/checkpoint_more.h"
#include "python/hexfloat.h"

static char folder[FOLDER_BYTES];

// The contents of glibc's LC_NUMERIC: a magic number, the number of values, their offsets, and the
// values: decimal point, thousands' separator, grouping, the first two as wide characters, the
// encoding.
typedef struct NumericLocale {
    uint32_t magic;
    uint32_t n_values;
    uint32_t offsets[6];
    char decimal_point[4];
    char thousands_separator[4];
    char grouping[4];
    uint32_t wide_decimal_point;
    uint32_t wide_thousands_separator;
    char encoding[8];
} NumericLocale;

// Returns false for a libc other than glibc, which may accept any name and change nothing.
static bool set_comma_locale(void)
{
#ifndef __GLIBC__
    return false;
#else
    const NumericLocale locale = {
        .magic = 0x20031114, // locale/localeinfo.h, LIMAGIC(LC_NUMERIC)
        .n_values = 6,
        .offsets = {offsetof(NumericLocale, decimal_point),
                    offsetof(NumericLocale, thousands_separator), offsetof(NumericLocale, grouping),
                    offsetof(NumericLocale, wide_decimal_point),
                    offsetof(NumericLocale, wide_thousands_separator),
                    offsetof(NumericLocale, encoding)},
        .decimal_point = ",",
        .thousands_separator = ".",
        .grouping = "\x7f",
        .wide_decimal_point = ',',
        .wide_thousands_separator = '.',
        .encoding = "UTF-8",
    };
    must(mkdir("comma", 0700) == 0, "comma");
    write_bytes_to("comma/LC_NUMERIC", &locale, sizeof locale);
    setenv("LOCPATH", folder, 1);
    return setlocale(LC_NUMERIC, "comma") != NULL;
#endif
}

START_TEST(checkpoints_have_no_commas)
{
    make_checkpoint("point", 5);
    if (!set_comma_locale()) {
        printf("skipped: this libc takes no locale from a file\n");
        return;
    }
    char text[16];
    snprintf(text, sizeof text, "%.1f", 1.5);
    ck_assert_str_eq(text, "1,5"); // the locale is in effect

    make_checkpoint("comma.checkpoint", 5);
    Bytes point = read_bytes_of("point");
    Bytes comma = read_bytes_of("comma.checkpoint");
    ck_assert_uint_eq(point.size, comma.size);
    ck_assert_int_eq(memcmp(point.bytes, comma.bytes, point.size), 0);
    free(point.bytes);
    free(comma.bytes);

    Checkpoint checkpoint;
    Error error;
    ck_assert_msg(checkpoint_load(&checkpoint, "point", 0, &error), "%s", error.message);
    assert_same_double(checkpoint.adam.config.beta1, 0.85, "beta1");
    checkpoint_free(&checkpoint);
}
END_TEST

int main(void)
{
    enter_folder(folder);
    Suite *suite = suite_create("locale");
    TCase *tcase = tcase_create("locale");
    tcase_add_test(tcase, checkpoints_have_no_commas);
    suite_add_tcase(suite, tcase);
    int status = run_suite(suite);
    leave_folder(folder);
    return status;
}
