/* The tokens of operator mode: base64url(header).base64url(claims).base64url(signature), signed with
 * an nkey. nats-server reads limits that are absent as zero, so every limit is spelled out. */
#include "bus/foundation/clock.h"
#include "bus/foundation/ulid.h"
#include "bus/link/credentials.h"
#include "bus/link/nkey.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char header_text[] = "{\"typ\":\"JWT\",\"alg\":\"ed25519-nkey\"}";

/* How long a responder may answer the one reply it was asked for. */
static const json_int_t response_lifetime_ns = 120 * 1000000000LL;

static char *base64url(const void *data, size_t size, struct arena *arena)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *from = data;
	char *text = arena_alloc(arena, (size + 2) / 3 * 4 + 1);
	char *to = text;
	for (size_t i = 0; i < size; i += 3) {
		size_t left = size - i;
		uint32_t bits = (uint32_t)from[i] << 16 | (left > 1 ? (uint32_t)from[i + 1] << 8 : 0) |
				(left > 2 ? from[i + 2] : 0);
		*to++ = letters[bits >> 18];
		*to++ = letters[bits >> 12 & 63];
		if (left > 1)
			*to++ = letters[bits >> 6 & 63];
		if (left > 2)
			*to++ = letters[bits & 63];
	}
	return text;
}

static char *sign(const struct nkey *signer, const char *claims, struct arena *arena, struct error *error)
{
	unsigned char signature[NKEY_SIGNATURE_BYTES];
	char *signed_text = arena_printf(arena, "%s.%s", base64url(header_text, strlen(header_text), arena),
					 base64url(claims, strlen(claims), arena));
	if (!nkey_sign(signer, signed_text, strlen(signed_text), signature, error))
		return NULL;
	return arena_printf(arena, "%s.%s", signed_text, base64url(signature, sizeof(signature), arena));
}

/* Puts the common claims around `nats`, which is consumed. */
static char *token(const struct nkey *signer, const char *subject, const char *name, int64_t expires_at_s, json_t *nats,
		   struct arena *arena, struct error *error)
{
	int64_t now = clock_wall_ms();
	json_t *claims =
	    json_pack("{s:s, s:I, s:s, s:s, s:s, s:o}", "jti", ulid_new(now).text, "iat", (json_int_t)(now / 1000),
		      "iss", signer->public_key, "name", name, "sub", subject, "nats", nats);
	if (claims != NULL && expires_at_s != 0)
		json_object_set_new(claims, "exp", json_integer(expires_at_s));
	char *text = claims == NULL ? NULL : json_dumps(claims, JSON_COMPACT);
	json_decref(claims);
	if (text == NULL) {
		error_set(error, ERROR_INVALID_ARGUMENT, "a token's name must be UTF-8");
		return NULL;
	}
	char *result = sign(signer, text, arena, error);
	free(text);
	return result;
}

char *jwt_operator(const struct nkey *operator_key, const char *name, const char *system_account_public,
		   struct arena *arena, struct error *error)
{
	json_t *nats =
	    json_pack("{s:s, s:i, s:s}", "type", "operator", "version", 2, "system_account", system_account_public);
	return token(operator_key, operator_key->public_key, name, 0, nats, arena, error);
}

char *jwt_account(const struct nkey *operator_key, const char *account_public, const char *name, bool jetstream,
		  struct arena *arena, struct error *error)
{
	json_t *limits = json_pack("{s:i, s:i, s:i, s:i, s:i, s:b, s:i, s:i}", "subs", -1, "data", -1, "payload", -1,
				   "imports", -1, "exports", -1, "wildcards", 1, "conn", -1, "leaf", -1);
	if (jetstream) {
		json_t *storage = json_pack("{s:i, s:i, s:i, s:i}", "mem_storage", -1, "disk_storage", -1, "streams",
					    -1, "consumer", -1);
		json_object_update(limits, storage);
		json_decref(storage);
	}
	json_t *nats = json_pack("{s:s, s:i, s:o}", "type", "account", "version", 2, "limits", limits);
	return token(operator_key, account_public, name, 0, nats, arena, error);
}

static json_t *allow_list(const char *const *subjects)
{
	json_t *list = json_array();
	for (; subjects != NULL && *subjects != NULL; subjects++)
		json_array_append_new(list, json_string(*subjects));
	return subjects == NULL ? (json_decref(list), json_object()) : json_pack("{s:o}", "allow", list);
}

char *jwt_user(const struct nkey *account_key, const char *user_public, const char *name,
	       const struct user_permissions *permissions, int64_t expires_at_s, struct arena *arena,
	       struct error *error)
{
	static const struct user_permissions everything = {0};
	if (permissions == NULL)
		permissions = &everything;
	json_t *nats = json_pack("{s:s, s:i, s:i, s:i, s:i, s:o, s:o}", "type", "user", "version", 2, "subs", -1,
				 "data", -1, "payload", -1, "pub", allow_list(permissions->publish_allow), "sub",
				 allow_list(permissions->subscribe_allow));
	if (permissions->allow_responses)
		json_object_set_new(nats, "resp", json_pack("{s:i, s:I}", "max", 1, "ttl", response_lifetime_ns));
	return token(account_key, user_public, name, expires_at_s, nats, arena, error);
}

char *credentials_text(const char *user_jwt, const struct nkey *user_key, struct arena *arena)
{
	return arena_printf(arena,
			    "-----BEGIN NATS USER JWT-----\n%s\n------END NATS USER JWT------\n\n"
			    "-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n",
			    user_jwt, user_key->seed);
}
