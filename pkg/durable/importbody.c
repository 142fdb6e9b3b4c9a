#include "durable/importbody.h"

#include "base/text.h"
#include "pki/bundle.h"

#define FIELD	    "hostnames[0]."
#define REQUIRE_DNS "requireDns"

static const char *member(struct ctx *ctx, struct startbody *start, const char *name,
			  bool is_required)
{
	const struct json *value = json_get_nocase(start->entry, name);

	if (json_is_string(value) && *json_text(value))
		return json_text(value);
	if (is_required && (!value || json_is_null(value)))
		startbody_complain(ctx, start, "InvalidRequest",
				   arena_printf(ctx->arena, FIELD "%s", name), "\"%s\" is missing",
				   name);
	else if (value && !json_is_null(value) && (is_required || !json_is_string(value)))
		startbody_complain(ctx, start, "InvalidRequest",
				   arena_printf(ctx->arena, FIELD "%s", name),
				   "\"%s\" is not a string with something in it", name);
	return NULL;
}

/* The fault of ctx is the complaint; it names no secret. */
static void complain_of(struct ctx *ctx, struct startbody *start, const char *field)
{
	startbody_complain(ctx, start, ctx->fault.reason,
			   arena_printf(ctx->arena, FIELD "%s", field), "%s", ctx->fault.text);
	fault_clear(ctx);
}

/* An entry may hold what it likes, as it always might; its spec is ours and read strictly. */
static void check_spec(struct ctx *ctx, struct startbody *start, const struct json *spec)
{
	if (spec && !json_is_null(spec) && !json_is_object(spec))
		startbody_complain(ctx, start, "InvalidRequest", FIELD "spec",
				   "\"spec\" is not an object");
	if (!json_is_object(spec))
		return;
	json_for_each (given, spec) {
		if (text_equals_nocase(json_name(given), REQUIRE_DNS))
			continue;
		startbody_complain(ctx, start, "InvalidRequest",
				   arena_printf(ctx->arena, FIELD "spec.%.64s", json_name(given)),
				   "the spec of an import has the member " REQUIRE_DNS
				   " and no other");
	}
}

/* Whether it says false; absent and null say nothing. */
static bool says_no(struct ctx *ctx, struct startbody *start, const struct json *map,
		    const char *path)
{
	const struct json *said = json_get_nocase(map, REQUIRE_DNS);

	if (said && !json_is_null(said) && !json_is_bool(said))
		startbody_complain(ctx, start, "InvalidRequest", path,
				   "\"" REQUIRE_DNS "\" is neither true nor false");
	return json_is_bool(said) && !json_get_bool(map, json_name(said), true);
}

/* The spec decides where it says anything. */
static bool is_dns_skipped(struct ctx *ctx, struct startbody *start)
{
	const struct json *spec = json_get_nocase(start->entry, "spec");
	bool in_entry = says_no(ctx, start, start->entry, FIELD REQUIRE_DNS);
	bool in_spec = says_no(ctx, start, spec, FIELD "spec." REQUIRE_DNS);

	check_spec(ctx, start, spec);
	return json_is_bool(json_get_nocase(spec, REQUIRE_DNS)) ? in_spec : in_entry;
}

static const char *field_at_fault(const char *reason)
{
	return text_equals(reason, "KeyMismatch") ? "privatekey" : "certificate";
}

void importbody_parse(struct ctx *ctx, struct startbody *start, struct importbody *out)
{
	bool has_key = false, has_chain = false;
	struct chain chain;
	struct key *key;

	*out = (struct importbody){0};
	if (start->problems.errors)
		return;
	out->private_key = member(ctx, start, "privatekey", true);
	out->certificate = member(ctx, start, "certificate", true);
	out->password = member(ctx, start, "password", false);
	out->skip_dns = is_dns_skipped(ctx, start);
	if (out->private_key) {
		has_key = bundle_read_key(ctx, out->private_key, out->password, &key) == E_OK;
		if (!has_key)
			complain_of(ctx, start, "privatekey");
	}
	if (out->certificate) {
		has_chain = bundle_read_chain(ctx, out->certificate, &chain) == E_OK;
		if (!has_chain)
			complain_of(ctx, start, "certificate");
	}
	if (!has_key || !has_chain)
		return;
	out->leaf_sha256 = hex_encode(ctx, chain.items[0].sha256, sizeof(chain.items[0].sha256));
	out->not_after = chain.items[0].not_after;
	if (bundle_check(ctx, key, &chain, start->hostnames.items[0], ctx_wall(ctx)) != E_OK)
		complain_of(ctx, start, field_at_fault(ctx->fault.reason));
}

const char *importbody_text(struct ctx *ctx, const struct importbody *body)
{
	struct json *json = json_object(ctx);

	json_set_text(ctx, json, "privatekey", body->private_key);
	json_set_text(ctx, json, "certificate", body->certificate);
	if (body->password)
		json_set_text(ctx, json, "password", body->password);
	return json_print(ctx, json);
}
