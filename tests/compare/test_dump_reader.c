// Reads dumps of all kinds: valid dumps give the numbers that were written, invalid ones give one
// line of error with the number of the wrong line, and no mutation of a file crashes the reader.
#include <check.h>
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "compare/dump_more.h"
#include "compare/dump_names.h"
#include "compare/dump_number.h"
#include "compare/dump_reader.h"
#include "python/hexfloat.h"

static bool parse(const char *text, double *number)
{
    return hexfloat_parse(text, strlen(text), number);
}

START_TEST(what_hexfloat_writes_it_reads)
{
    static const double numbers[] = {
        0.0,      -0.0,      1.0,     -1.0,      0.1,        1e-5,        1.0 / 3,
        DBL_MAX,  -DBL_MAX,  DBL_MIN, 0x1p-1074, -0x1p-1074, 0x0.8p-1022, 0x1.fffffffffffffp-1022,
        INFINITY, -INFINITY, NAN,
    };
    char text[HEXFLOAT_BYTES];
    int length = hexfloat_format(numbers[_i], text);
    double number = 42;
    ck_assert_msg(hexfloat_parse(text, (size_t)length, &number), "%s", text);
    assert_same_double(number, numbers[_i], text);
}
END_TEST

// C's %a, Java's Double.toHexString and Go's %x write different numbers of digits.
START_TEST(shorter_and_longer_digits_are_read)
{
    static const struct {
        const char *text;
        double number;
    } cases[] = {
        {"0x1p0", 1},
        {"0x1p+0", 1},
        {"0x1.8p1", 3},
        {"0x1.8p+01", 3},
        {"0xcp-2", 3},
        {"0x1.80000000000000p+1", 3},
        {"0x0p+0", 0},
        {"-0x0p+0", -0.0},
        {"0x0.0000000000001p-1022", 0x1p-1074},
        {"0x1p-1074", 0x1p-1074},
    };
    double number = 42;
    ck_assert_msg(parse(cases[_i].text, &number), "%s", cases[_i].text);
    assert_same_double(number, cases[_i].number, cases[_i].text);
}
END_TEST

START_TEST(what_is_not_a_hexadecimal_double_is_refused)
{
    static const char *const texts[] = {
        "",
        "1.5",
        "1",
        "0x",
        "0x1",
        "0x.8p0",
        "0x1.8",
        "0x1.8p",
        "0x1.8p+",
        "0x1.8p+-1",
        "+0x1p0",
        "0X1P0",
        "0x1.8P1",
        "0x1.Ap1",
        "NaN",
        "-nan",
        "nan ",
        "NAN",
        "+inf",
        "Inf",
        "infinity",
        "- inf",
        "--0x1p0",
        " 0x1p0",
        "0x1p0 ",
        "0x1.8q+1",
        "0x1p1024",
        "0x1p-1075",
        "0x1.00000000000001p0",
        "0x1.8p-1074",
        "0x1p99999999999999999999",
        "0x11111111111111111p0",
    };
    double number = 42;
    ck_assert_msg(!parse(texts[_i], &number), "%s", texts[_i]);
    ck_assert_double_eq(number, 42);
}
END_TEST

// Compares everything that dumps contain about every node.
static void assert_same_dumps(const NodeDump *dump, const NodeDump *expected)
{
    ck_assert_uint_eq(dump->n_nodes, expected->n_nodes);
    assert_same_doubles(dump->data, expected->data, dump->n_nodes, "data");
    assert_same_doubles(dump->grad, expected->grad, dump->n_nodes, "grad");
    for (size_t i = 0; i <= dump->n_nodes; i++) {
        ck_assert_uint_eq(dump->first_edge[i], expected->first_edge[i]);
    }
    for (size_t i = 0; i < dump->first_edge[dump->n_nodes]; i++) {
        ck_assert_uint_eq(dump->children[i], expected->children[i]);
        assert_same_double(dump->local_grads[i], expected->local_grads[i], "local gradient");
    }
}

START_TEST(a_dump_says_what_the_graph_says)
{
    Graph g;
    graph_init(&g);
    Value *a = value_leaf(&g, 2);
    Value *b = value_leaf(&g, -0.0);
    Value *product = value_mul(&g, a, b);
    Error error;
    ck_assert(value_backward(&g, product, &error));
    NodeDump dump;
    dump_graph(&dump, &g, 2, DUMP_NAMED);
    ck_assert_uint_eq(dump.n_nodes, 3);
    ck_assert_uint_eq(dump_n_leading_leaves(&dump), 2);
    ck_assert_uint_eq(dump_n_children(&dump, 2), 2);
    ck_assert_uint_eq(dump.children[0], 0);
    ck_assert_uint_eq(dump.children[1], 1);
    assert_same_double(dump.local_grads[0], -0.0, "d(ab)/da");
    assert_same_double(dump.local_grads[1], 2, "d(ab)/db");
    assert_same_double(dump.grad[1], 2, "b's gradient");
    assert_same_double(dump.data[1], -0.0, "b");
    ck_assert_str_eq(dump_op(&dump, 1), "param");
    ck_assert_str_eq(dump_op(&dump, 2), "mul");
    ck_assert_str_eq(dump_path(&dump, 2), "mul");
    dump_free(&dump);
    graph_free(&g);
}
END_TEST

