#include "objects/mergepatch.h"

struct json *mergepatch_apply(struct ctx *ctx, const struct json *target, const struct json *patch)
{
	struct json *out;

	if (!json_is_object(patch))
		return json_dup(ctx, patch);
	out = json_is_object(target) ? json_dup(ctx, target) : json_object(ctx);
	json_for_each (member, patch) {
		const char *name = json_name(member);

		if (json_is_null(member))
			json_remove(out, name);
		else
			json_set(ctx, out, name,
				 mergepatch_apply(ctx, json_get(target, name), member));
	}
	return out;
}
