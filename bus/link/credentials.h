/* NATS keys and JWTs (operator mode): nkeys (ed25519, base32 with crc16) and the tokens of operator,
 * accounts and users, made with OpenSSL. Any thread. */
#ifndef ROOST_BUS_LINK_CREDENTIALS_H
#define ROOST_BUS_LINK_CREDENTIALS_H

#include "bus/foundation/arena.h"
#include "bus/foundation/error.h"

enum nkey_kind { NKEY_OPERATOR, NKEY_ACCOUNT, NKEY_USER };

struct nkey {
	enum nkey_kind kind;
	char public_key[57]; /* 56 characters and a zero */
	char seed[59];	     /* 58 characters and a zero: a secret */
};

/* A new key pair from the kernel's randomness. */
bool nkey_generate(enum nkey_kind kind, struct nkey *out, struct error *error);

/* The key pair of a seed. ERROR_INVALID_ARGUMENT when it is not one. */
bool nkey_from_seed(const char *seed, struct nkey *out, struct error *error);

bool nkey_public_valid(const char *public_key, enum nkey_kind kind);

/* What a user may do. Absent lists mean: everything. */
struct user_permissions {
	const char *const *publish_allow; /* NULL-terminated; NULL for all */
	const char *const *subscribe_allow;
	bool allow_responses;
};

/* Tokens, in the arena; NULL with an error when signing fails. `expires_at_s` 0 for never. */
char *jwt_operator(const struct nkey *operator_key, const char *name, const char *system_account_public,
		   struct arena *arena, struct error *error);
char *jwt_account(const struct nkey *operator_key, const char *account_public, const char *name, bool jetstream,
		  struct arena *arena, struct error *error);
char *jwt_user(const struct nkey *account_key, const char *user_public, const char *name,
	       const struct user_permissions *permissions, int64_t expires_at_s, struct arena *arena,
	       struct error *error);

/* The text of a .creds file: user token and seed. */
char *credentials_text(const char *user_jwt, const struct nkey *user_key, struct arena *arena);

#endif
