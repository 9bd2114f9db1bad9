// Characters to token ids and back: the alphabet, BOS, and the truncation of long documents.
//
// uchars = sorted(set(''.join(docs))); BOS = len(uchars): in this order, for any script.
#include "check_more.h"

#include <stdbool.h>

#include "microgpt/tokenizer.h"
#include "python/utf8.h"

static Dataset dataset_of(const char *text, size_t size)
{
    Dataset dataset;
    Error error;
    ck_assert_msg(dataset_parse(&dataset, "text", text, size, &error), "%s", error.message);
    return dataset;
}

static Tokenizer tokenizer_of(const char *text, size_t size)
{
    Dataset dataset = dataset_of(text, size);
    Tokenizer tokenizer;
    Error error;
    ck_assert_msg(tokenizer_init(&tokenizer, &dataset, &error), "%s", error.message);
    dataset_free(&dataset);
    return tokenizer;
}

static Document document(const char *text)
{
    return (Document){text, strlen(text)};
}

static void assert_alphabet(const Tokenizer *tokenizer, const uint32_t *expected, int n)
{
    ck_assert_int_eq(tokenizer->n_uchars, n);
    for (int i = 0; i < n; i++) {
        ck_assert_uint_eq(tokenizer->uchars[i], expected[i]);
    }
    ck_assert_int_eq(tokenizer->bos, n);
    ck_assert_int_eq(tokenizer->vocab_size, n + 1);
}

static void assert_tokens(const int *tokens, size_t n_tokens, const int *expected, size_t n)
{
    ck_assert_uint_eq(n_tokens, n);
    for (size_t i = 0; i < n; i++) {
        ck_assert_int_eq(tokens[i], expected[i]);
    }
}

START_TEST(default_names_have_27_tokens)
{
    Dataset dataset;
    Tokenizer tokenizer;
    Error error;
    uint32_t alphabet[26];
    for (uint32_t i = 0; i < 26; i++) {
        alphabet[i] = 'a' + i;
    }
    ck_assert(dataset_default(&dataset, &error));
    ck_assert(tokenizer_init(&tokenizer, &dataset, &error));
    assert_alphabet(&tokenizer, alphabet, 26);
    ck_assert_int_eq(tokenizer.vocab_size, 27);
    tokenizer_free(&tokenizer);
    dataset_free(&dataset);
}
END_TEST

START_TEST(alphabet_is_sorted_and_has_each_character_once)
{
    static const uint32_t expected[] = {'a', 'b', 'm', 'z'};
    Tokenizer tokenizer = tokenizer_of("zab\nmama\nbaz\n", 13);
    assert_alphabet(&tokenizer, expected, 4);
    tokenizer_free(&tokenizer);
}
END_TEST

// Characters of one to four bytes; U+FFFD sorts before U+1F600, as bytes and as code points, but
// not as UTF-16 (D83D comes before FFFD). Python: sorted(set('\U0001f600b\ufffdА€éa ')).
START_TEST(mixed_scripts_are_sorted_by_code_point)
{
    static const char text[] = "\xF0\x9F\x98\x80"
                               "b\xEF\xBF\xBD\xD0\x90\n\xE2\x82\xAC\xC3\xA9 a\n";
    static const uint32_t expected[] = {' ', 'a', 'b', 0xE9, 0x410, 0x20AC, 0xFFFD, 0x1F600};
    Tokenizer tokenizer = tokenizer_of(text, strlen(text));
    assert_alphabet(&tokenizer, expected, 8);
    tokenizer_free(&tokenizer);
}
END_TEST

START_TEST(first_and_last_code_point_are_characters)
{
    static const uint32_t expected[] = {0, UTF8_MAX_CODE_POINT};
    Tokenizer tokenizer = tokenizer_of("\xF4\x8F\xBF\xBF\0\xF4\x8F\xBF\xBF", 9);
    assert_alphabet(&tokenizer, expected, 2);
    ck_assert_int_eq(tokenizer_find(&tokenizer, 0), 0);
    ck_assert_int_eq(tokenizer_find(&tokenizer, UTF8_MAX_CODE_POINT), 1);
    tokenizer_free(&tokenizer);
}
END_TEST

