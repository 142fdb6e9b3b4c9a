#include "config.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/dnsname.h"
#include "api/hostname.h"
#include "base/buf.h"
#include "base/regular.h"
#include "base/text.h"
#include "codec/fields_encode.h"
#include "codec/yaml.h"
#include "config_check.h"
#include "config_doubts.h"
#include "config_keys.h"
#include "http/url.h"

#define ENVIRONMENT "environment"

/* One loading. */
struct loading {
	struct ctx *ctx;     /* with the configuration's own arena */
	struct ctx *reading; /* with one for what was read, which ends with the loading */
	const char *path;
	struct node *map; /* NULL when the file could not be read, or is empty */
	struct problems *problems;
	struct config *config;
	bool is_here; /* this is the machine that it is for */
};

/* Where a key was set, so that complaints about several keys say it too. */
static void complain(struct loading *loading, bool is_warning, const char *key, const char *text)
{
	const char *value = getenv(key);
	const struct node *node = node_get(loading->map, key);
	bool is_environment = value && *value;

	problems_add(loading->ctx, loading->problems, is_warning,
		     is_environment ? ENVIRONMENT : loading->path,
		     node && !is_environment ? node->line : 0,
		     node && !is_environment ? node->column : 0, key, "%s", text);
}

/* The file */

static enum err parse(struct loading *loading, const char *text, size_t size)
{
	struct node **documents;
	size_t count;

	TRY(yaml_parse(loading->reading, loading->path, text, size, loading->problems, &documents,
		       &count));
	if (count > 1)
		problems_add(loading->ctx, loading->problems, false, loading->path,
			     documents[1]->line, documents[1]->column, "",
			     "only one document belongs in a configuration");
	if (count == 0)
		return E_OK;
	loading->map = documents[0];
	node_complain_repeated(loading->ctx, loading->map, loading->path, loading->problems);
	return E_OK;
}

static bool has_secrets(const struct node *map)
{
	for (const struct field *field = config_fields; field->name; field++)
		if ((field->flags & FIELD_SECRET || text_equals(field->name, "ApiKeys")) &&
		    node_get(map, field->name))
			return true;
	return false;
}

/* False after a complaint: then it is of no use to say what is missing. */
static bool read_file(struct loading *loading)
{
	struct ctx *ctx = loading->reading;
	struct stat status;
	size_t size;
	char *text;

	if (regular_read(ctx, AT_FDCWD, loading->path, YAML_SIZE_MAX, &text, &size, &status) !=
	    E_OK) {
		problems_add(ctx, loading->problems, false, loading->path, 0, 0, "", "%s",
			     ctx->fault.text);
		return false;
	}
	if (parse(loading, text, size) != E_OK)
		return false;
	if ((status.st_mode & S_IROTH) && has_secrets(loading->map))
		problems_add(ctx, loading->problems, true, loading->path, 0, 0, "",
			     "holds secrets and can be read by everybody: chmod o-r");
	config_keys_unify(ctx, node_get(loading->map, "ApiKeys"));
	return true;
}

/* The environment */

static void set_keys(struct loading *loading, const struct field *field, const char *text)
{
	struct node map = {.kind = NODE_MAP, .size = 1};
	struct field table[] = {*field, {.name = NULL}};

	map.first = config_keys_split(loading->reading, text);
	map.first->name = field->name;
	config_keys_wipe(&loading->config->api_keys);
	fields_decode(loading->ctx, table, ENVIRONMENT, "", &map, loading->problems,
		      loading->config);
}

static void read_environment(struct loading *loading, const struct field *table)
{
	for (const struct field *field = table; field->name; field++) {
		const char *text = getenv(field->name);

		if (!text || !*text)
			continue;
		if (field->type == FIELD_OBJECTS)
			set_keys(loading, field, text);
		else
			fields_set_text(loading->ctx, field, ENVIRONMENT, text, loading->problems,
					loading->config);
	}
}

/* Checks of the whole */

/* One that is there but wrong has been complained about. */
static void check_required(struct loading *loading, const struct field *field)
{
	const char *value = getenv(field->name);

	if (!(field->flags & CONFIG_REQUIRED) || (value && *value))
		return;
	if (!node_get(loading->map, field->name) ||
	    node_get(loading->map, field->name)->kind == NODE_NULL)
		complain(loading, false, field->name,
			 "required: set it here or in the environment");
}

static void check_keys(struct loading *loading)
{
	const struct objects *keys = &loading->config->api_keys;

	for (size_t i = 0; i < keys->count; i++) {
		bool is_warning;
		const char *text = config_keys_complaint(loading->ctx, keys, i, &is_warning);

		if (text)
			complain(loading, is_warning, "ApiKeys", text);
	}
}

