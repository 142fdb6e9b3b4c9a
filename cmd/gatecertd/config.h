/*
 * config - the configuration: gatecert.yaml, overridden by the environment, checked as a whole.
 *
 * One table (config_fields) has every key with its type, default, check and help; the file, the
 * environment, the printed form and the documentation all read it. Everything that is wrong is told
 * at once. Immutable after load, in an arena of its own.
 */
#pragma once

#include "api/settings.h"
#include "codec/fields.h"
#include "entra/cloud.h"
#include "entra/credential.h"
#include "server/server.h"

#define CONFIG_PATH "/etc/gatecert/gatecert.yaml"
#define CONFIG_NONE "none"

struct config {
	const char *acme_endpoint; /* the directory URL, also when only the host was given */
	const char *acme_account_email;
	const char *name_policy; /* syntax or public, also when it was not given */
	const char *tenant_id, *subscription_id;
	const char *resource_group, *gateway_name;
	const char *http_settings_name, *backend_name;
	const char *blob_container_url,
		*key_vault_base_url; /* without a slash at the end, as all base URLs here */

	const char *spec_directory, *api_spec_directory; /* the latter may be NULL */
	const char *state_directory;
	const char *listen, *public_base_url; /* the latter may be NULL */
	struct tls_files tls;
	const char *unix_socket; /* a path, or CONFIG_NONE, also when it was not given */
	const char *task_hub;
	struct objects api_keys; /* struct api_key */
	struct texts trusted_proxies;
	bool allow_anonymous_start;
	int64_t requests_per_second;
	struct texts dns_servers;
	const char *ca_file; /* may be NULL */
	int64_t workers, request_timeout_seconds, instance_timeout_seconds;
	int64_t instance_retention_hours, instance_retention_count;
	const char *cloud_name, *arm_endpoint;
	int64_t gateway_http_port, gateway_https_port, gateway_gather_seconds;
	int self_check; /* enum self_check */
	const char *acme_account_key;
	int key_type_choice; /* as written: the names without Default */
	bool vault_challenge_resource_check;
	int log_level;			      /* enum log_level */
	int send_certificate_chain;	      /* as written; credential has what follows from it */
	struct credential_options credential; /* tenant_id falls back to TenantId */

	/* Derived. */
	const char *socket_path; /* NULL: no Unix socket */
	bool is_socket_implied;	 /* nobody asked for it: systemd gave it a place */
	const struct cloud *cloud;
	unsigned hostname_flags;	   /* enum hostname_flag */
	const char *acme_account_key_file; /* NULL: the key is in the vault */
	int key_type;			   /* enum key_type, never KEY_TYPE_DEFAULT */
	struct arena *arena;
};

/* Keys of the file and the environment; and those of the environment alone. NULL-terminated. */
extern const struct field config_fields[];
extern const struct field config_environment_fields[];

/* A flag of fields in these tables, beside enum field_flag: has to come from either side. */
#define CONFIG_REQUIRED 0x10000u

/* E_REFUSED, reason InvalidConfiguration: problems has everything; in ctx's arena. Warnings alone
 * do not refuse. */
enum err config_load(struct ctx *ctx, const char *path, struct config **out,
		     struct problems *problems);

/* The same on the machine that it is for: the files that it names must be there. */
enum err config_load_here(struct ctx *ctx, const char *path, struct config **out,
			  struct problems *problems);

void config_free(struct config *config);

/* What is in force, as YAML that config_load reads; secrets are "***". In ctx's arena. */
char *config_print(struct ctx *ctx, const struct config *config);
