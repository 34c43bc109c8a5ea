/* nkeys: an ed25519 key written as base32(prefix, key, crc16). A public key has one prefix byte that
 * tells its kind; a seed has two, since the first five bits say "seed" and the next eight the kind.
 * What can go wrong: a seed of the wrong length, alphabet, kind or checksum, and no randomness. */
#include "bus/link/nkey.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>
#include <sys/random.h>

enum {
	KEY_BYTES = 32,
	CHECKSUM_BYTES = 2,
	PUBLIC_RAW_BYTES = 1 + KEY_BYTES + CHECKSUM_BYTES,
	SEED_RAW_BYTES = 2 + KEY_BYTES + CHECKSUM_BYTES,
	PUBLIC_TEXT = 56,
	SEED_TEXT = 58,
	PREFIX_SEED = 18 << 3,
};

static const unsigned char prefixes[] = {
    [NKEY_OPERATOR] = 14 << 3,
    [NKEY_ACCOUNT] = 0,
    [NKEY_USER] = 20 << 3,
};

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/* CRC-16/XMODEM, stored with the low byte first. */
static uint16_t checksum(const unsigned char *data, size_t size)
{
	uint16_t crc = 0;
	for (size_t i = 0; i < size; i++) {
		crc ^= (uint16_t)(data[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)((crc & 0x8000) ? (crc << 1) ^ 0x1021 : crc << 1);
	}
	return crc;
}

/* Appends the checksum to `raw` and writes base32 without padding. */
static void encode(unsigned char *raw, size_t size, char *text)
{
	uint16_t crc = checksum(raw, size - CHECKSUM_BYTES);
	raw[size - 2] = (unsigned char)(crc & 0xff);
	raw[size - 1] = (unsigned char)(crc >> 8);
	uint32_t bits = 0;
	int held = 0;
	for (size_t i = 0; i < size; i++) {
		bits = bits << 8 | raw[i];
		for (held += 8; held >= 5; held -= 5)
			*text++ = alphabet[bits >> (held - 5) & 31];
	}
	if (held > 0)
		*text++ = alphabet[bits << (5 - held) & 31];
	*text = '\0';
}

/* Reads exactly `length` characters into `size` bytes and checks the checksum. */
static bool decode(const char *text, size_t length, unsigned char *raw, size_t size)
{
	if (text == NULL || strlen(text) != length)
		return false;
	uint32_t bits = 0;
	int held = 0;
	size_t filled = 0;
	for (size_t i = 0; i < length; i++) {
		const char *found = strchr(alphabet, text[i]);
		if (found == NULL)
			return false;
		bits = bits << 5 | (uint32_t)(found - alphabet);
		held += 5;
		if (held >= 8) {
			held -= 8;
			raw[filled++] = (unsigned char)(bits >> held);
		}
	}
	uint16_t crc = checksum(raw, size - CHECKSUM_BYTES);
	return filled == size && (bits & ((1U << held) - 1)) == 0 && raw[size - 2] == (crc & 0xff) &&
	       raw[size - 1] == crc >> 8;
}

static bool decode_seed(const char *seed, enum nkey_kind *kind, unsigned char private_key[KEY_BYTES])
{
	unsigned char raw[SEED_RAW_BYTES];
	bool found = false;
	if (decode(seed, SEED_TEXT, raw, sizeof(raw)) && (raw[0] & 0xf8) == PREFIX_SEED) {
		unsigned char prefix = (unsigned char)((raw[0] & 7) << 5 | raw[1] >> 3);
		for (int i = 0; i < (int)sizeof(prefixes); i++) {
			if (prefixes[i] == prefix) {
				*kind = (enum nkey_kind)i;
				found = true;
			}
		}
		memcpy(private_key, raw + 2, KEY_BYTES);
	}
	OPENSSL_cleanse(raw, sizeof(raw));
	return found;
}

static bool fill(enum nkey_kind kind, const unsigned char private_key[KEY_BYTES], struct nkey *out, struct error *error)
{
	unsigned char seed[SEED_RAW_BYTES];
	unsigned char public_key[PUBLIC_RAW_BYTES];
	size_t size = KEY_BYTES;
	EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, KEY_BYTES);
	bool made = pair != NULL && EVP_PKEY_get_raw_public_key(pair, public_key + 1, &size) == 1;
	EVP_PKEY_free(pair);
	if (!made)
		return error_set(error, ERROR_INTERNAL, "ed25519: OpenSSL made no key");
	out->kind = kind;
	public_key[0] = prefixes[kind];
	encode(public_key, sizeof(public_key), out->public_key);
	seed[0] = (unsigned char)(PREFIX_SEED | prefixes[kind] >> 5);
	seed[1] = (unsigned char)((prefixes[kind] & 31) << 3);
	memcpy(seed + 2, private_key, KEY_BYTES);
	encode(seed, sizeof(seed), out->seed);
	OPENSSL_cleanse(seed, sizeof(seed));
	return true;
}