START_TEST(a_gzipped_dump_is_the_same_as_a_plain_one)
{
    char plain[TEST_PATH_BYTES];
    char zipped[TEST_PATH_BYTES];
    char bytes[4096];
    write_model(plain, &small_config, small_tokens, TEST_TOKENS - 1, NAN, DUMP_NAMED);
    write_temporary(zipped, "", 0);
    FILE *file = fopen(plain, "r");
    gzFile gz = gzopen(zipped, "w");
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, file)) > 0;) {
        ck_assert_int_eq(gzwrite(gz, bytes, (unsigned)n), (int)n);
    }
    fclose(file);
    ck_assert_int_eq(gzclose(gz), Z_OK);
    NodeDump a;
    NodeDump b;
    assert_read(&a, plain);
    assert_read(&b, zipped);
    ck_assert_uint_gt(a.n_nodes, 1000);
    assert_same_dumps(&a, &b);
    dump_free(&a);
    dump_free(&b);
    unlink(plain);
    unlink(zipped);
}
END_TEST

START_TEST(lines_may_end_as_on_windows)
{
    static const char text[] = "0 0x1.8p+0 0x1p0 [] []\r\n1 0x1p0 0x1p0 [0] [0x1p0]\r\n";
    char path[TEST_PATH_BYTES];
    write_temporary(path, text, sizeof text - 1);
    NodeDump dump;
    assert_read(&dump, path);
    ck_assert_uint_eq(dump.n_nodes, 2);
    ck_assert(!dump.has_names);
    dump_free(&dump);
    unlink(path);
}
END_TEST

// A port may have nodes with any number of children.
START_TEST(a_node_may_have_many_children)
{
    char text[40000] = "0 0x1p0 0x0p0 [] []\n1 0x1p0 0x1p0 [0";
    for (int i = 1; i < 1000; i++) {
        strcat(text, " 0");
    }
    strcat(text, "] [0x1p0");
    for (int i = 1; i < 1000; i++) {
        strcat(text, " 0x1p0");
    }
    strcat(text, "]\n");
    char path[TEST_PATH_BYTES];
    write_temporary(path, text, strlen(text));
    NodeDump dump;
    assert_read(&dump, path);
    ck_assert_uint_eq(dump_n_children(&dump, 1), 1000);
    dump_free(&dump);
    unlink(path);
}
END_TEST

// A port has no gradient of values that it does not differentiate: it writes `-`, or nothing in a
// sparse dump.
START_TEST(a_node_may_have_no_gradient)
{
    static const struct {
        const char *text;
        bool has_grad[2];
    } cases[] = {
        {"a 0x1p0\nb 0x1p1 0x0p0\n", {false, true}},
        {"a 0x1p0 -\nb 0x1p1\n", {false, false}},
        {"0 0x1p0 0x0p0 [] []\n1 0x1p1 - [0] [0x1p0]\n", {true, false}},
    };
    char path[TEST_PATH_BYTES];
    write_temporary(path, cases[_i].text, strlen(cases[_i].text));
    NodeDump dump;
    assert_read(&dump, path);
    unlink(path);
    ck_assert_uint_eq(dump.n_nodes, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_double_eq(dump.data[i], i + 1);
        ck_assert_double_eq(dump.grad[i], 0);
        ck_assert(dump.has_grad[i] == cases[_i].has_grad[i]);
    }
    dump_free(&dump);
}
END_TEST

