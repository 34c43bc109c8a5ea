/* The keys of an installation and what is signed with them. Keys are made at the first start and never
 * again: the account's key names the log's place on disk. */
#ifndef ROOST_CONTROLLER_INSTALLATION_KEYS_H
#define ROOST_CONTROLLER_INSTALLATION_KEYS_H

#include "bus/link/credentials.h"
#include "controller/installation/layout.h"

struct keys {
	struct nkey operator_key;
	struct nkey system_account;
	struct nkey account;
};

/* Reads the keys; makes those that are missing at the first start, and notes the account's public key in
 * the installation. An account key that is missing, damaged or another one than the installation
 * began with is an error, never replaced. */
bool keys_load_or_make(struct installation *installation, struct keys *keys, struct error *error);

/* The path (in the arena) of the credentials file of a user of the product account. Made when it is
 * absent, does not parse, or was signed by another account. */
char *keys_credentials(const struct installation *installation, const struct keys *keys, const char *user,
		       struct arena *arena, struct error *error);

#endif