START_TEST(one_character_makes_two_tokens)
{
    static const uint32_t expected[] = {'x'};
    Tokenizer tokenizer = tokenizer_of("xxx", 3);
    assert_alphabet(&tokenizer, expected, 1);
    tokenizer_free(&tokenizer);
}
END_TEST

// Every second letter, so that there is a gap on both sides of each: the search ends at every
// possible place.
START_TEST(find_knows_the_alphabet_and_nothing_else)
{
    Tokenizer tokenizer = tokenizer_of("cegikmo", 7);
    for (uint32_t code_point = 0; code_point <= 0x2FF; code_point++) {
        bool known = code_point >= 'c' && code_point <= 'o' && (code_point - 'c') % 2 == 0;
        int expected = known ? (int)(code_point - 'c') / 2 : -1;
        ck_assert_int_eq(tokenizer_find(&tokenizer, code_point), expected);
    }
    ck_assert_int_eq(tokenizer_find(&tokenizer, UTF8_MAX_CODE_POINT), -1);
    tokenizer_free(&tokenizer);
}
END_TEST

START_TEST(document_stands_between_two_bos)
{
    static const int expected[] = {4, 1, 0, 2, 3, 0, 4}; // a 0, b 1, n 2, z 3, BOS 4
    int tokens[16];
    Tokenizer tokenizer = tokenizer_of("banza", 5);
    size_t n_tokens = tokenizer_encode(&tokenizer, document("banza"), tokens, 16);
    assert_tokens(tokens, n_tokens, expected, 7);
    tokenizer_free(&tokenizer);
}
END_TEST

START_TEST(characters_of_any_size_are_one_token)
{
    static const char text[] = "\xF0\x9F\x98\x80z\xC3\xA9\xE2\x82\xAC";
    static const int expected[] = {4, 3, 0, 1, 2, 4};
    int tokens[16];
    Tokenizer tokenizer = tokenizer_of(text, strlen(text));
    size_t n_tokens = tokenizer_encode(&tokenizer, document(text), tokens, 16);
    assert_tokens(tokens, n_tokens, expected, 6);
    tokenizer_free(&tokenizer);
}
END_TEST

// BOS a b c BOS, cut at 0 ... 5 tokens and one more than there are; no token is written beyond.
START_TEST(encode_stops_at_max_tokens)
{
    static const int all[] = {3, 0, 1, 2, 3};
    size_t max_tokens = (size_t)_i;
    size_t n_expected = max_tokens < 5 ? max_tokens : 5;
    int tokens[8];
    for (int i = 0; i < 8; i++) {
        tokens[i] = -7;
    }
    Tokenizer tokenizer = tokenizer_of("abc", 3);
    size_t n_tokens = tokenizer_encode(&tokenizer, document("abc"), tokens, max_tokens);
    assert_tokens(tokens, n_tokens, all, n_expected);
    for (size_t i = n_expected; i < 8; i++) {
        ck_assert_int_eq(tokens[i], -7);
    }
    tokenizer_free(&tokenizer);
}
END_TEST

START_TEST(encode_of_no_tokens_needs_no_place_for_them)
{
    Tokenizer tokenizer = tokenizer_of("abc", 3);
    ck_assert_uint_eq(tokenizer_encode(&tokenizer, document("abc"), NULL, 0), 0);
    tokenizer_free(&tokenizer);
}
END_TEST

START_TEST(encode_of_an_empty_document_is_bos_twice)
{
    static const int expected[] = {3, 3};
    int tokens[4];
    Tokenizer tokenizer = tokenizer_of("abc", 3);
    size_t n_tokens = tokenizer_encode(&tokenizer, document(""), tokens, 4);
    assert_tokens(tokens, n_tokens, expected, 2);
    tokenizer_free(&tokenizer);
}
END_TEST