// All of these are the same dump, as various languages or programs write it.
START_TEST(a_dump_may_be_written_in_many_ways)
{
    static const char *const texts[] = {
        "0 0x1.8p+0 nan [] []\n1 -inf 0x1p-3 [0 0] [0x1p0 0x1p1]\n",
        "\357\273\2770 0x1.8p+0 nan [] []\n1 -inf 0x1p-3 [0 0] [0x1p0 0x1p1]\n",
        "0\t0x1.8p+0\tnan\t[]\t[]\n1\t-inf\t0x1p-3\t[0\t0]\t[0x1p0\t0x1p1]\n",
        "  0 1.5  NaN [ ] [] \r\n 1 -Infinity 0.125 [ 0  0 ] [ 1 2. ]\t\r\n\r\n",
        "# of a port\n0 +1.5e0 -nan [] []\n \n#\n1 -INF 1.25E-1 [0 0] [1e0 +2]\n\n\n",
        "0 0X1.8P+0 -NaN(ind) [] []\n1 -infinity .125 [0 0] [0X1P0 +0x1p1]\n",
        "0 1.50000000000000000000 nan(0x8000) [] []\n1 -Inf 0.125 [0 0] [1 2]\n",
        "# microgpt-nodes 1 {\"step\": 3}\n0 1.5 nan [] []\n1 -inf 0.125 [0 0] [1 2]\n",
    };
    char path[TEST_PATH_BYTES];
    write_temporary(path, texts[_i], strlen(texts[_i]));
    NodeDump dump;
    assert_read(&dump, path);
    unlink(path);
    ck_assert_uint_eq(dump.n_nodes, 2);
    ck_assert_uint_eq(dump.first_edge[2], 2);
    assert_same_double(dump.data[0], 1.5, texts[_i]);
    assert_same_double(dump.grad[0], NAN, texts[_i]);
    assert_same_double(dump.data[1], -INFINITY, texts[_i]);
    assert_same_double(dump.grad[1], 0.125, texts[_i]);
    assert_same_double(dump.local_grads[0], 1, texts[_i]);
    assert_same_double(dump.local_grads[1], 2, texts[_i]);
    ck_assert(dump.says.is_said == (_i == 7));
    ck_assert(dump.says.has_number[ABOUT_STEP] == (_i == 7));
    dump_free(&dump);
}
END_TEST

START_TEST(a_number_may_be_written_in_many_ways)
{
    static const struct {
        const char *text;
        double number;
    } cases[] = {
        {"0.1", 0.1},
        {"0.10000000000000001", 0.1},
        {"1e-7", 1e-7},
        {"-0.0", -0.0},
        {"-0", -0.0},
        {"5e-324", 0x1p-1074},
        {"1.7976931348623157e+308", DBL_MAX},
        {"1e-400", 0},
        {"0x0.8p-1022", 0x0.8p-1022},
        {"0X1.FFFFFFFFFFFFFP+1023", DBL_MAX},
    };
    double number = 42;
    const char *text = cases[_i].text;
    ck_assert_ptr_null(dump_number_parse(text, strlen(text), &number));
    assert_same_double(number, cases[_i].number, text);
}
END_TEST

START_TEST(what_is_no_number_is_refused)
{
    static const char *const texts[] = {
        "",    "+",     "-",      "--1",   "1.5.2",    "1e",  "1e+",  "e5",   ".",  "0x",
        "0x1", "1_000", "1d0",    "1f",    "1.5 ",     " 1",  "nano", "infi", "in", "1,000.5",
        "0b1", "1e999", "-1e999", "0x1.5", "0x1p1024", "1p5", "+-1",  "NaN5", "#1", "[1]",
    };
    double number = 42;
    const char *text = texts[_i];
    ck_assert_msg(dump_number_parse(text, strlen(text), &number) != NULL, "%s", text);
    ck_assert_double_eq(number, 42);
}
END_TEST

START_TEST(a_dump_says_what_it_is_of)
{
    static const char text[] =
        "# microgpt-nodes 1 { \"step\":12,\"document\" : \"a\\\"\\u00e9\", \"seed\": -3,\t"
        "\"unknown\": true, \"n_embd\": 2.5, \"n_head\": 4 }\n"
        "# microgpt-nodes 1 {\"step\": 13}\nloss 1\n";
    char path[TEST_PATH_BYTES];
    write_temporary(path, text, sizeof text - 1);
    NodeDump dump;
    assert_read(&dump, path);
    unlink(path);
    ck_assert(dump.says.is_said);
    ck_assert_double_eq(dump.says.numbers[ABOUT_STEP], 12);
    ck_assert_double_eq(dump.says.numbers[ABOUT_SEED], -3);
    ck_assert(!dump.says.has_number[ABOUT_N_DOCUMENTS]);
    ck_assert_str_eq(dump.says.document, "\"a\\\"\\u00e9\"");
    ModelConfig sizes = small_config;
    dump_about_sizes(&dump.says, &sizes);
    ck_assert_int_eq(sizes.n_embd, small_config.n_embd); // this size is not valid
    ck_assert_int_eq(sizes.n_head, 4);
    ck_assert_int_eq(sizes.block_size, small_config.block_size);
    dump_free(&dump);
}
END_TEST

// Adam's moments are not nodes; a dump may or may not have them.
START_TEST(moments_stand_apart)
{
    static const char text[] =
        "adam.m.wte[0,0] 0.5\nwte[0,0] 1 2\nadam.v.wte[0,0] 0.25 -\nloss 3 1\n";
    char path[TEST_PATH_BYTES];
    write_temporary(path, text, sizeof text - 1);
    NodeDump dump;
    assert_read(&dump, path);
    unlink(path);
    ck_assert(dump.is_sparse);
    ck_assert_uint_eq(dump.n_nodes, 2);
    ck_assert_str_eq(dump_path(&dump, 0), "wte[0,0]");
    ck_assert_ptr_nonnull(dump.adam);
    ck_assert_uint_eq(dump.adam->n_nodes, 2);
    ck_assert_str_eq(dump_path(dump.adam, 1), "adam.v.wte[0,0]");
    ck_assert_double_eq(dump.adam->data[1], 0.25);
    dump_free(&dump);
}
END_TEST

