/*
 * versions - which api-versions exist, and who sends which.
 *
 * Azure takes no other: a client that asks for one that is no more, or not yet, is told so at once.
 */
#pragma once

#include "world/model.h"

enum versions_of {
	VERSIONS_NETWORK,	/* Microsoft.Network/applicationGateways and publicIPAddresses */
	VERSIONS_IDENTITY,	/* Microsoft.ManagedIdentity/userAssignedIdentities */
	VERSIONS_AUTHORIZATION, /* Microsoft.Authorization/permissions */
	VERSIONS_RESOURCES,	/* /tenants, /subscriptions, resource groups */
	VERSIONS_VAULT,		/* Key Vault's data plane */
	VERSIONS_BLOB,		/* x-ms-version, those that know OAuth */
	VERSIONS_IMDS,
	VERSIONS_COUNT,
};

bool versions_has(enum versions_of of, const char *version);
/* "a, b, c", the oldest first. */
const char *versions_list(struct ctx *ctx, enum versions_of of);

/* What a client of the tests, or of the same operator, sends. */
struct versions_sent {
	const char *by;
	enum versions_of of;
	const char *version;
};
extern const struct versions_sent versions_sent[];
extern const size_t versions_sent_count;
