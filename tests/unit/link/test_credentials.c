/* nkeys and tokens. That the real server accepts them is shown by every integration test; here:
 * known values, and rubbish. */
#include "tests/unit/cmocka_all.h"

#include "bus/link/credentials.h"
#include "bus/link/nkey.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const enum nkey_kind kinds[] = {NKEY_OPERATOR, NKEY_ACCOUNT, NKEY_USER};

static void keys_come_back_from_their_seeds(void **state)
{
	(void)state;
	static const char letters[] = {'O', 'A', 'U'};
	for (size_t i = 0; i < 3; i++) {
		struct nkey made;
		struct nkey again;
		assert_true(nkey_generate(kinds[i], &made, NULL));
		assert_int_equal(made.seed[0], 'S');
		assert_int_equal(made.seed[1], letters[i]);
		assert_int_equal(made.public_key[0], letters[i]);
		assert_true(nkey_from_seed(made.seed, &again, NULL));
		assert_int_equal(again.kind, kinds[i]);
		assert_string_equal(again.public_key, made.public_key);
		assert_string_equal(again.seed, made.seed);
	}
}

static void a_public_key_is_valid_for_its_own_kind_only(void **state)
{
	(void)state;
	struct nkey user;
	assert_true(nkey_generate(NKEY_USER, &user, NULL));
	assert_true(nkey_public_valid(user.public_key, NKEY_USER));
	assert_false(nkey_public_valid(user.public_key, NKEY_ACCOUNT));
	assert_false(nkey_public_valid(user.seed, NKEY_USER));
	assert_false(nkey_public_valid("", NKEY_USER));
	assert_false(nkey_public_valid(NULL, NKEY_USER));
}

static void rubbish_is_not_a_seed(void **state)
{
	(void)state;
	static const char *const rubbish[] = {
	    NULL,
	    "",
	    "S",
	    "SU",
	    "SUAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	    "sukpadjq3uddxhc4hcpeysl3spx7p2pzlgupbxeymw3xjegmtiax5bqexq",
	    "not a seed at all, but fifty-eight characters long......",
	};
	struct nkey key;
	struct error error;
	for (size_t i = 0; i < sizeof(rubbish) / sizeof(rubbish[0]); i++) {
		assert_false(nkey_from_seed(rubbish[i], &key, &error));
		assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	}
}

/* Every single changed character is noticed, and every shorter or longer text. */
static void a_damaged_seed_is_not_a_seed(void **state)
{
	(void)state;
	struct nkey good;
	struct nkey key;
	assert_true(nkey_generate(NKEY_USER, &good, NULL));
	char text[64];
	for (size_t i = 0; i < strlen(good.seed); i++) {
		strcpy(text, good.seed);
		text[i] = text[i] == 'A' ? 'B' : 'A';
		assert_false(nkey_from_seed(text, &key, NULL));
		text[i] = '\0';
		assert_false(nkey_from_seed(text, &key, NULL));
	}
	strcpy(text, good.seed);
	strcat(text, "A");
	assert_false(nkey_from_seed(text, &key, NULL));
}

static void signatures_hold_for_their_key_and_text_only(void **state)
{
	(void)state;
	struct nkey mine;
	struct nkey other;
	unsigned char signature[NKEY_SIGNATURE_BYTES];
	assert_true(nkey_generate(NKEY_USER, &mine, NULL));
	assert_true(nkey_generate(NKEY_USER, &other, NULL));
	assert_true(nkey_sign(&mine, "nonce", 5, signature, NULL));
	assert_true(nkey_verify(mine.public_key, "nonce", 5, signature));
	assert_false(nkey_verify(other.public_key, "nonce", 5, signature));
	assert_false(nkey_verify(mine.public_key, "Nonce", 5, signature));
	signature[3] ^= 1;
	assert_false(nkey_verify(mine.public_key, "nonce", 5, signature));
}

static size_t decode_base64url(const char *from, size_t length, unsigned char *to)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	size_t filled = 0;
	int held = 0;
	for (size_t i = 0; i < length; i++) {
		bits = bits << 6 | (uint32_t)(strchr(letters, from[i]) - letters);
		held += 6;
		if (held >= 8) {
			held -= 8;
			to[filled++] = (unsigned char)(bits >> held);
		}
	}
	return filled;
}

/* The claims, after the signature was checked. */
static json_t *claims_of(const char *jwt, const char *signer)
{
	unsigned char text[8192];
	unsigned char signature[128];
	const char *first = strchr(jwt, '.');
	const char *second = strrchr(jwt, '.');
	assert_int_equal(decode_base64url(second + 1, strlen(second + 1), signature), NKEY_SIGNATURE_BYTES);
	assert_true(nkey_verify(signer, jwt, (size_t)(second - jwt), signature));
	size_t length = decode_base64url(first + 1, (size_t)(second - first - 1), text);
	json_t *claims = json_loadb((const char *)text, length, 0, NULL);
	assert_non_null(claims);
	return claims;
}

static void a_user_token_says_what_the_user_may_do(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct nkey account;
	struct nkey user;
	assert_true(nkey_generate(NKEY_ACCOUNT, &account, NULL));
	assert_true(nkey_generate(NKEY_USER, &user, NULL));
	static const char *const publish[] = {"roost.report.X", "roost.beat.X", NULL};
	const struct user_permissions permissions = {.publish_allow = publish, .allow_responses = true};
	char *jwt = jwt_user(&account, user.public_key, "name \"with\" quotes", &permissions, 99, arena, NULL);
	json_t *claims = claims_of(jwt, account.public_key);
	json_t *nats = json_object_get(claims, "nats");
	assert_string_equal(json_string_value(json_object_get(claims, "name")), "name \"with\" quotes");
	assert_string_equal(json_string_value(json_object_get(claims, "sub")), user.public_key);
	assert_int_equal(json_integer_value(json_object_get(claims, "exp")), 99);
	assert_int_equal(json_array_size(json_object_get(json_object_get(nats, "pub"), "allow")), 2);
	assert_int_equal(json_object_size(json_object_get(nats, "sub")), 0);
	assert_int_equal(json_integer_value(json_object_get(json_object_get(nats, "resp"), "max")), 1);
	json_decref(claims);

	struct error error;
	assert_null(jwt_user(&account, user.public_key, "\xff", NULL, 0, arena, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	arena_free(arena);
}

static void a_seed_that_is_none_signs_nothing(void **state)
{
	(void)state;
	struct arena *arena = arena_new();
	struct nkey broken = {.kind = NKEY_ACCOUNT, .public_key = "A", .seed = "rubbish"};
	struct error error;
	assert_null(jwt_user(&broken, "U", "name", NULL, 0, arena, &error));
	assert_int_equal(error.code, ERROR_INVALID_ARGUMENT);
	arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(keys_come_back_from_their_seeds),
	    cmocka_unit_test(a_public_key_is_valid_for_its_own_kind_only),
	    cmocka_unit_test(rubbish_is_not_a_seed),
	    cmocka_unit_test(a_damaged_seed_is_not_a_seed),
	    cmocka_unit_test(signatures_hold_for_their_key_and_text_only),
	    cmocka_unit_test(a_user_token_says_what_the_user_may_do),
	    cmocka_unit_test(a_seed_that_is_none_signs_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
