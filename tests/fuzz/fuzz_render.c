/*
 * Whatever the gateway's document and the wanted list: render refuses, or what it makes differs
 * from what it was given by nothing but what it says, and rendered once more it stands.
 *
 * The input is a program: the wanted list, then damages to a document of the recorded shape, in
 * which an earlier update may stand, then one damage to what was made of it, which
 * render_is_faithful must see.
 */
#include "api/names.h"
#include "fuzz/fuzz.h"
#include "fuzz/kept.h"
#include "gwdoc/faithful.h"
#include "gwdoc/render.h"
#include "world/sim_http.h"

#define WANTED_MAX  8
#define DAMAGES_MAX 64
#define VAULT	    "https://vault.test/secrets/"

/* --- the program --- */

struct program {
	const uint8_t *data;
	size_t size;
};

/* 0 when it is at its end. */
static unsigned take(struct program *program)
{
	if (!program->size)
		return 0;
	program->size--;
	return *program->data++;
}

static const char *const hostnames[] = {
	"shop.example.com",
	"a-b.example.com",
	"a.b.example.com",
	"a.b-example.com",
	"www.foreign.example",
	"foreign.example",
	"a-very-long-hostname-that-does-not-fit.into-sixty-characters.of-a-plain-name.example.com",
	"*.example.com",
};

static const char *choose(struct program *program, const char *const *from, size_t count)
{
	return from[take(program) % count];
}

static const char *any_hostname(struct program *program)
{
	return choose(program, hostnames, ARRAY_SIZE(hostnames));
}

static const char *any_base(struct ctx *ctx, struct program *program, const char *hostname)
{
	return take(program) % 4 ? name_plain(ctx, hostname) : name_hashed(ctx, hostname);
}

/* Versioned, slashed, in capitals, in another vault. */
static const char *any_secret_id(struct ctx *ctx, struct program *program, const char *base)
{
	static const char *const formats[] = {VAULT "%s", VAULT "%s/", VAULT "%s/0123456789abcdef",
					      "HTTPS://VAULT.TEST/SECRETS/%s",
					      "https://other.test/secrets/%s"};
	const char *format = choose(program, formats, ARRAY_SIZE(formats));
	const char *hole = strstr(format, "%s");

	return arena_printf(ctx->arena, "%.*s%s%s", (int)(hole - format), format, base, hole + 2);
}

static bool is_listed(const struct wanted_hostname *wanted, size_t count, const char *hostname)
{
	for (size_t i = 0; i < count; i++)
		if (text_equals(wanted[i].hostname, hostname))
			return true;
	return false;
}

static size_t read_wanted(struct ctx *ctx, struct program *program, struct wanted_hostname *wanted)
{
	size_t wishes = take(program) % (WANTED_MAX + 1), count = 0;

	for (size_t i = 0; i < wishes; i++) {
		const char *hostname = any_hostname(program);
		const char *base = any_base(ctx, program, hostname);
		unsigned how;

		if (is_listed(wanted, count, hostname))
			continue;
		how = take(program);
		wanted[count++] = (struct wanted_hostname){
			.hostname = hostname,
			.base = base,
			.secret_id = arena_printf(ctx->arena, VAULT "%s", base),
			.keeps_version = how & 4,
			.is_evicted = how % 4 == 3,
		};
	}
	return count;
}

/* --- damages --- */

static struct json *any_value(struct ctx *ctx, struct program *program)
{
	static const char *const texts[] = {
		"null",
		"{}",
		"[]",
		"0",
		"1",
		"443",
		"19000",
		"1.0",
		"1e3",
		"true",
		"\"\"",
		"\"Https\"",
		"\"port-443\"",
		"[{}]",
		"[null]",
		"{\"id\":\"x\"}",
		"{\"id\":null}",
		"\"/\"",
	};
	const char *text = choose(program, texts, ARRAY_SIZE(texts));
	struct json *value = NULL;

	assert(json_parse(ctx, text, strlen(text), &value) == E_OK);
	return value;
}