bool nkey_generate(enum nkey_kind kind, struct nkey *out, struct error *error)
{
	unsigned char private_key[KEY_BYTES];
	if (getrandom(private_key, sizeof(private_key), 0) != (ssize_t)sizeof(private_key))
		return error_errno(error, errno, "randomness for a key");
	bool made = fill(kind, private_key, out, error);
	OPENSSL_cleanse(private_key, sizeof(private_key));
	return made;
}

bool nkey_from_seed(const char *seed, struct nkey *out, struct error *error)
{
	unsigned char private_key[KEY_BYTES];
	enum nkey_kind kind;
	if (!decode_seed(seed, &kind, private_key))
		return error_set(error, ERROR_INVALID_ARGUMENT, "not the seed of a NATS key");
	bool made = fill(kind, private_key, out, error);
	OPENSSL_cleanse(private_key, sizeof(private_key));
	return made;
}

bool nkey_public_valid(const char *public_key, enum nkey_kind kind)
{
	unsigned char raw[PUBLIC_RAW_BYTES];
	return decode(public_key, PUBLIC_TEXT, raw, sizeof(raw)) && raw[0] == prefixes[kind];
}

bool nkey_sign(const struct nkey *key, const void *data, size_t size, unsigned char signature[NKEY_SIGNATURE_BYTES],
	       struct error *error)
{
	unsigned char private_key[KEY_BYTES];
	enum nkey_kind kind;
	if (!decode_seed(key->seed, &kind, private_key))
		return error_set(error, ERROR_INVALID_ARGUMENT, "not the seed of a NATS key");
	size_t length = NKEY_SIGNATURE_BYTES;
	EVP_PKEY *pair = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, private_key, KEY_BYTES);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool made = pair != NULL && context != NULL && EVP_DigestSignInit(context, NULL, NULL, NULL, pair) == 1 &&
		    EVP_DigestSign(context, signature, &length, data, size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pair);
	OPENSSL_cleanse(private_key, sizeof(private_key));
	return made || error_set(error, ERROR_INTERNAL, "ed25519: OpenSSL did not sign");
}

bool nkey_verify(const char *public_key, const void *data, size_t size,
		 const unsigned char signature[NKEY_SIGNATURE_BYTES])
{
	unsigned char raw[PUBLIC_RAW_BYTES];
	if (!decode(public_key, PUBLIC_TEXT, raw, sizeof(raw)))
		return false;
	EVP_PKEY *pair = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw + 1, KEY_BYTES);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	bool good = pair != NULL && context != NULL && EVP_DigestVerifyInit(context, NULL, NULL, NULL, pair) == 1 &&
		    EVP_DigestVerify(context, signature, NKEY_SIGNATURE_BYTES, data, size) == 1;
	EVP_MD_CTX_free(context);
	EVP_PKEY_free(pair);
	return good;
}