START_TEST(two_dumps_are_of_different_steps)
{
    static const char a[] = "# microgpt-nodes 1 {\"step\": 1, \"document\": \"ana\", \"seed\": 4, "
                            "\"n_documents\": 3}";
    static const char b[] = "# microgpt-nodes 1 {\"step\": 2, \"document\": \"bo\", \"n_embd\": 4, "
                            "\"n_documents\": 4}";
    DumpSays says_a = {0};
    DumpSays says_b = {0};
    char warnings[MAX_ABOUT_WARNINGS][ABOUT_WARNING_BYTES];
    ck_assert_ptr_null(dump_about_parse(&says_a, a, sizeof a - 1));
    ck_assert_uint_eq(dump_about_warn(&says_a, &says_b, warnings), 0);
    ck_assert_ptr_null(dump_about_parse(&says_b, b, sizeof b - 1));
    ck_assert_uint_eq(dump_about_warn(&says_a, &says_a, warnings), 0);
    ck_assert_uint_eq(dump_about_warn(&says_a, &says_b, warnings), 3);
    ck_assert_str_eq(warnings[0], "A is of the document \"ana\", B of \"bo\"");
    ck_assert_str_eq(warnings[1], "A has step 1, B 2");
    ck_assert_str_eq(warnings[2], "A has n_documents 3, B 4: they read other data");
}
END_TEST

// The shortest decimals of a float are those of the float, not of the nearest double.
START_TEST(decimals_of_floats_are_floats)
{
    char text[4096] = "";
    float numbers[20];
    for (int i = 0; i < 20; i++) {
        numbers[i] = (float)(0.1 * (i + 1));
        snprintf(text + strlen(text), 64, "a[%d] %.9g %.9g\n", i, numbers[i], -numbers[i]);
    }
    char path[TEST_PATH_BYTES];
    write_temporary(path, text, strlen(text));
    NodeDump dump;
    assert_read(&dump, path);
    for (int i = 0; i < 20; i++) {
        assert_same_double(dump.data[i], (double)numbers[i], "data");
        assert_same_double(dump.grad[i], -(double)numbers[i], "grad");
    }
    dump_free(&dump);
    strcat(text, "b 0.1234567890123 0\n"); // one number of more digits: they are doubles
    write_temporary(path, text, strlen(text));
    assert_read(&dump, path);
    assert_same_double(dump.data[0], 0.100000001, "data");
    dump_free(&dump);
    unlink(path);
}
END_TEST

typedef struct BrokenDump {
    const char *text;
    const char *error; // what follows the file's name
} BrokenDump;

#define LEAF "0 0x1p0 0x0p0 [] []\n"
#define LEAF_NAMED "0 0x1p0 0x0p0 [] [] param a\n"