static void check_directories(struct loading *loading)
{
	const struct config *config = loading->config;

	if (text_equals(config->spec_directory, config->api_spec_directory))
		complain(loading, false, "ApiSpecDirectory",
			 "must not be SpecDirectory: the daemon alone writes there");
	if (text_equals(config->state_directory, config->spec_directory) ||
	    text_equals(config->state_directory, config->api_spec_directory))
		complain(loading, false, "StateDirectory", "must not be a directory of spec files");
}

static void check_tls(struct loading *loading)
{
	const struct tls_files *tls = &loading->config->tls;

	if (tls->certificate && !tls->key)
		complain(loading, false, "TlsCertificateFile",
			 "needs TlsKeyFile: set both or neither");
	if (tls->key && !tls->certificate)
		complain(loading, false, "TlsKeyFile",
			 "needs TlsCertificateFile: set both or neither");
	if (tls->client_ca && !tls->certificate && !tls->key)
		complain(loading, false, "TlsClientCaFile",
			 "needs TlsCertificateFile and TlsKeyFile");
}

static const char *check_account_key(struct ctx *ctx, const char *path)
{
	return access(path, F_OK) == 0 ? config_check_file(ctx, path)
				       : config_check_parent(ctx, path);
}

/* What the daemon cannot do without is an error; what may be there a moment later, when somebody
 * mounts or writes it, a warning. */
static void check_files(struct loading *loading)
{
	const struct config *config = loading->config;
	const struct {
		const char *key, *path;
		const char *(*check)(struct ctx *ctx, const char *path);
		bool may_come;
	} files[] = {
		{"CaFile", config->ca_file, config_check_ca_file, false},
		{"TlsCertificateFile", config->tls.certificate, config_check_file, false},
		{"TlsKeyFile", config->tls.key, config_check_file, false},
		{"TlsClientCaFile", config->tls.client_ca, config_check_file, false},
		{"AcmeAccountKey", config->acme_account_key_file, check_account_key, false},
		{"StateDirectory", config->state_directory, config_check_own_directory, false},
		{"SpecDirectory", config->spec_directory, config_check_directory, true},
		{"ApiSpecDirectory", config->api_spec_directory, config_check_own_directory, true},
		{"AZURE_CLIENT_CERTIFICATE_PATH", config->credential.client_certificate_path,
		 config_check_file, true},
		{"AZURE_FEDERATED_TOKEN_FILE", config->credential.federated_token_file,
		 config_check_file, true},
	};

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		const char *path = files[i].path;
		const char *wrong = path && *path == '/' ? files[i].check(loading->ctx, path)
							 : NULL;

		if (wrong)
			complain(loading, files[i].may_come, files[i].key, wrong);
	}
}

static void check_credential(struct loading *loading)
{
	struct credential *credential;

	if (credential_new(loading->ctx, &loading->config->credential, &credential) == E_OK)
		credential_free(credential);
	else
		problems_add(loading->ctx, loading->problems, false, NULL, 0, 0, "", "%s",
			     loading->ctx->fault.text);
}

static void complain_of_doubt(void *handle, bool is_warning, const char *key, const char *text)
{
	complain(handle, is_warning, key, text);
}

static void check(struct loading *loading)
{
	const struct config *config = loading->config;

	for (const struct field *field = config_fields; field->name; field++)
		check_required(loading, field);
	check_keys(loading);
	check_directories(loading);
	check_tls(loading);
	if (loading->is_here) {
		check_files(loading);
		config_doubts(loading->ctx, config,
			      &(struct config_complaints){complain_of_doubt, loading});
	}
	if (config->api_keys.count == 0 && config_is_reachable(config->listen))
		complain(loading, false, "Listen",
			 "an address that others can reach needs ApiKeys: set a key, or listen on "
			 "127.0.0.1");
	if (config->gateway_http_port == config->gateway_https_port)
		complain(loading, false, "GatewayHttpsPort", "must differ from GatewayHttpPort");
	if (loading->problems->errors == 0)
		check_credential(loading);
}

/* What follows from what was given */

static void strip_slashes(struct ctx *ctx, const char **text)
{
	size_t length = *text ? strlen(*text) : 0;

	while (length > 1 && (*text)[length - 1] == '/')
		length--;
	if (*text)
		*text = arena_strndup(ctx->arena, *text, length);
}

/* The documented value is a host with a slash; the CA's directory is below it. */
static void complete_endpoint(struct ctx *ctx, struct config *config)
{
	struct url url;

	if (!config->acme_endpoint || url_parse(ctx, config->acme_endpoint, &url) != E_OK)
		return;
	if (text_equals(url.path, "/"))
		config->acme_endpoint = arena_printf(ctx->arena, "%s/directory",
						     url_origin(ctx, &url));
}

static bool is_lets_encrypt(struct ctx *ctx, const char *endpoint)
{
	static const char *const hosts[] = {"acme-v02.api.letsencrypt.org",
					    "acme-staging-v02.api.letsencrypt.org"};
	struct url url;

	if (!endpoint || url_parse(ctx, endpoint, &url) != E_OK)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++)
		if (text_equals_nocase(url.host, hosts[i]))
			return true;
	return false;
}

