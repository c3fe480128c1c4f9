/* SPDX-License-Identifier: MIT */
/*
 * role.c - names of roles, and hashes of secrets.
 *
 * Roles are ordered by rights but for `bot`; who may do what is decided by the
 * route table of the server and the rules of the hive.
 */
#include "auth/auth.h"

#include <sodium.h>
#include <string.h>

_Static_assert(DEIA__HASH_BYTES == crypto_hash_sha256_BYTES, "sha-256");

static const char *const role_names[DEIA_ROLES] = {
#define ROLE_NAME(e, n) [e] = n,
	DEIA_ROLE_LIST(ROLE_NAME)
#undef ROLE_NAME
};

const char *deia_role_name(deia_role role)
{
	if ((unsigned)role >= DEIA_ROLES)
		return "none";
	return role_names[role];
}

deia_role deia_role_parse(const char *name)
{
	if (!name)
		return DEIA_ROLE_NONE;
	for (unsigned r = 0; r < DEIA_ROLES; r++)
		if (strcmp(role_names[r], name) == 0)
			return (deia_role)r;
	return DEIA_ROLE_NONE;
}

void deia__secret_hash(unsigned char out[static DEIA__HASH_BYTES],
		       const char *secret)
{
	crypto_hash_sha256(out, (const unsigned char *)secret, strlen(secret));
}

bool deia__hash_equal(const unsigned char *a, const unsigned char *b)
{
	return sodium_memcmp(a, b, DEIA__HASH_BYTES) == 0;
}
