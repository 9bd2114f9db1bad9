// Reading a text file as documents by Python's rules, rejected files, and the order of training.
//
// The expected documents of each text are those that Python reads from the same bytes:
//     [line.strip() for line in open(path, encoding='utf-8') if line.strip()]
#include "check_more.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "microgpt/dataset.h"

// Each test that needs files has its own directory with one file in it.
static char directory[64];
static char path[128];

static void make_directory(void)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(directory, sizeof directory, "%s/microgpt_dataset_XXXXXX",
             tmp != NULL && strlen(tmp) < 32 ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/data.txt", directory);
}

static void remove_directory(void)
{
    ck_assert(unlink(path) == 0 || errno == ENOENT);
    ck_assert_int_eq(rmdir(directory), 0);
}

static void write_file(const char *text, size_t size)
{
    FILE *file = fopen(path, "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(text, 1, size, file), size);
    ck_assert_int_eq(fclose(file), 0);
}

// Returns a data set with a pattern that reading would change.
static Dataset untouched(void)
{
    Dataset dataset;
    memset(&dataset, 0xA5, sizeof dataset);
    return dataset;
}

static void assert_untouched(const Dataset *dataset)
{
    Dataset expected = untouched();
    ck_assert_ptr_eq(dataset->docs, expected.docs);
    ck_assert_uint_eq(dataset->n_docs, expected.n_docs);
    ck_assert_ptr_eq(dataset->text, expected.text);
}

static void assert_mentions(const Error *error, const char *part)
{
    ck_assert_msg(strstr(error->message, part) != NULL, "'%s' does not say '%s'", error->message,
                  part);
}

// An error is one line, and begins with the name of the file.
static void assert_error_line(const Error *error, const char *name)
{
    ck_assert_msg(strncmp(error->message, name, strlen(name)) == 0, "'%s' does not name '%s'",
                  error->message, name);
    ck_assert_int_eq(error->message[strlen(name)], ':');
    ck_assert_ptr_null(strchr(error->message, '\n'));
}

static void assert_unreadable(const char *name, const char *reason)
{
    Dataset dataset = untouched();
    Error error = {{0}};
    ck_assert(!dataset_read(&dataset, name, &error));
    assert_error_line(&error, name);
    assert_mentions(&error, reason);
    assert_untouched(&dataset);
}

static void assert_document(Document doc, const char *text, size_t size)
{
    ck_assert_msg(doc.size == size && memcmp(doc.text, text, size) == 0, "'%.*s', expected '%.*s'",
                  (int)doc.size, doc.text, (int)size, text);
}

enum {
    MAX_DOCS = 6,
};

// A text and its documents; docs ends with NULL. A text with NUL bytes gives its size.
typedef struct TextCase {
    const char *what;
    const char *text;
    const char *docs[MAX_DOCS + 1];
} TextCase;

static const TextCase text_cases[] = {
    {"lines end in \\n", "emma\nolivia\nava\n", {"emma", "olivia", "ava"}},
    {"lines end in \\r\\n", "emma\r\nolivia\r\nava\r\n", {"emma", "olivia", "ava"}},
    {"lines end in \\r", "emma\rolivia\rava\r", {"emma", "olivia", "ava"}},
    {"lines end in any of them", "a\nb\rc\r\nd\n\re", {"a", "b", "c", "d", "e"}},
    {"the final newline is missing", "emma\nava", {"emma", "ava"}},
    {"one line without an end", "emma", {"emma"}},
    {"one character", "x", {"x"}},
    {"blank lines are dropped", "\n\nemma\n\n\nava\n\n", {"emma", "ava"}},
    {"lines of white space are blank", "emma\n \t \n\xE3\x80\x80\n\v\f\nava\n", {"emma", "ava"}},
    {"space around is stripped", "  emma\t\n\t ava  \n", {"emma", "ava"}},
    {"space inside stays", " anna  maria \n\tx\ty\t\n", {"anna  maria", "x\ty"}},
    {"Unicode's space is stripped",
     "\xC2\xA0"             // no-break space, two bytes
     "emma\xE2\x80\xA8\n"   // line separator, three bytes
     "\xC2\x85\xE1\x9A\x80" // next line, Ogham space
     "ava\xE3\x80\x80\x1C", // ideographic space, file separator
     {"emma", "ava"}},
    {"Unicode's space stays inside",
     " a\xE3\x80\x80"
     "b\xC2\xA0",
     {"a\xE3\x80\x80"
      "b"}},
    {"only \\n and \\r end a line",
     "a\vb\fc\x1C"
     "d\x1D"
     "e\x1E"
     "f\xC2\x85g\xE2\x80\xA8h\xE2\x80\xA9i\n",
     {"a\vb\fc\x1C"
      "d\x1D"
      "e\x1E"
      "f\xC2\x85g\xE2\x80\xA8h\xE2\x80\xA9i"}},
    {"a zero-width space is no space",
     "\xE2\x80\x8B"
     "a\n",
     {"\xE2\x80\x8B"
      "a"}},
    {"a byte order mark is a character",
     "\xEF\xBB\xBF"
     "emma\nava\n",
     {"\xEF\xBB\xBF"
      "emma",
      "ava"}},
    {"any script",
     "\xC3\xA9mile\n\xD0\xB0\xD0\xBD\xD0\xBD\xD0\xB0\n\xF0\x9F\x98\x80\n",
     {"\xC3\xA9mile", "\xD0\xB0\xD0\xBD\xD0\xBD\xD0\xB0", "\xF0\x9F\x98\x80"}},
    {"a document may occur twice", "ava\nava\n", {"ava", "ava"}},
};

enum {
    N_TEXT_CASES = sizeof text_cases / sizeof *text_cases,
};

static void assert_documents(const Dataset *dataset, const TextCase *c)
{
    size_t n_docs = 0;
    while (c->docs[n_docs] != NULL) {
        n_docs++;
    }
    ck_assert_msg(dataset->n_docs == n_docs, "%s: %zu documents", c->what, dataset->n_docs);
    for (size_t i = 0; i < n_docs; i++) {
        assert_document(dataset->docs[i], c->docs[i], strlen(c->docs[i]));
    }
}

START_TEST(text_becomes_the_documents_of_python)
{
    const TextCase *c = &text_cases[_i];
    // A block of exactly its size, so that valgrind and the sanitizer notice if more is read.
    size_t size = strlen(c->text);
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    memcpy(text, c->text, size);
    Dataset dataset;
    Error error;
    ck_assert_msg(dataset_parse(&dataset, "text", text, size, &error), "%s", error.message);
    assert_documents(&dataset, c);
    dataset_free(&dataset);
    free(text);
}
END_TEST

START_TEST(file_becomes_the_documents_of_python)
{
    const TextCase *c = &text_cases[_i];
    write_file(c->text, strlen(c->text));
    Dataset dataset;
    Error error;
    ck_assert_msg(dataset_read(&dataset, path, &error), "%s", error.message);
    assert_documents(&dataset, c);
    dataset_free(&dataset);
}
END_TEST

START_TEST(nul_bytes_stay)
{
    static const char text[] = "\0\nan\0na \n \0 ava\0"; // and the literal's own NUL at the end
    Dataset dataset;
    Error error;
    ck_assert(dataset_parse(&dataset, "text", text, sizeof text, &error));
    ck_assert_uint_eq(dataset.n_docs, 3);
    assert_document(dataset.docs[0], "\0", 1);
    assert_document(dataset.docs[1], "an\0na", 5);
    assert_document(dataset.docs[2], "\0 ava\0\0", 7);
    dataset_free(&dataset);
}
END_TEST

// Long enough to need more than one read() on a file system that returns pages.
START_TEST(long_line_is_one_document)
{
    size_t size = (size_t)1 << 20;
    char *text = malloc(size);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', size);
    write_file(text, size);
    Dataset dataset;
    Error error;
    ck_assert(dataset_read(&dataset, path, &error));
    ck_assert_uint_eq(dataset.n_docs, 1);
    ck_assert_uint_eq(dataset.docs[0].size, size);
    ck_assert_mem_eq(dataset.docs[0].text, text, size);
    dataset_free(&dataset);
    free(text);
}
END_TEST

START_TEST(documents_are_views_into_the_text)
{
    static const char text[] = " emma\nava";
    Dataset dataset;
    Error error;
    ck_assert(dataset_parse(&dataset, "text", text, strlen(text), &error));
    ck_assert_ptr_eq(dataset.docs[0].text, text + 1);
    ck_assert_ptr_eq(dataset.docs[1].text, text + 6);
    ck_assert_ptr_null(dataset.text); // the caller's
    dataset_free(&dataset);
}
END_TEST

START_TEST(file_is_owned_by_the_data_set)
{
    write_file(" emma\nava\n", 10);
    Dataset dataset;
    Error error;
    ck_assert(dataset_read(&dataset, path, &error));
    ck_assert_ptr_eq(dataset.docs[0].text, dataset.text + 1);
    ck_assert_ptr_eq(dataset.docs[1].text, dataset.text + 6);
    dataset_free(&dataset);
}
END_TEST

START_TEST(free_leaves_an_empty_data_set_that_may_be_freed_again)
{
    Dataset dataset;
    Error error;
    write_file("emma\n", 5);
    ck_assert(dataset_read(&dataset, path, &error));
    for (int i = 0; i < 2; i++) {
        dataset_free(&dataset);
        ck_assert_ptr_null(dataset.docs);
        ck_assert_uint_eq(dataset.n_docs, 0);
        ck_assert_ptr_null(dataset.text);
    }
}
END_TEST

// The offset of the first byte that is not UTF-8, its value, and its line.
typedef struct InvalidCase {
    const char *text;
    const char *line;
    const char *offset;
    const char *byte;
} InvalidCase;

static const InvalidCase invalid_cases[] = {
    {"\xFF", "text:1:", "offset 0 ", "0xff"},
    {"emma\nol\xE9via\nava\n", "text:2:", "offset 7 ", "0xe9"},               // Latin-1
    {"emma\r\n\r\n\r\nava\xC0\x80\n", "text:4:", "offset 13 ", "0xc0"},       // overlong
    {"\xC3\xA9\n\xE2\x82\xAC\n\xED\xA0\x80", "text:3:", "offset 7 ", "0xed"}, // surrogate
    {"emma\nav\xC3", "text:2:", "offset 7 ", "0xc3"},                         // ends too early
    {"emma\n\x80", "text:2:", "offset 5 ", "0x80"},                           // after the last \n
    {"emma\rava\r\r\n\xFF", "text:4:", "offset 11 ", "0xff"},                 // \r ends lines, too
    {"\n\n\xF4\x90\x80\x80\xFF", "text:3:", "offset 2 ", "0xf4"},             // the first of two
};

enum {
    N_INVALID_CASES = sizeof invalid_cases / sizeof *invalid_cases,
};

START_TEST(invalid_utf8_is_refused_with_its_place)
{
    const InvalidCase *c = &invalid_cases[_i];
    Dataset dataset = untouched();
    Error error = {{0}};
    ck_assert(!dataset_parse(&dataset, "text", c->text, strlen(c->text), &error));
    assert_error_line(&error, "text");
    assert_mentions(&error, c->line);
    assert_mentions(&error, "UTF-8");
    assert_mentions(&error, c->offset);
    assert_mentions(&error, c->byte);
    assert_untouched(&dataset);
}
END_TEST

START_TEST(invalid_file_is_refused_as_its_text_is)
{
    write_file("emma\nol\xE9via\n", 12);
    assert_unreadable(path, ":2: not UTF-8 at byte offset 7 (byte 0xe9)");
}
END_TEST

START_TEST(empty_file_is_refused)
{
    write_file("", 0);
    assert_unreadable(path, "is empty");
}
END_TEST

START_TEST(only_blank_lines_are_refused)
{
    static const char text[] = "\n \r\n\t\r\xE3\x80\x80\n ";
    write_file(text, strlen(text));
    assert_unreadable(path, "only blank lines");
}
END_TEST

START_TEST(missing_file_is_refused)
{
    assert_unreadable(path, strerror(ENOENT));
}
END_TEST

START_TEST(file_without_permission_is_refused)
{
    write_file("emma\n", 5);
    ck_assert_int_eq(chmod(path, 0), 0);
    assert_unreadable(path, strerror(EACCES));
}
END_TEST

START_TEST(directory_is_refused)
{
    assert_unreadable(directory, "is a directory");
}
END_TEST

// The writer may come later than the reader, as in a shell.
START_TEST(fifo_is_read_to_its_end)
{
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    pid_t writer = fork();
    ck_assert_int_ge(writer, 0);
    if (writer == 0) {
        usleep(1000 * (useconds_t)_i);
        int fd = open(path, O_WRONLY);
        bool ok = write(fd, "em", 2) == 2 && usleep(1000) == 0 && write(fd, "ma\n", 3) == 3;
        _exit(ok ? 0 : 1);
    }
    Dataset dataset;
    Error error;
    ck_assert_msg(dataset_read(&dataset, path, &error), "%s", error.message);
    ck_assert_uint_eq(dataset.n_docs, 1);
    assert_document(dataset.docs[0], "emma", 4);
    dataset_free(&dataset);
    int status;
    ck_assert_int_eq(waitpid(writer, &status, 0), writer);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(device_is_refused)
{
    assert_unreadable("/dev/null", "not a regular file");
}
END_TEST

// A sparse file takes no space on the disk. 5 GB does not even fit into an int; if it does not fit
// into a size_t, the error says the largest size_t.
START_TEST(too_large_file_is_refused)
{
    static const off_t sizes[] = {(off_t)DATASET_MAX_BYTES + 1, (off_t)5 << 30};
    write_file("emma\n", 5);
    ck_assert_int_eq(truncate(path, sizes[_i]), 0);
    char bytes[32];
    uintmax_t size = (uintmax_t)sizes[_i];
    snprintf(bytes, sizeof bytes, "has %zu bytes", size < SIZE_MAX ? (size_t)size : SIZE_MAX);
    assert_unreadable(path, bytes);
}
END_TEST

START_TEST(symbolic_link_is_followed)
{
    char link[sizeof path + 8];
    snprintf(link, sizeof link, "%s.link", path);
    write_file("emma\n", 5);
    ck_assert_int_eq(symlink(path, link), 0);
    Dataset dataset;
    Error error;
    bool ok = dataset_read(&dataset, link, &error);
    ck_assert_int_eq(unlink(link), 0);
    ck_assert(ok);
    assert_document(dataset.docs[0], "emma", 4);
    dataset_free(&dataset);
}
END_TEST

// No file stays open after reading, successful or not: a process may have few.
START_TEST(reading_leaves_no_file_open)
{
    write_file("emma\n", 5);
    int before = open("/dev/null", O_RDONLY);
    close(before);
    Dataset dataset;
    Error error;
    ck_assert(dataset_read(&dataset, path, &error));
    dataset_free(&dataset);
    write_file("\xFF", 1);
    assert_unreadable(path, "UTF-8");
    assert_unreadable(directory, "directory");
    assert_unreadable("/dev/null", "regular");
    int after = open("/dev/null", O_RDONLY);
    close(after);
    ck_assert_int_eq(after, before); // the lowest free number is still the same
}
END_TEST

// FNV-1a (Fowler, Noll, Vo) over the documents, each followed by a newline.
static uint64_t digest(const Dataset *dataset)
{
    uint64_t hash = 0xcbf29ce484222325;
    for (size_t i = 0; i < dataset->n_docs; i++) {
        for (size_t j = 0; j <= dataset->docs[i].size; j++) {
            char c = j < dataset->docs[i].size ? dataset->docs[i].text[j] : '\n';
            hash = (hash ^ (unsigned char)c) * 0x100000001b3;
        }
    }
    return hash;
}

static void assert_default_documents(const Dataset *dataset, size_t first, size_t n,
                                     const char *const *names)
{
    for (size_t i = 0; i < n; i++) {
        assert_document(dataset->docs[first + i], names[i], strlen(names[i]));
    }
}

enum {
    N_DEFAULT_NAMES = 32257, // lines of data/names.txt
};

// docs[:3], docs[-3:] and the same digest over docs, which Python read from data/names.txt.
START_TEST(default_names_are_those_of_the_file)
{
    static const char *const first[] = {"emma", "olivia", "ava"};
    static const char *const last[] = {"zyrie", "zyron", "zzyzx"};
    Dataset dataset;
    Error error;
    ck_assert(dataset_default(&dataset, &error));
    ck_assert_uint_eq(dataset.n_docs, N_DEFAULT_NAMES);
    assert_default_documents(&dataset, 0, 3, first);
    assert_default_documents(&dataset, N_DEFAULT_NAMES - 3, 3, last);
    ck_assert_uint_eq(digest(&dataset), 0x324bd4da23b7d504);
    dataset_free(&dataset);
}
END_TEST

// The same after random.seed(42); random.shuffle(docs): the documents in the order of training.
START_TEST(shuffle_gives_the_order_of_python)
{
    static const char *const first[] = {"anaiza", "julyen", "lyberty", "dalen"};
    static const char *const last[] = {"ivann", "nathalie", "mirha", "caidyn"};
    Dataset dataset;
    Error error;
    Random random;
    ck_assert(dataset_default(&dataset, &error));
    random_seed(&random, 42);
    dataset_shuffle(&dataset, &random);
    ck_assert_uint_eq(dataset.n_docs, N_DEFAULT_NAMES);
    assert_default_documents(&dataset, 0, 4, first);
    assert_default_documents(&dataset, N_DEFAULT_NAMES - 4, 4, last);
    ck_assert_uint_eq(digest(&dataset), 0x5f58393e0dff670e);
    dataset_free(&dataset);
}
END_TEST

static TCase *text_tests(void)
{
    TCase *tcase = tcase_create("text");
    tcase_add_loop_test(tcase, text_becomes_the_documents_of_python, 0, N_TEXT_CASES);
    tcase_add_test(tcase, nul_bytes_stay);
    tcase_add_test(tcase, documents_are_views_into_the_text);
    tcase_add_loop_test(tcase, invalid_utf8_is_refused_with_its_place, 0, N_INVALID_CASES);
    return tcase;
}

static TCase *file_tests(void)
{
    TCase *tcase = tcase_create("file");
    tcase_add_checked_fixture(tcase, make_directory, remove_directory);
    tcase_add_loop_test(tcase, file_becomes_the_documents_of_python, 0, N_TEXT_CASES);
    tcase_add_test(tcase, long_line_is_one_document);
    tcase_add_test(tcase, file_is_owned_by_the_data_set);
    tcase_add_test(tcase, free_leaves_an_empty_data_set_that_may_be_freed_again);
    tcase_add_test(tcase, symbolic_link_is_followed);
    tcase_add_test(tcase, reading_leaves_no_file_open);
    tcase_add_test(tcase, invalid_file_is_refused_as_its_text_is);
    tcase_add_test(tcase, empty_file_is_refused);
    tcase_add_test(tcase, only_blank_lines_are_refused);
    tcase_add_test(tcase, missing_file_is_refused);
    if (geteuid() != 0) { // root may read everything
        tcase_add_test(tcase, file_without_permission_is_refused);
    } else {
        puts("skipped: a file without permission (root reads it)");
        fflush(stdout); // before Check forks
    }
    tcase_add_test(tcase, directory_is_refused);
    tcase_add_loop_test(tcase, fifo_is_read_to_its_end, 0, 20);
    tcase_add_test(tcase, device_is_refused);
    tcase_add_loop_test(tcase, too_large_file_is_refused, 0, 2);
    return tcase;
}

static TCase *default_names_tests(void)
{
    TCase *tcase = tcase_create("default_names");
    tcase_add_test(tcase, default_names_are_those_of_the_file);
    tcase_add_test(tcase, shuffle_gives_the_order_of_python);
    return tcase;
}

int main(void)
{
    Suite *suite = suite_create("dataset");
    suite_add_tcase(suite, text_tests());
    suite_add_tcase(suite, file_tests());
    suite_add_tcase(suite, default_names_tests());
    return run_suite(suite);
}
