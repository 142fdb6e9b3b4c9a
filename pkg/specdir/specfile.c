#include "specdir/specfile.h"

#include <stddef.h>
#include <string.h>

#include "api/dnsname.h"
#include "base/text.h"
#include "codec/fields_encode.h"
#include "codec/yaml.h"

/* What a person may write of a Hostname. */
struct document {
	const char *api_version, *kind;
	struct {
		const char *name;
		struct text_map labels, annotations;
	} metadata;
	struct hostname_spec spec;
};

#define METADATA(member) (offsetof(struct document, member) - offsetof(struct document, metadata))

static const struct field metadata_fields[] = {
	{.name = "name",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = METADATA(metadata.name),
	 .pattern = HOSTNAME_PATTERN,
	 .help = "The hostname."},
	{.name = "labels",
	 .type = FIELD_TEXT_MAP,
	 .offset = METADATA(metadata.labels),
	 .help = "For selecting."},
	{.name = "annotations",
	 .type = FIELD_TEXT_MAP,
	 .offset = METADATA(metadata.annotations),
	 .help = "For people and tools."},
	META_DROPPED("resourceVersion", "Set by the daemon."),
	META_DROPPED_FIELDS,
	{.name = NULL},
};

static const char *const api_versions[] = {API_VERSION, NULL}, *const kinds[] = {"Hostname", NULL};

static const char *check_api_version(struct ctx *ctx, const void *value)
{
	const char *const *text = value;

	(void)ctx;
	return text_equals(*text, API_VERSION) ? NULL : "must be " API_VERSION;
}

static const char *check_kind(struct ctx *ctx, const void *value)
{
	const char *const *text = value;

	(void)ctx;
	return text_equals(*text, "Hostname") ? NULL : "must be Hostname";
}

const struct field specfile_fields[] = {
	{.name = "apiVersion",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct document, api_version),
	 .check = check_api_version,
	 .choices = api_versions,
	 .help = "Version of the format: " API_VERSION "."},
	{.name = "kind",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct document, kind),
	 .check = check_kind,
	 .choices = kinds,
	 .help = "Hostname."},
	{.name = "metadata",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct document, metadata),
	 .fields = metadata_fields,
	 .help = "Name and labels."},
	{.name = "spec",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct document, spec),
	 .fields = hostname_spec_fields,
	 .help = "What is desired."},
	{.name = "status",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_IGNORED,
	 .help = "Belongs to the daemon."},
	{.name = NULL},
};

static const char *const secret_members[] = {"privatekey", "certificate", "password"};

/* One parsing: the claims grow in place, there are never more of them than nodes. */
struct parsing {
	struct ctx *ctx;
	struct specfile *file;
	size_t capacity;
};

static void complain(struct parsing *parsing, const struct node *node, const char *field,
		     const char *text)
{
	problems_add(parsing->ctx, &parsing->file->problems, false, parsing->file->path, node->line,
		     node->column, field, "%s", text);
}

/* Where the complaints stood. */
struct mark {
	struct problem **end;
	size_t errors;
};

static struct mark mark(const struct parsing *parsing)
{
	return (struct mark){parsing->file->problems.end, parsing->file->problems.errors};
}

/* The first error since then, printed; NULL when there was none. */
static const char *error_since(struct parsing *parsing, struct mark before)
{
	const struct problem *problem = *before.end;

	if (parsing->file->problems.errors == before.errors)
		return NULL;
	while (problem && problem->is_warning)
		problem = problem->next;
	/* Errors beyond the list are counted, not kept. */
	return problem ? problem_print(parsing->ctx, problem)
		       : arena_printf(parsing->ctx->arena, "%s: more problems than are listed",
				      parsing->file->path);
}

static void hide(struct parsing *parsing, const char *problem)
{
	struct specfile *file = parsing->file;

	file->may_hide = true;
	if (!file->problem)
		file->problem = problem;
}

static struct claim *add_claim(struct parsing *parsing, const char *hostname,
			       const struct node *node)
{
	struct specfile *file = parsing->file;
	struct claim *grown;

	if (file->count == parsing->capacity) {
		parsing->capacity = parsing->capacity ? 2 * parsing->capacity : 4;
		grown = arena_new_array(parsing->ctx->arena, struct claim, parsing->capacity);
		if (file->count > 0)
			memcpy(grown, file->claims, file->count * sizeof(*grown));
		file->claims = grown;
	}
	file->claims[file->count] = (struct claim){
		.hostname = hostname, .line = node->line, .column = node->column, .file = file};
	return &file->claims[file->count++];
}