static const BrokenDump broken_dumps[] = {
    {"", ": is empty"},
    {"\n", ": is empty"},
    {" \t\r\n# nothing\n", ": is empty"},
    {"0", ":1: ends without a newline"},
    {LEAF "1 0x1p0 0x0p0 [] []", ":2: ends without a newline"},
    {"0\n", ":1: ends before its data"},
    {"0 0x1p0\n", ":1: ends before its gradient"},
    {"0 0x1p0 0x1p0\n", ":1: ends before its children"},
    {"0 0x1p0 0x1p0 []\n", ":1: ends before its local gradients"},
    {"0 0x1p0 0x1p0 [\n", ":1: has no ] after its children"},
    {"0 0x1p0 0x1p0 [] [\n", ":1: has no ] after its local gradients"},
    {"0 0x1p0 0x1p0 () ()\n", ":1: has no [ before its children"},
    {"0 0x1.5 0x0p0 [] []\n", ":1: '0x1.5' is not a hexadecimal double, as Python's float.hex()"},
    {"0 1,5 0x0p0 [] []\n", ":1: '1,5' is not a number: write a point, not a comma"},
    {"0 1e999 0x0p0 [] []\n", ":1: '1e999' is larger than any double"},
    {"0 0x0p0 [] []\n", ":1: '[]' is not a number"},
    {"1 0x1p0 0x0p0 [] []\n", ":1: has the index 1, expected 0"},
    {"00 0x1p0 0x0p0 [] []\n", ":1: '00' is not the index of a node"},
    {"0x0 0x1p0 0x0p0 [] []\n", ":1: '0x0' is not the index of a node"},
    {LEAF LEAF, ":2: has the index 0, expected 1"},
    {LEAF "2 0x1p0 0x0p0 [] []\n", ":2: has the index 2, expected 1"},
    {LEAF "99999999999 0x1p0 0x0p0 [] []\n", ":2: '99999999999' is not the index"},
    {LEAF "1 0x1p0 0x0p0 [1] [0x1p0]\n", ":2: '1' is a child that does not precede"},
    {LEAF "1 0x1p0 0x0p0 [9] [0x1p0]\n", ":2: '9' is a child that does not precede"},
    {LEAF "1 0x1p0 0x0p0 [-1] [0x1p0]\n", ":2: '-1' is not the index of a child"},
    {LEAF "1 0x1p0 0x0p0 [4294967296] [0x1p0]\n", ":2: '4294967296' is not the index"},
    {LEAF "1 0x1p0 0x0p0 [0 0] [0x1p0]\n", ":2: has fewer local gradients than children"},
    {LEAF "1 0x1p0 0x0p0 [0] []\n", ":2: has fewer local gradients than children"},
    {LEAF "1 0x1p0 0x0p0 [0] [0x1p0 0x1p0]\n", ":2: has more local gradients than children"},
    {LEAF "1 0x1p0 0x0p0 [0,0] [0x1p0 0x1p0]\n", ":2: '0,0' is not the index of a child"},
    {LEAF "a 0x1p0 0x0p0\n", ":2: 'a' is not the index of a node"},
    {LEAF "1 0x1p0 0x0p0 [] [] param a\n", ":2: has more columns than the lines before"},
    {LEAF_NAMED "1 0x1p0 0x0p0 [] []\n", ":2: has no operation and path"},
    {LEAF_NAMED "1 0x1p0 0x0p0 [] [] mul\n", ":2: has an operation but no path"},
    {LEAF_NAMED "1 0x1p0 0x0p0 [] [] mul \n", ":2: has an operation but no path"},
    {LEAF_NAMED "1 0x1p0 0x0p0 [] [] mul a b\n", ":2: 'b' is one column too many"},
    {LEAF_NAMED "1 0x1p0 0x0p0 [] [] mul a\x01\n", ":2: 'a?' is not a name: it has a control"},
    {LEAF_NAMED "1 0x1p0 0x0p0 [] [] mul \xc3\xa9\n",
     ":2: '\?\?' is not a name: it has characters other than ASCII"},
    {LEAF_NAMED "1 0x1p0 0x0p0 [] [] mul \xff\n",
     ":2: '?' is not a name: it has characters other than ASCII"},
    {"a\n", ":1: ends before its data"},
    {"adam.m.a 1\n", ": is empty"},
    {"adam.m.a\n", ":1: ends before its data"},
    {LEAF "adam.m.a 1\n", ":2: 'adam.m.a' is not the index of a node"},
    {"a 0x1p0 --\n", ":1: '--' is not a number"},
    {"a 0x1p0 - -\n", ":1: '-' is one column too many"},
    {"0 - - [] []\n", ":1: '-' is not a number"},
    {"a 0x1p0 0x1p0 0x1p0\n", ":1: '0x1p0' is one column too many"},
    {"a 0x1p0 0x1p0\n0 0x1p0 0x1p0 [] []\n", ":2: starts with a number"},
    {"\x7f"
     "ELF\x02\x01\x01",
     ":1: ends without a newline"},
    {"\x01\x02\x03\n", ":1: '\?\?\?' is not a name"},
    {"\xff\xfe"
     "a\n",
     ":1: is UTF-16; convert the file, for example with iconv"},
    {"\xfe\xff"
     "a\n",
     ":1: is UTF-16"},
    {"# microgpt-documents 1 {}\n1\t1 0 1\t\"a\"\n", ":1: is a list of documents, not a node dump"},
    {"# microgpt-nodes 2 {}\n", ":1: has a format version other than 1"},
    {"# microgpt-nodes 1 {\"step\": }\n", ":1: has no flat JSON object"},
    {"# microgpt-nodes 1 {\"step\": {}}\n", ":1: has no flat JSON object"},
    {"# microgpt-nodes 1 [[[[[[[[\n", ":1: has no flat JSON object"},
    {"# microgpt-nodes 1 1\n", ":1: has no flat JSON object"},
};

START_TEST(a_broken_dump_gives_its_line)
{
    const BrokenDump *broken = &broken_dumps[_i];
    char path[TEST_PATH_BYTES];
    write_temporary(path, broken->text, strlen(broken->text));
    NodeDump dump;
    Error error;
    ck_assert_msg(!dump_read(&dump, path, &error), "%s", broken->text);
    ck_assert_ptr_eq(strstr(error.message, path), error.message);
    const char *what = error.message + strlen(path);
    ck_assert_msg(strncmp(what, broken->error, strlen(broken->error)) == 0, "%s", error.message);
    ck_assert_ptr_null(strchr(error.message, '\n'));
    ck_assert_ptr_null(dump.data);
    unlink(path);
}
END_TEST

