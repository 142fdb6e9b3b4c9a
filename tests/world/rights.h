/*
 * rights - who may do what: the roles of manifests/azure, and what was given or taken since.
 *
 * The daemon's identities have the roles of manifests/azure where roles.bicep assigns them, and
 * nothing else; a gateway's identity reads secrets of the vaults; the operator may do everything.
 * A call beyond manifests/azure is counted among what must never happen, whatever was given
 * meanwhile; one whose right was taken is refused alone.
 */
#pragma once

#include "world/model.h"

enum principal_kind { PRINCIPAL_DAEMON, PRINCIPAL_OPERATOR, PRINCIPAL_GATEWAY };

struct principal {
	struct principal *next;
	enum principal_kind kind;
	const char *name; /* "daemon", "daemon-2", "operator"; of a gateway its name as an owner */
	const char *client_id, *object_id;
	const char *secret; /* NULL: none */
};

/* Where a role of manifests/azure is assigned. */
enum rights_scope {
	RIGHTS_GATEWAY, /* and its public address, its subnet, its identity, its WAF policies */
	RIGHTS_VAULT,
	RIGHTS_ACCOUNT_KEY,
	RIGHTS_SEAL_KEY,
	RIGHTS_CONTAINER,
};

#define RIGHTS_ACTIONS_MAX 16

/* One file of manifests/azure; a unit test holds them side by side. */
struct rights_role {
	const char *file;
	enum rights_scope scope;
	const char *actions[RIGHTS_ACTIONS_MAX]; /* Actions and DataActions */
};
extern const struct rights_role rights_roles[];
extern const size_t rights_role_count;
#define RIGHTS_ACCOUNT_KEY_NAME "gatecert-acme-account"
#define RIGHTS_SEAL_KEY_NAME	"gatecert-seal"

/* `client_id` NULL: one is made. */
struct principal *rights_add_principal(struct world *world, enum principal_kind kind,
				       const char *client_id, const char *secret);
struct principal *rights_by_client(const struct world *world, const char *client_id);
struct principal *rights_by_name(const struct world *world, const char *name);

/* Whether the caller of a request may; counted as told above. */
bool rights_allow(struct world *world, const struct call *call, const char *action,
		  const char *scope);
/* The same of an identity that acts by itself; nothing is counted. */
bool rights_has(struct world *world, const struct principal *principal, const char *action,
		const char *scope);
/* What manifests/azure give, without a look at what was given or taken. */
bool rights_in_manifests(const struct world *world, const struct principal *principal,
			 const char *action, const char *scope);

/*
 * {"effect": "give" or "take", "action": ..., "scope": ..., "identity": ...}: the action may end in
 * a star; the scope is an id or an owner's name and holds for what is below; the identity is a
 * principal's name. Without a scope or an identity it holds for all. The last that fits decides.
 */
enum err rights_change(struct ctx *ctx, struct world *world, const struct json *json);
void rights_restore(struct world *world);
struct json *rights_show(struct ctx *ctx, const struct world *world);