/* The complaint about a hostname from behind what was given: the last of these words are ours. */
static const char *without_name(const char *text)
{
	static const char words[] = "is not a valid hostname: ";
	const char *found = text;

	for (const char *at = text; (at = strstr(at, words)); at++)
		found = at;
	return found;
}

/* NULL after a complaint. */
static const char *read_hostname(struct parsing *parsing, const struct node *node,
				 const char *field)
{
	const struct specfile *file = parsing->file;
	unsigned flags = file->hostname_flags | (file->is_api ? HOSTNAME_ALLOW_WILDCARD : 0);
	const char *hostname;

	if (hostname_normalise(parsing->ctx, node->text, flags, &hostname) == E_OK)
		return hostname;
	complain(parsing, node, field,
		 file->may_quote ? parsing->ctx->fault.text
				 : without_name(parsing->ctx->fault.text));
	return NULL;
}

static bool has_secrets(struct parsing *parsing, const struct node *map, const char *path)
{
	bool is_found = false;

	if (!map || map->kind != NODE_MAP)
		return false;
	for (const struct node *member = map->first; member; member = member->next) {
		for (size_t i = 0; i < ARRAY_SIZE(secret_members); i++) {
			if (!text_equals_nocase(member->name, secret_members[i]))
				continue;
			problems_add(parsing->ctx, &parsing->file->problems, false,
				     parsing->file->path, member->name_line, member->name_column,
				     path,
				     "%s does not belong in a file: keys and certificates come in "
				     "through "
				     "AddCertificateWithPrivateKeyFunctions_HttpStart",
				     secret_members[i]);
			is_found = true;
		}
	}
	return is_found;
}

/* The same hostname and wishes give the same text, however they were written. */
static const char *canonical(struct ctx *ctx, struct document *document, const char *hostname)
{
	struct json *json;

	document->metadata.name = hostname;
	json = fields_encode(ctx, specfile_fields, document, 0);
	json_remove(json, "apiVersion");
	json_remove(json, "kind");
	return json_print(ctx, json);
}

static void decode_native(struct parsing *parsing, const struct node *map,
			  struct document *document)
{
	const struct node *spec = node_get(map, "spec");
	bool is_secret = has_secrets(parsing, map, "");

	if (has_secrets(parsing, spec, "spec") || is_secret)
		return;
	fields_decode(parsing->ctx, specfile_fields, parsing->file->path, "", map,
		      &parsing->file->problems, document);
}

static void read_native(struct parsing *parsing, const struct node *map, struct mark before)
{
	const struct node *name = node_get(node_get(map, "metadata"), "name");
	struct document document = {.kind = NULL};
	const char *hostname = NULL, *problem;
	struct claim *claim;

	decode_native(parsing, map, &document);
	if (name && name->kind == NODE_SCALAR)
		hostname = read_hostname(parsing, name, "metadata.name");
	problem = error_since(parsing, before);
	if (!hostname) {
		hide(parsing, problem);
		return;
	}
	claim = add_claim(parsing, hostname, name);
	claim->problem = problem;
	if (!problem)
		claim->content = canonical(parsing->ctx, &document, hostname);
}

/* The scalar that names the hostname, or NULL after a complaint. */
static const struct node *entry_name(struct parsing *parsing, const struct node *entry,
				     const char *path)
{
	const struct node *name = node_get(entry, "hostname");

	if (entry->kind == NODE_SCALAR)
		return entry;
	if (has_secrets(parsing, entry, path))
		return NULL;
	if (entry->kind == NODE_NULL || (name && name->kind == NODE_NULL)) {
		complain(parsing, name ? name : entry, path, "the hostname is missing");
		return NULL;
	}
	if (name && name->kind == NODE_SCALAR && entry->size == 1)
		return name;
	complain(parsing, entry, path,
		 "an entry is a hostname, or has the member hostname and no other");
	return NULL;
}

static void read_entry(struct parsing *parsing, const struct node *entry, size_t index)
{
	const char *path = arena_printf(parsing->ctx->arena, "hostnames[%zu]", index);
	struct mark before = mark(parsing);
	const struct node *name = entry_name(parsing, entry, path);
	const char *hostname = name ? read_hostname(parsing, name, path) : NULL;
	struct document document = {.api_version = API_VERSION, .kind = "Hostname"};
	struct problems none;

	if (!hostname) {
		hide(parsing, error_since(parsing, before));
		return;
	}
	problems_init(&none);
	fields_decode(parsing->ctx, hostname_spec_fields, NULL, "", NULL, &none, &document.spec);
	add_claim(parsing, hostname, name)->content = canonical(parsing->ctx, &document, hostname);
}