// Checks that a temporary file cannot be read, for this reason, and removes it.
static void assert_refused(const char *path, const char *reason)
{
    NodeDump dump;
    Error error;
    ck_assert(!dump_read(&dump, path, &error));
    ck_assert_msg(strstr(error.message, reason) != NULL, "%s", error.message);
    unlink(path);
}

// A machine that stops may leave zeros where a file was being written, even within a line.
START_TEST(zeros_are_damage)
{
    const char *texts[] = {"a 1\nb 0\0\n", "a 1\nb \0\0\0", "a 1\n\0\0\0\0\0"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char path[TEST_PATH_BYTES];
        write_temporary(path, texts[i], 9);
        assert_refused(path, ":2: has bytes that are 0");
    }
}
END_TEST

// Lines of a megabyte, which deflate to a thousandth of their size: nodes with 130,000 children,
// again and again.
START_TEST(too_many_children_are_refused)
{
    enum {
        N_CHILDREN = 130000,
        MAX_LINES = 100
    };
    char path[TEST_PATH_BYTES];
    FILE *file = open_temporary(path);
    fputs(LEAF, file);
    for (int line = 1; line < MAX_LINES; line++) {
        fprintf(file, "%d 0x1p0 0x0p0 [0", line);
        for (int i = 1; i < N_CHILDREN; i++) {
            fputs(" 0", file);
        }
        fputs("] [0x0p0", file);
        for (int i = 1; i < N_CHILDREN; i++) {
            fputs(" 0x0p0", file);
        }
        fputs("]\n", file);
    }
    fclose(file);
    assert_refused(path, ":10: has too many children");
}
END_TEST

// A hundred megabytes, of which the reader reads one.
START_TEST(a_line_without_an_end_is_refused)
{
    char path[TEST_PATH_BYTES];
    FILE *file = open_temporary(path);
    char blanks[1 << 16];
    memset(blanks, ' ', sizeof blanks);
    fputs(LEAF "1 0x1p0 0x0p0 [", file);
    for (size_t i = 0; i < 100 << 4; i++) {
        fwrite(blanks, 1, sizeof blanks, file);
    }
    fclose(file);
    assert_refused(path, ":2: is longer than 1048576 bytes");
}
END_TEST

// Makes the bytes of a gzipped file, for a test to damage.
static size_t zip(const char *text, size_t length, char *bytes, size_t capacity)
{
    char path[TEST_PATH_BYTES];
    write_temporary(path, "", 0);
    gzFile gz = gzopen(path, "w");
    ck_assert_int_eq(gzwrite(gz, text, (unsigned)length), (int)length);
    ck_assert_int_eq(gzclose(gz), Z_OK);
    FILE *file = fopen(path, "r");
    size_t n = fread(bytes, 1, capacity, file);
    fclose(file);
    unlink(path);
    return n;
}

static void assert_cannot_be_read(const char *bytes, size_t n, const char *what)
{
    char path[TEST_PATH_BYTES];
    write_temporary(path, bytes, n);
    NodeDump dump;
    Error error;
    ck_assert(!dump_read(&dump, path, &error));
    ck_assert_msg(strstr(error.message, what) != NULL, "%s", error.message);
    unlink(path);
}

START_TEST(a_damaged_gzip_file_is_refused)
{
    static const char text[] = LEAF "1 0x1p0 0x0p0 [] []\n2 0x1p0 0x0p0 [] []\n";
    char bytes[512];
    size_t n = zip(text, sizeof text - 1, bytes, sizeof bytes);
    assert_cannot_be_read(bytes, n - 9, "cannot be unzipped: it ends too early");
    bytes[n - 6] ^= 1; // of the check sum
    assert_cannot_be_read(bytes, n, "cannot be unzipped: incorrect data check");
    bytes[12] ^= 0x55;
    assert_cannot_be_read(bytes, n, "cannot be unzipped");
}
END_TEST

START_TEST(what_is_no_file_is_refused)
{
    static const char *const names[] = {"/tmp", "/nonexistent/dump.txt", "/tmp/"};
    static const char *const why[] = {
        ": cannot be read: ", ": cannot be opened: ", ": cannot be read: "};
    NodeDump dump;
    Error error;
    ck_assert(!dump_read(&dump, names[_i], &error));
    ck_assert_ptr_eq(strstr(error.message, names[_i]), error.message);
    ck_assert_ptr_nonnull(strstr(error.message, why[_i]));
}
END_TEST