/* What render looks for, at places where it looks. */
static struct json *any_name(struct ctx *ctx, struct program *program)
{
	const char *hostname = any_hostname(program), *base = any_base(ctx, program, hostname);

	switch (take(program) % 6) {
	case 0: return json_string(ctx, name_listener(ctx, base));
	case 1: return json_string(ctx, name_rule(ctx, base));
	case 2: return json_string(ctx, base);
	case 3: return json_string(ctx, hostname);
	case 4: return json_string(ctx, any_secret_id(ctx, program, base));
	default:
		return json_string(ctx, arena_printf(ctx->arena, "x/%s", name_listener(ctx, base)));
	}
}

struct place {
	struct json *parent, *node;
};

static struct place any_place(struct program *program, struct json *root)
{
	struct place place = {NULL, root};

	for (unsigned depth = take(program) % 8; depth > 0; depth--) {
		size_t size = json_size(place.node), index = size ? take(program) % size : 0;

		if (!size)
			break;
		place.parent = place.node;
		place.node = json_first(place.parent);
		while (index--)
			place.node = json_next(place.node);
	}
	return place;
}

static void replace(struct ctx *ctx, struct place place, struct json *value)
{
	if (json_is_object(place.parent)) {
		json_set(ctx, place.parent, json_name(place.node), value);
		return;
	}
	json_remove_node(place.parent, place.node);
	json_append(ctx, place.parent, value);
}

static void insert(struct ctx *ctx, struct place place, struct program *program)
{
	static const char *const members[] = {"name",	   "properties",  "hostName",
					      "hostNames", "priority",	  "keyVaultSecretId",
					      "id",	   "somethingNew"};

	if (json_is_array(place.node))
		json_append(ctx, place.node,
			    json_first(place.node) ? json_dup(ctx, json_first(place.node))
						   : any_value(ctx, program));
	else if (json_is_object(place.node))
		json_set(ctx, place.node, choose(program, members, ARRAY_SIZE(members)),
			 take(program) % 2 ? any_value(ctx, program) : any_name(ctx, program));
}

static void damage(struct ctx *ctx, struct program *program, struct json *document)
{
	struct place place = any_place(program, document);
	unsigned how = take(program) % 5;

	if (!place.parent || how == 0)
		insert(ctx, place, program);
	else if (how == 1)
		json_remove_node(place.parent, place.node);
	else if (how == 2)
		replace(ctx, place, any_value(ctx, program));
	else if (how == 3)
		replace(ctx, place, any_name(ctx, program));
	else if (json_is_array(place.parent))
		json_append(ctx, place.parent, json_dup(ctx, place.node));
}

/* --- what is new --- */

struct picture {
	struct ctx *ctx;
	const struct json *before, *after; /* properties */
	const struct wanted_hostname *wanted;
	const struct rendering *rendering;
	size_t count;
};

static bool is_new(const struct picture *picture, const char *collection, const struct json *child)
{
	return !find_child(json_get(picture->before, collection), json_get_text(child, "name"));
}