static void read_short(struct parsing *parsing, const struct node *map, struct mark before)
{
	const struct node *list = node_get(map, "hostnames");
	size_t index = 0;

	if (map->size != 1) {
		if (!has_secrets(parsing, map, ""))
			complain(parsing, map, "",
				 "beside hostnames a document of the short form has no other "
				 "member");
	} else if (list->kind == NODE_NULL) {
		complain(parsing, list, "hostnames", "is empty: for none write hostnames: []");
	} else if (list->kind != NODE_LIST) {
		complain(parsing, list, "hostnames", "expected a list of hostnames");
	}
	if (error_since(parsing, before)) {
		hide(parsing, error_since(parsing, before));
		return;
	}
	for (const struct node *entry = list->first; entry; entry = entry->next)
		read_entry(parsing, entry, index++);
}

/* What it says twice cannot be trusted to name the same hostnames. */
static void check_repeated(struct parsing *parsing, const struct node *document, struct mark before)
{
	node_complain_repeated(parsing->ctx, document, parsing->file->path,
			       &parsing->file->problems);
	if (document->repeated)
		hide(parsing, error_since(parsing, before));
}

static void read_document(struct parsing *parsing, const struct node *node)
{
	struct mark before = mark(parsing);

	check_repeated(parsing, node, before);
	if (node_get(node, "hostnames") && !node_get(node, "apiVersion") &&
	    !node_get(node, "kind")) {
		read_short(parsing, node, before);
	} else if (node->kind == NODE_MAP) {
		read_native(parsing, node, before);
	} else {
		complain(parsing, node, "",
			 "expected a document with apiVersion and kind, or a list named hostnames");
		hide(parsing, error_since(parsing, before));
	}
}

static void reset(struct specfile *file)
{
	file->may_hide = false;
	file->problem = NULL;
	file->claims = NULL;
	file->count = 0;
	problems_init(&file->problems);
	file->problems.hides_content = !file->may_quote;
}

/* An emptied file is more often an accident than a wish. */
static void read_nothing(struct parsing *parsing)
{
	struct specfile *file = parsing->file;

	problems_add(parsing->ctx, &file->problems, true, file->path, 0, 0, "",
		     "holds no document: to withdraw its hostnames remove the file, or write "
		     "hostnames: []");
	hide(parsing, problem_print(parsing->ctx, file->problems.first));
}

const char *specfile_content_of(struct ctx *ctx, const struct hostname *hostname)
{
	struct document document = {
		.metadata = {.labels = hostname->meta.labels,
			     .annotations = hostname->meta.annotations},
		.spec = hostname->spec,
	};

	return canonical(ctx, &document, hostname->meta.name);
}

void specfile_parse(struct ctx *ctx, struct specfile *file, const char *text, size_t size)
{
	struct parsing parsing = {.ctx = ctx, .file = file};
	struct node **documents;
	size_t count;

	reset(file);
	if (yaml_parse(ctx, file->path, text, size, &file->problems, &documents, &count) != E_OK) {
		hide(&parsing, arena_strdup(ctx->arena, ctx->fault.text));
		return;
	}
	for (size_t i = 0; i < count; i++)
		read_document(&parsing, documents[i]);
	if (count == 0)
		read_nothing(&parsing);
	fault_clear(ctx);
}

void specfile_fail(struct ctx *ctx, struct specfile *file, const char *text)
{
	struct parsing parsing = {.ctx = ctx, .file = file};

	reset(file);
	problems_add(ctx, &file->problems, false, file->path, 0, 0, "", "%s", text);
	hide(&parsing, problem_print(ctx, file->problems.first));
}

static const char *copy_text(struct ctx *ctx, const char *text)
{
	return text ? arena_strdup(ctx->arena, text) : NULL;
}

struct specfile *specfile_copy(struct ctx *ctx, const struct specfile *file)
{
	struct specfile *copy = arena_copy(ctx->arena, file, sizeof(*file));

	copy->path = copy_text(ctx, file->path);
	copy->problem = copy_text(ctx, file->problem);
	copy->claims = arena_copy(ctx->arena, file->claims, file->count * sizeof(*file->claims));
	for (size_t i = 0; i < file->count; i++) {
		struct claim *claim = &copy->claims[i];

		claim->hostname = copy_text(ctx, claim->hostname);
		claim->content = copy_text(ctx, claim->content);
		claim->problem = copy_text(ctx, claim->problem);
		claim->file = copy;
	}
	problems_init(&copy->problems);
	problems_append(ctx, &copy->problems, &file->problems);
	return copy;
}