// Changes a few bytes, or removes or duplicates a part. Returns the new length.
static size_t mutate(char *bytes, size_t n, uint32_t *state)
{
    static const char likely[] = "0123456789abcdefpx.+-[] \n\r\t,ni\xff#{}\":\\EXN(";
    uint32_t kind = next_random(state) % 8;
    size_t at = next_random(state) % n;
    size_t length = next_random(state) % (n - at) % 64;
    if (kind == 0) {
        memmove(bytes + at, bytes + at + length, n - at - length);
        return n - length > 0 ? n - length : n;
    }
    if (kind == 1) {
        memmove(bytes + at + length, bytes + at, n - at);
        return n + length;
    }
    for (uint32_t i = 0; i < 1 + kind / 4; i++) {
        bytes[next_random(state) % n] = likely[next_random(state) % (sizeof likely - 1)];
    }
    return n;
}

// Any file is either read or rejected with one line; a sanitizer checks this.
START_TEST(no_mutation_of_a_dump_makes_the_reader_fall)
{
    static const char text[] = "0 0x1.8p+0 0x1p0 [] [] param wte[0,0]\n"
                               "1 -0x1.8p+0 nan [] [] const c\n"
                               "2 inf -0x0.0p+0 [0 1] [0x1p0 0x1p-3] mul pos0.norm[0]\n"
                               "3 0x1p+3 0x1p+0 [2] [0x1p0] exp loss\n";
    static const char sparse[] = "wte[0,0] 0x1.8p+0 0x1p0\nloss 0x1.8p+0 -inf\n";
    static const char loose[] =
        "# microgpt-nodes 1 {\"step\": 1, \"document\": \"a\\u00e9\"}\n"
        "wte[0,0]\t+1.5e-7  -\n\nadam.v.wte[0,0] 2\n LOSS 0X1P0 NaN(ind)\n# end\n";
    uint32_t state = 2463534242u + (uint32_t)_i;
    const char *original = _i % 4 == 0 ? sparse : _i % 4 == 1 ? loose : text;
    char bytes[1024];
    char path[TEST_PATH_BYTES];
    for (int i = 0; i < 100; i++) {
        size_t n = strlen(original);
        memcpy(bytes, original, n);
        for (int k = 0; k <= i % 3; k++) {
            n = mutate(bytes, n, &state);
        }
        write_temporary(path, bytes, n);
        NodeDump dump;
        Error error = {{0}};
        bool ok = dump_read(&dump, path, &error);
        ck_assert_msg(ok == (error.message[0] == '\0'), "%s", error.message);
        ck_assert_ptr_null(strchr(error.message, '\n'));
        dump_free(&dump);
        unlink(path);
    }
}
END_TEST

static const ModelConfig shapes[] = {
    {.n_layer = 1, .n_embd = 4, .n_head = 2, .block_size = 4, .vocab_size = 5},
    {.n_layer = 2, .n_embd = 6, .n_head = 3, .block_size = 5, .vocab_size = 7},
    {.n_layer = 0, .n_embd = 3, .n_head = 1, .block_size = 2, .vocab_size = 2},
    {.n_layer = 1, .n_embd = 1, .n_head = 1, .block_size = 1, .vocab_size = 2},
};

// The vocabulary and the number of positions follow from the dump.
START_TEST(a_dump_without_names_gets_those_of_the_model)
{
    ModelConfig config = shapes[_i];
    static const int tokens[] = {1, 0, 1, 0, 1, 0};
    char plain[TEST_PATH_BYTES];
    char named[TEST_PATH_BYTES];
    size_t n_positions = (size_t)config.block_size;
    write_model(plain, &config, tokens, n_positions, NAN, DUMP_PLAIN);
    write_model(named, &config, tokens, n_positions, NAN, DUMP_NAMED);
    NodeDump dump;
    NodeDump expected;
    Error error;
    assert_read(&dump, plain);
    assert_read(&expected, named);
    config.vocab_size = 0;
    ck_assert(dump_name_by_model(&dump, &config, &error));
    ck_assert(dump.has_names);
    for (size_t i = 0; i < dump.n_nodes; i++) {
        ck_assert_str_eq(dump_path(&dump, i), dump_path(&expected, i));
        ck_assert_str_eq(dump_op(&dump, i), dump_op(&expected, i));
    }
    dump_free(&dump);
    dump_free(&expected);
    unlink(plain);
    unlink(named);
}
END_TEST

START_TEST(a_graph_of_another_shape_gets_no_names)
{
    NodeDump dump;
    Error error;
    ModelConfig other = small_config;
    dump_small_model(&dump, DUMP_PLAIN);
    other.n_head = 1;
    ck_assert(dump_name_by_model(&dump, &other, &error));
    ck_assert(!dump.has_names);
    other = shapes[1];
    ck_assert(dump_name_by_model(&dump, &other, &error));
    ck_assert(!dump.has_names);
    ck_assert_ptr_null(dump_path(&dump, 0));
    dump_free(&dump);
}
END_TEST

