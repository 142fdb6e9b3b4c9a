#include "specdir/specschema.h"

#include <stddef.h>

#include "api/dnsname.h"
#include "codec/fields.h"
#include "codec/fields_schema.h"
#include "specdir/specfile.h"

/* The short form has no table: its entries are hostnames, or maps of nothing else. */
struct short_entry {
	const char *hostname;
};

static const struct field short_entry_fields[] = {
	{.name = "hostname",
	 .type = FIELD_TEXT,
	 .flags = FIELD_REQUIRED,
	 .pattern = HOSTNAME_PATTERN,
	 .offset = offsetof(struct short_entry, hostname),
	 .help = "The hostname."},
	{.name = NULL},
};

struct short_document {
	struct objects hostnames;
};

static const struct field short_fields[] = {
	{.name = "hostnames",
	 .type = FIELD_OBJECTS,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct short_document, hostnames),
	 .fields = short_entry_fields,
	 .element_size = sizeof(struct short_entry),
	 .help = "The hostnames, each with the defaults."},
	{.name = NULL},
};

/* An entry may be the hostname alone. */
static void allow_bare(struct ctx *ctx, struct json *list)
{
	struct json *both = json_array(ctx), *items = json_object(ctx);
	const struct json *entry = json_get(list, "items");

	json_append(ctx, both, json_dup(ctx, json_path(entry, "properties.hostname")));
	json_append(ctx, both, json_dup(ctx, entry));
	json_set(ctx, items, "anyOf", both);
	json_set(ctx, list, "items", items);
}

static struct json *reference(struct ctx *ctx, const char *name)
{
	struct json *schema = json_object(ctx);

	json_set_text(ctx, schema, "$ref", arena_printf(ctx->arena, "#/$defs/%s", name));
	return schema;
}

/* What the daemon looks at first: a member named hostnames makes the short form. */
static struct json *has_hostnames(struct ctx *ctx)
{
	struct json *schema = json_object(ctx), *required = json_array(ctx);

	json_append(ctx, required, json_string(ctx, "hostnames"));
	json_set(ctx, schema, "required", required);
	return schema;
}

struct json *specschema(struct ctx *ctx)
{
	struct json *schema = json_object(ctx), *forms = json_object(ctx);
	struct json *short_form = fields_schema(ctx, short_fields);

	allow_bare(ctx, json_path(short_form, "properties.hostnames"));
	json_set(ctx, forms, "native", fields_schema(ctx, specfile_fields));
	json_set(ctx, forms, "short", short_form);
	json_set_text(ctx, schema, "$schema", "https://json-schema.org/draft/2020-12/schema");
	json_set_text(ctx, schema, "title", "gatecert spec file");
	json_set_text(ctx, schema, "description",
		      "One document of a spec file: a Hostname, or the short form with nothing but "
		      "hostnames.");
	json_set_text(ctx, schema, "type", "object");
	json_set(ctx, schema, "if", has_hostnames(ctx));
	json_set(ctx, schema, "then", reference(ctx, "short"));
	json_set(ctx, schema, "else", reference(ctx, "native"));
	json_set(ctx, schema, "$defs", forms);
	return schema;
}