// The text of the tokens, one after the other, as sampling prints them.
static size_t decode_all(const Tokenizer *tokenizer, const int *tokens, size_t n_tokens, char *text)
{
    size_t size = 0;
    for (size_t i = 0; i < n_tokens; i++) {
        char character[UTF8_MAX_BYTES];
        size_t n = tokenizer_decode(tokenizer, tokens[i], character);
        memcpy(text + size, character, n);
        size += n;
    }
    return size;
}

START_TEST(decoded_tokens_are_the_document_again)
{
    static const char text[] = "anna maria\n\xC3\xA9mile\n\xD0\xB0\xD0\xBD\xD0\xBD\xD0\xB0\n"
                               "\xE2\x82\xAC\xF0\x9F\x98\x80\xEF\xBB\xBFx\n";
    Dataset dataset = dataset_of(text, strlen(text));
    Tokenizer tokenizer = tokenizer_of(text, strlen(text));
    ck_assert_uint_eq(dataset.n_docs, 4);
    for (size_t i = 0; i < dataset.n_docs; i++) {
        Document doc = dataset.docs[i];
        int tokens[32];
        char decoded[32 * UTF8_MAX_BYTES];
        size_t n_tokens = tokenizer_encode(&tokenizer, doc, tokens, 32);
        ck_assert_uint_eq(decode_all(&tokenizer, tokens, n_tokens, decoded), doc.size);
        ck_assert_mem_eq(decoded, doc.text, doc.size);
    }
    tokenizer_free(&tokenizer);
    dataset_free(&dataset);
}
END_TEST

START_TEST(decoded_bos_has_no_text)
{
    char out[UTF8_MAX_BYTES + 1] = "####";
    Tokenizer tokenizer = tokenizer_of("abc", 3);
    ck_assert_uint_eq(tokenizer_decode(&tokenizer, tokenizer.bos, out), 0);
    ck_assert_mem_eq(out, "####", UTF8_MAX_BYTES);
    tokenizer_free(&tokenizer);
}
END_TEST

START_TEST(free_leaves_a_tokenizer_that_may_be_freed_again)
{
    Tokenizer tokenizer = tokenizer_of("abc", 3);
    for (int i = 0; i < 2; i++) {
        tokenizer_free(&tokenizer);
        ck_assert_ptr_null(tokenizer.uchars);
        ck_assert_int_eq(tokenizer.vocab_size, 0);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("tokenizer");
    TCase *alphabet = tcase_create("alphabet");
    tcase_add_test(alphabet, default_names_have_27_tokens);
    tcase_add_test(alphabet, alphabet_is_sorted_and_has_each_character_once);
    tcase_add_test(alphabet, mixed_scripts_are_sorted_by_code_point);
    tcase_add_test(alphabet, first_and_last_code_point_are_characters);
    tcase_add_test(alphabet, one_character_makes_two_tokens);
    tcase_add_test(alphabet, find_knows_the_alphabet_and_nothing_else);
    tcase_add_test(alphabet, free_leaves_a_tokenizer_that_may_be_freed_again);
    suite_add_tcase(suite, alphabet);
    TCase *encode = tcase_create("encode");
    tcase_add_test(encode, document_stands_between_two_bos);
    tcase_add_test(encode, characters_of_any_size_are_one_token);
    tcase_add_loop_test(encode, encode_stops_at_max_tokens, 0, 7);
    tcase_add_test(encode, encode_of_no_tokens_needs_no_place_for_them);
    tcase_add_test(encode, encode_of_an_empty_document_is_bos_twice);
    suite_add_tcase(suite, encode);
    TCase *decode = tcase_create("decode");
    tcase_add_test(decode, decoded_tokens_are_the_document_again);
    tcase_add_test(decode, decoded_bos_has_no_text);
    suite_add_tcase(suite, decode);
    return run_suite(suite);
}