START_TEST(a_path_belongs_to_a_part_of_the_model)
{
    static const struct {
        const char *path;
        ModelPart part;
    } cases[] = {
        {"wte[3,7]", PART_EMBEDDING},
        {"wpe[0,0]", PART_EMBEDDING},
        {"pos2.embed[5]", PART_EMBEDDING},
        {"lm_head[0,0]", PART_LM_HEAD},
        {"pos2.logit[5].mul[3]", PART_LM_HEAD},
        {"layer1.attn_wq[0,0]", PART_ATTN_WQ},
        {"pos2.layer0.attn.q[5].mul[3]", PART_ATTN_WQ},
        {"pos2.layer0.attn.k[5]", PART_ATTN_WK},
        {"pos2.layer0.attn.v[5]", PART_ATTN_WV},
        {"pos2.layer0.attn.head1.logit[0].const[1]", PART_ATTN_LOGIT},
        {"pos2.layer0.attn.head1.softmax.exp[0]", PART_ATTN_SOFTMAX},
        {"pos2.layer0.attn.head1.weight[0].pow", PART_ATTN_WEIGHT},
        {"pos2.layer0.attn.head1.out[0]", PART_ATTN_OUT},
        {"pos12.layer10.attn.wo[0]", PART_ATTN_WO},
        {"pos2.layer0.attn.residual[0]", PART_RESIDUAL},
        {"pos2.layer0.mlp.residual[0]", PART_RESIDUAL},
        {"pos2.layer0.attn.norm.ms", PART_NORM},
        {"pos2.layer0.mlp.norm[0]", PART_NORM},
        {"pos2.norm.scale.add", PART_NORM},
        {"pos2.layer0.mlp.fc1[17].add[2]", PART_MLP_FC1},
        {"pos2.layer0.mlp.fc1[17].relu", PART_RELU},
        {"pos2.layer0.mlp.fc2[17]", PART_MLP_FC2},
        {"layer0.mlp_fc2[1,1]", PART_MLP_FC2},
        {"pos2.softmax.total", PART_SOFTMAX},
        {"pos2.prob[3].pow", PART_PROB},
        {"pos2.loss.log", PART_LOSS},
        {"loss.sum.add[2]", PART_LOSS},
        {"loss", PART_LOSS},
        {"mul[3]", PART_OTHER},
        {"pos.embed[0]", PART_OTHER},
        {"pos2.layer0.other[3]", PART_OTHER},
        {"losses", PART_OTHER},
        {NULL, PART_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert_msg(model_part_of_path(cases[i].path) == cases[i].part, "%s", cases[i].path);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dump_reader");
    TCase *tcase = tcase_create("dump_reader");
    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, what_hexfloat_writes_it_reads, 0, 17);
    tcase_add_loop_test(tcase, shorter_and_longer_digits_are_read, 0, 10);
    tcase_add_loop_test(tcase, what_is_not_a_hexadecimal_double_is_refused, 0, 32);
    tcase_add_test(tcase, a_dump_says_what_the_graph_says);
    tcase_add_test(tcase, a_gzipped_dump_is_the_same_as_a_plain_one);
    tcase_add_test(tcase, lines_may_end_as_on_windows);
    tcase_add_test(tcase, a_node_may_have_many_children);
    tcase_add_loop_test(tcase, a_node_may_have_no_gradient, 0, 3);
    tcase_add_loop_test(tcase, a_dump_may_be_written_in_many_ways, 0, 8);
    tcase_add_loop_test(tcase, a_number_may_be_written_in_many_ways, 0, 10);
    tcase_add_loop_test(tcase, what_is_no_number_is_refused, 0, 30);
    tcase_add_test(tcase, a_dump_says_what_it_is_of);
    tcase_add_test(tcase, moments_stand_apart);
    tcase_add_test(tcase, two_dumps_are_of_different_steps);
    tcase_add_test(tcase, decimals_of_floats_are_floats);
    tcase_add_test(tcase, zeros_are_damage);
    tcase_add_loop_test(tcase, a_broken_dump_gives_its_line, 0,
                        (int)(sizeof broken_dumps / sizeof *broken_dumps));
    tcase_add_test(tcase, a_line_without_an_end_is_refused);
    tcase_add_test(tcase, too_many_children_are_refused);
    tcase_add_test(tcase, a_damaged_gzip_file_is_refused);
    tcase_add_loop_test(tcase, what_is_no_file_is_refused, 0, 3);
    tcase_add_loop_test(tcase, no_mutation_of_a_dump_makes_the_reader_fall, 0, 20);
    tcase_add_loop_test(tcase, a_dump_without_names_gets_those_of_the_model, 0, 4);
    tcase_add_test(tcase, a_graph_of_another_shape_gets_no_names);
    tcase_add_test(tcase, a_path_belongs_to_a_part_of_the_model);
    suite_add_tcase(suite, tcase);
    return run_suite(suite);
}
