/* Signing with nkeys, for the token maker and for tests. Any thread. */
#ifndef ROOST_BUS_LINK_NKEY_H
#define ROOST_BUS_LINK_NKEY_H

#include "bus/link/credentials.h"

#include <stddef.h>

enum { NKEY_SIGNATURE_BYTES = 64 };

/* An ed25519 signature over the data. ERROR_INVALID_ARGUMENT when the seed is not one. */
bool nkey_sign(const struct nkey *key, const void *data, size_t size, unsigned char signature[NKEY_SIGNATURE_BYTES],
	       struct error *error);

/* Checks a signature against a public key. */
bool nkey_verify(const char *public_key, const void *data, size_t size,
		 const unsigned char signature[NKEY_SIGNATURE_BYTES]);

#endif