/* Names that the CA would refuse anyway are refused before they cost anything. */
static void complete_name_policy(struct ctx *ctx, struct config *config)
{
	if (!config->name_policy)
		config->name_policy = is_lets_encrypt(ctx, config->acme_endpoint) ? "public"
										  : "syntax";
	if (text_equals(config->name_policy, "public"))
		config->hostname_flags = HOSTNAME_PUBLIC_ONLY;
}

/* Where systemd makes a directory for the daemon (systemd.exec(5)), the socket stands in it; a
 * daemon started by hand has none that it was not told of. */
static void complete_socket(struct ctx *ctx, struct config *config)
{
	const char *directory = getenv("RUNTIME_DIRECTORY");

	if (!config->unix_socket && directory && directory[0] == '/') {
		config->unix_socket = arena_printf(ctx->arena, "%.*s/api.sock",
						   (int)strcspn(directory, ":"), directory);
		config->is_socket_implied = true;
	}
	if (!config->unix_socket)
		config->unix_socket = CONFIG_NONE;
	if (!text_equals(config->unix_socket, CONFIG_NONE))
		config->socket_path = config->unix_socket;
}

static void derive(struct ctx *ctx, struct config *config)
{
	struct credential_options *credential = &config->credential;
	const char **bases[] = {&config->blob_container_url, &config->key_vault_base_url,
				&config->arm_endpoint,	     &config->public_base_url,
				&config->spec_directory,     &config->api_spec_directory,
				&config->state_directory};

	for (size_t i = 0; i < ARRAY_SIZE(bases); i++)
		strip_slashes(ctx, bases[i]);
	complete_endpoint(ctx, config);
	complete_name_policy(ctx, config);
	complete_socket(ctx, config);
	config->cloud = config->cloud_name ? cloud_find(config->cloud_name) : NULL;
	if (config->cloud && !config->arm_endpoint)
		config->arm_endpoint = config->cloud->arm_endpoint;
	if (config->cloud && !credential->authority_host)
		credential->authority_host = config->cloud->authority_host;
	if (!credential->tenant_id)
		credential->tenant_id = config->tenant_id;
	config->key_type = KEY_TYPE_RSA_2048 + config->key_type_choice;
	if (config->send_certificate_chain % 2 == 1)
		credential->send_certificate_chain = "true";
	if (config->acme_account_key && text_starts_with(config->acme_account_key, "file:"))
		config->acme_account_key_file = config->acme_account_key + strlen("file:");
}

/* Public */

static void load(struct loading *loading)
{
	struct config *config = loading->config;
	bool is_read = read_file(loading);

	fields_decode(loading->ctx, config_fields, loading->path, "", loading->map,
		      loading->problems, config);
	read_environment(loading, config_fields);
	read_environment(loading, config_environment_fields);
	derive(loading->ctx, config);
	if (is_read)
		check(loading);
	config_keys_seal(loading->ctx, &config->api_keys);
}

static enum err load_new(struct ctx *ctx, const char *path, bool is_here, struct config **out,
			 struct problems *problems)
{
	struct arena *arena = arena_new(), *scratch cleanup_arena = arena_new();
	struct config *config = arena_new_one(arena, struct config);
	struct ctx inner = *ctx, reading = *ctx;
	struct problems found;
	struct loading loading = {.ctx = &inner,
				  .reading = &reading,
				  .path = arena_strdup(arena, path),
				  .problems = &found,
				  .config = config,
				  .is_here = is_here};

	arena_wipe_all_at_end(arena);
	arena_wipe_all_at_end(scratch);
	config->arena = inner.arena = arena;
	reading.arena = scratch;
	problems_init(&found);
	load(&loading);
	/* They outlive the configuration that they speak of. */
	problems_append(ctx, problems, &found);
	if (found.errors == 0) {
		*out = config;
		return E_OK;
	}
	arena_free(arena);
	*out = NULL;
	return fault_set(ctx, E_REFUSED, "InvalidConfiguration", "%s",
			 problems_print(ctx, problems, "; "));
}

enum err config_load(struct ctx *ctx, const char *path, struct config **out,
		     struct problems *problems)
{
	return load_new(ctx, path, false, out, problems);
}

enum err config_load_here(struct ctx *ctx, const char *path, struct config **out,
			  struct problems *problems)
{
	return load_new(ctx, path, true, out, problems);
}

void config_free(struct config *config)
{
	if (config)
		arena_free(config->arena);
}

char *config_print(struct ctx *ctx, const struct config *config)
{
	struct json *json = fields_encode(ctx, config_fields, config, FIELD_SECRET);
	struct buf buf cleanup_buf;

	buf_init(&buf, YAML_SIZE_MAX);
	json_for_each (member, json)
		buf_addf(&buf, "%s: %s\n", json_name(member), json_print(ctx, member));
	return arena_strndup(ctx->arena, buf.data, buf.size);
}
