/* Seeds lie in keys/<name>.seed, credentials in credentials/<user>.creds, all with mode 0600. */
#include "controller/installation/keys.h"

#include "controller/installation/file.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

static bool load_or_make(const struct installation *installation, const char *name, enum nkey_kind kind, bool may_make,
			 struct nkey *key, struct error *error)
{
	struct error reason = {0};
	struct arena *arena = arena_new();
	char *path = installation_path(installation, arena, arena_printf(arena, "keys/%s.seed", name));
	char *seed = file_read(path, arena, &reason);
	bool good;
	if (seed == NULL && reason.code == ERROR_FILE_NOT_FOUND && may_make) {
		good =
		    nkey_generate(kind, key, error) && file_write(path, arena_printf(arena, "%s\n", key->seed), error);
	} else if (seed == NULL) {
		*error = reason;
		good = false;
	} else {
		seed[strcspn(seed, "\r\n")] = '\0';
		good =
		    nkey_from_seed(seed, key, error)
			? key->kind == kind || error_set(error, ERROR_INTERNAL, "%s holds a key of another kind", path)
			: error_wrap(error, "%s", path);
	}
	arena_free(arena);
	return good;
}

bool keys_load_or_make(struct installation *installation, struct keys *keys, struct error *error)
{
	bool first = installation->account[0] == '\0';
	if (!load_or_make(installation, "operator", NKEY_OPERATOR, true, &keys->operator_key, error) ||
	    !load_or_make(installation, "system", NKEY_ACCOUNT, true, &keys->system_account, error) ||
	    !load_or_make(installation, "account", NKEY_ACCOUNT, first, &keys->account, error))
		return error_wrap(error, "keys");
	if (first) {
		snprintf(installation->account, sizeof(installation->account), "%s", keys->account.public_key);
		return installation_save(installation, error);
	}
	if (strcmp(installation->account, keys->account.public_key) != 0)
		return error_set(error, ERROR_INTERNAL,
				 "keys/account.seed is not the key that %s began with; its log would be another one. "
				 "Put the right key back",
				 installation->folder);
	return true;
}

static size_t decode_base64url(const char *from, size_t length, char *to)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	uint32_t bits = 0;
	size_t filled = 0;
	int held = 0;
	for (size_t i = 0; i < length; i++) {
		const char *found = memchr(letters, from[i], sizeof(letters) - 1);
		if (found == NULL)
			return 0;
		bits = bits << 6 | (uint32_t)(found - letters);
		held += 6;
		if (held >= 8) {
			held -= 8;
			to[filled++] = (char)(bits >> held);
		}
	}
	return filled;
}

/* True when the first token in the text names the account as its issuer. */
static bool issued_by(const char *text, const char *account, struct arena *arena)
{
	const char *token = strstr(text, "\neyJ");
	const char *claims = token == NULL ? NULL : strchr(token, '.');
	const char *end = claims == NULL ? NULL : strchr(claims + 1, '.');
	if (end == NULL || strstr(end, "\nSU") == NULL)
		return false;
	size_t length = (size_t)(end - claims - 1);
	char *decoded = arena_alloc(arena, length + 1);
	json_t *parsed = json_loadb(decoded, decode_base64url(claims + 1, length, decoded), 0, NULL);
	const char *issuer = json_string_value(json_object_get(parsed, "iss"));
	bool same = issuer != NULL && strcmp(issuer, account) == 0;
	json_decref(parsed);
	return same;
}

char *keys_credentials(const struct installation *installation, const struct keys *keys, const char *user,
		       struct arena *arena, struct error *error)
{
	struct nkey key;
	char *path = installation_path(installation, arena, arena_printf(arena, "credentials/%s.creds", user));
	char *present = file_read(path, arena, NULL);
	if (present != NULL && issued_by(present, keys->account.public_key, arena))
		return path;
	if (!nkey_generate(NKEY_USER, &key, error))
		return NULL;
	char *token = jwt_user(&keys->account, key.public_key, user, NULL, 0, arena, error);
	if (token == NULL || !file_write(path, credentials_text(token, &key, arena), error))
		return NULL;
	return path;
}