static void check_name(const struct json *array, const struct json *child)
{
	const char *name = json_get_text(child, "name");

	assert(name && *name && strlen(name) <= 80);
	assert(name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0');
	assert(find_child(array, name) == child);
	for (const struct json *other = json_next(child); other; other = json_next(other))
		assert(strcasecmp(json_get_text(other, "name"), name) != 0);
}

static const char *last_segment(const char *id)
{
	return id && strrchr(id, '/') ? strrchr(id, '/') + 1 : NULL;
}

static const char *reference(const struct json *child, const char *member)
{
	return last_segment(json_get_text(json_get(json_get(child, "properties"), member), "id"));
}

static void check_rule(const struct picture *picture, const struct json *rules,
		       const struct json *rule)
{
	int64_t priority = json_get_int(json_get(rule, "properties"), "priority", 0);

	assert(priority >= 1 && priority <= 20000);
	json_for_each (other, rules)
		assert(other == rule ||
		       json_get_int(json_get(other, "properties"), "priority", 0) != priority);
	assert(find_child(json_get(picture->after, "httpListeners"),
			  reference(rule, "httpListener")));
	assert(find_child(json_get(picture->after, "backendAddressPools"),
			  reference(rule, "backendAddressPool")));
	assert(find_child(json_get(picture->after, "backendHttpSettingsCollection"),
			  reference(rule, "backendHttpSettings")));
}

static bool is_certificate_used(const struct picture *picture, const char *name)
{
	json_for_each (listener, json_get(picture->after, "httpListeners")) {
		const char *used = reference(listener, "sslCertificate");

		if (used && strcasecmp(used, name) == 0)
			return true;
	}
	return false;
}

/* A new child is told by an item that changed, used by one, or the port. */
static void check_new_children(const struct picture *picture)
{
	const struct walk walk = {picture->ctx, picture->rendering, picture->count};

	for (size_t i = 0; i < ARRAY_SIZE(growing); i++) {
		const struct json *array = json_get(picture->after, growing[i]);

		json_for_each (child, array) {
			const char *name = json_get_text(child, "name");

			if (!is_new(picture, growing[i], child))
				continue;
			check_name(array, child);
			if (i == 0)
				assert(is_certificate_used(picture, name));
			else if (i < 3)
				assert(is_told(&walk, RENDER_CHANGED, growing[i], name));
			else
				assert(json_get_int(json_get(child, "properties"), "port", 0) ==
				       443);
			if (i == 2)
				check_rule(picture, array, child);
		}
	}
}

static bool has_secret(const struct json *certificate, const char *wanted)
{
	const char *is = json_get_text(json_get(certificate, "properties"), "keyVaultSecretId");
	size_t length = strlen(wanted);

	return is && strncasecmp(is, wanted, length) == 0 && (!is[length] || is[length] == '/');
}

static bool has_hostname(const struct json *listener, const char *hostname)
{
	const struct json *properties = json_get(listener, "properties");
	const char *single = json_get_text(properties, "hostName");

	if (single && strcasecmp(single, hostname) == 0)
		return true;
	json_for_each (name, json_get(properties, "hostNames"))
		if (json_text(name) && strcasecmp(json_text(name), hostname) == 0)
			return true;
	return false;
}

static void check_shown(const struct picture *picture, size_t i)
{
	const struct wanted_hostname *wanted = &picture->wanted[i];
	const struct rendered_hostname *item = &picture->rendering->items[i];
	const struct json *listener = find_child(json_get(picture->after, "httpListeners"),
						 item->listener);
	const struct json *rule = find_child(json_get(picture->after, "requestRoutingRules"),
					     item->rule);

	assert(has_hostname(listener, wanted->hostname));
	assert(strcasecmp(json_get_text(json_get(listener, "properties"), "protocol"), "Https") ==
	       0);
	assert(strcasecmp(reference(rule, "httpListener"), item->listener) == 0);
	assert(has_secret(find_child(json_get(picture->after, "sslCertificates"),
				     reference(listener, "sslCertificate")),
			  wanted->secret_id));
}

static bool is_shown(enum render_verdict verdict)
{
	return verdict == RENDER_STANDS || verdict == RENDER_CHANGED || verdict == RENDER_UNPINNED;
}

static void check_items(const struct picture *picture)
{
	size_t changed = 0;

	for (size_t i = 0; i < picture->count; i++) {
		enum render_verdict verdict = picture->rendering->items[i].verdict;

		changed += verdict == RENDER_CHANGED || verdict == RENDER_UNPINNED ||
			   verdict == RENDER_EVICTED;
		assert(picture->wanted[i].is_evicted ==
		       (verdict == RENDER_EVICTED || verdict == RENDER_ABSENT));
		if (is_shown(verdict))
			check_shown(picture, i);
		if (verdict == RENDER_REJECTED)
			assert(text_equals(picture->rendering->items[i].reason,
					   "ListenerConflict") ||
			       text_equals(picture->rendering->items[i].reason,
					   "ListenerShadowed") ||
			       text_equals(picture->rendering->items[i].reason,
					   "CapacityExceeded"));
	}
	assert(changed == picture->rendering->changed);
}

/* Rendered once more, everything stands. */
static void check_stands(const struct picture *picture, const struct json *document,
			 const struct render_target *target)
{
	struct rendering again;

	assert(render(picture->ctx, document, target, picture->wanted, picture->count, &again) ==
	       E_OK);
	for (size_t i = 0; i < picture->count; i++) {
		enum render_verdict was = picture->rendering->items[i].verdict;
		enum render_verdict is = again.items[i].verdict;

		if (is_shown(was))
			assert(is == RENDER_STANDS);
		if (was == RENDER_EVICTED || was == RENDER_ABSENT)
			assert(is == RENDER_ABSENT);
	}
}

static void check_refusal(struct ctx *ctx, enum err err)
{
	static const char *const reasons[] = {"BackendNotFound", "HttpSettingsNotFound",
					      "NoPublicFrontend", "InvalidGatewayDocument"};
	bool is_known = false;

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++)
		is_known |= text_equals(ctx->fault.reason, reasons[i]);
	assert(err == E_REFUSED && is_known);
}

