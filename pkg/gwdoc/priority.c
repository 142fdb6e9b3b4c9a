/*
 * Where the rule of a hostname belongs. The gateway takes the first rule, by priority, whose
 * listener fits: a hostname needs a smaller number than a wildcard (Azure: multiple site hosting),
 * and than a basic listener, which fits all.
 */
#include "gwdoc/priority.h"

#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "gwdoc/find.h"

#define PRIORITY_MAX 20000
/* What the service gives out itself: from here for hostnames, and for basic listeners. */
#define SERVICE_HOSTNAMES 19000
#define SERVICE_BASICS	  19500

/* A rule and its listener, which is ours to judge. */
struct route {
	const struct json *rule, *listener;
	int64_t priority;
};

struct priorities {
	bool taken[PRIORITY_MAX + 1];
	int64_t first_catching; /* the smallest of a rule that catches anything */
	size_t count;
	struct route routes[];
};

static bool is_wildcard(const char *hostname)
{
	return strpbrk(hostname, "*?") != NULL;
}

/* '*' stands for any characters, dots too, '?' for one. */
static bool matches(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL;

	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (*pattern == '?' ||
			   tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	return !pattern[strspn(pattern, "*")];
}

static size_t count_hostnames(const struct json *listener)
{
	const char *single = json_get_text(json_get(listener, "properties"), "hostName");

	return single && *single ? 1 : json_size(json_path(listener, "properties.hostNames"));
}

static const char *hostname_at(const struct json *listener, size_t i)
{
	const char *single = json_get_text(json_get(listener, "properties"), "hostName");
	const char *listed = json_text(json_at(json_path(listener, "properties.hostNames"), i));

	return single && *single ? single : listed ? listed : "";
}

/* Would the listener take this hostname's requests if it came first? */
static bool catches(const struct json *listener, const char *hostname)
{
	size_t count = count_hostnames(listener);

	for (size_t i = 0; i < count; i++)
		if (is_wildcard(hostname_at(listener, i)) &&
		    matches(hostname_at(listener, i), hostname))
			return true;
	return !count;
}

/* Would a listener of this hostname take requests of that one? */
static bool is_caught(const struct json *listener, const char *hostname)
{
	size_t count = is_wildcard(hostname) ? count_hostnames(listener) : 0;

	for (size_t i = 0; i < count; i++)
		if (matches(hostname, hostname_at(listener, i)))
			return true;
	return false;
}

void priorities_add(struct drawing *drawing, const struct json *rule, const struct json *listener)
{
	struct priorities *all = drawing->priorities;
	int64_t priority = priority_of(rule);

	if (!priority)
		return;
	all->taken[priority] = true;
	if (!listener || !is_ours_to_judge(drawing, listener))
		return;
	all->routes[all->count++] = (struct route){rule, listener, priority};
	if (is_catching(listener) && priority < all->first_catching)
		all->first_catching = priority;
}

void priorities_note(struct ctx *ctx, struct drawing *drawing, size_t more)
{
	size_t size = json_size(drawing->rules) + more;

	drawing->priorities =
		arena_alloc(ctx->arena, sizeof(*drawing->priorities) + size * sizeof(struct route));
	*drawing->priorities = (struct priorities){.first_catching = SERVICE_HOSTNAMES};
	json_for_each (rule, drawing->rules)
		priorities_add(drawing, rule,
			       find_id(drawing->listeners, reference_of(rule, "httpListener")));
}

int64_t priority_of(const struct json *rule)
{
	int64_t priority = json_get_int(json_get(rule, "properties"), "priority", 0);

	return priority >= 1 && priority <= PRIORITY_MAX ? priority : 0;
}

struct bounds priority_bounds(const struct drawing *drawing, const struct json *listener,
			      const char *hostname)
{
	const struct priorities *all = drawing->priorities;
	const char *frontend = listener ? reference_of(listener, "frontendIPConfiguration")
					: drawing->frontend_id;
	struct bounds bounds = {NULL, NULL, 0, PRIORITY_MAX + 1};

	for (size_t i = 0; i < all->count; i++) {
		const struct route *route = &all->routes[i];

		if (route->listener == listener ||
		    !same_name(reference_of(route->listener, "frontendIPConfiguration"), frontend))
			continue;
		if (catches(route->listener, hostname) && route->priority < bounds.below) {
			bounds.below = route->priority;
			bounds.catcher = json_get_text(route->rule, "name");
		}
		if (is_caught(route->listener, hostname) && route->priority > bounds.above) {
			bounds.above = route->priority;
			bounds.caught = json_get_text(route->rule, "name");
		}
	}
	return bounds;
}

static int64_t highest_free(const struct priorities *all, const struct bounds *bounds,
			    int64_t below)
{
	int64_t priority = (below < bounds->below ? below : bounds->below) - 1;

	while (priority > bounds->above && all->taken[priority])
		priority--;
	return priority > bounds->above ? priority : 0;
}

/* A hostname goes before all that catch any, as far as that is to be had; a wildcard behind what
 * the service gives to hostnames. */
int64_t priority_free(const struct drawing *drawing, const struct bounds *bounds,
		      const char *hostname)
{
	const struct priorities *all = drawing->priorities;
	const int64_t wishes[] = {
		is_wildcard(hostname) ? SERVICE_BASICS : all->first_catching,
		SERVICE_HOSTNAMES,
		PRIORITY_MAX + 1,
	};
	int64_t priority = 0;

	for (size_t i = 0; !priority && i < ARRAY_SIZE(wishes); i++)
		priority = highest_free(all, bounds, wishes[i]);
	return priority;
}