/* --- the target --- */

/* As Azure shows it: with etags, states and back-references. Made once. */
static struct json *recorded(struct ctx *ctx)
{
	static struct ctx keep;
	static struct json *document;

	if (!document) {
		struct world_options options = sim_options();
		struct world *world;

		ctx_init(&keep, ctx->doors);
		world = world_new(&options, keep.doors);
		document = json_dup(&keep,
				    json_at(json_get(world_state(&keep, world), "gateways"), 0));
		world_free(world);
	}
	return json_dup(ctx, document);
}

/* What an earlier update has made of it. */
static struct json *rendered_before(struct ctx *ctx, struct json *document,
				    const struct render_target *target,
				    const struct wanted_hostname *wanted, size_t count)
{
	struct wanted_hostname all[WANTED_MAX];
	struct rendering rendering;

	for (size_t i = 0; i < count; i++) {
		all[i] = wanted[i];
		all[i].is_evicted = false;
	}
	assert(render(ctx, document, target, all, count, &rendering) == E_OK);
	return rendering.document;
}

static void check_faithful(const struct walk *walk, const struct json *before,
			   const struct json *after)
{
	bool says = render_is_faithful(walk->ctx, before, after, walk->rendering, walk->count);

	assert(says == is_kept(walk, "", before, after));
}

static void run(struct ctx *ctx, struct program *program)
{
	struct wanted_hostname wanted[WANTED_MAX];
	size_t count = read_wanted(ctx, program, wanted);
	unsigned damages = take(program);
	struct json *before = recorded(ctx);
	const struct render_target target = {json_get_text(before, "id"), "appgw-backend",
					     "appgw-http-settings"};
	struct rendering rendering;
	struct walk walk = {ctx, &rendering, count};
	struct picture picture = {ctx, NULL, NULL, wanted, &rendering, count};
	struct json *untouched;
	enum err err;

	if (damages >= 128)
		before = rendered_before(ctx, before, &target, wanted, count);
	for (damages %= DAMAGES_MAX; damages > 0 && program->size; damages--)
		damage(ctx, program, before);
	untouched = json_dup(ctx, before);
	err = render(ctx, before, &target, wanted, count, &rendering);
	assert(json_equal(before, untouched));
	if (err != E_OK) {
		check_refusal(ctx, err);
		return;
	}
	picture.before = json_get(before, "properties");
	picture.after = json_get(rendering.document, "properties");
	assert(is_kept(&walk, "", before, rendering.document));
	check_faithful(&walk, before, rendering.document);
	check_new_children(&picture);
	check_items(&picture);
	check_stands(&picture, rendering.document, &target);
	damage(ctx, program, rendering.document);
	check_faithful(&walk, before, rendering.document);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program program = {data, size};
	struct ctx ctx cleanup_ctx;

	fuzz_begin(&ctx);
	run(&ctx, &program);
	return 0;
}
