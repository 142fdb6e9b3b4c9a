/*
 * render_scene - one wanted hostname, a gateway with some changes, and what is looked at
 * afterwards: for the tests of render.
 */
#pragma once

#include "api/names.h"
#include "gwdoc/render.h"
#include "unit/gateway_document.h"

#define SHOP	    "shop.example.com"
#define SECRET	    VAULT "shop-example-com"
#define CHANGES_MAX 5

static const struct render_target target = {GATEWAY, "pool", "settings"};

static inline struct json *document_with(struct ctx *ctx, const char *const *changes)
{
	struct json *document = gateway_parse(ctx, gateway_text);

	for (size_t i = 0; i < CHANGES_MAX && changes[i]; i++)
		gateway_change(ctx, document, changes[i]);
	return document;
}

static inline struct wanted_hostname want(struct ctx *ctx, const char *hostname)
{
	const char *base = name_plain(ctx, hostname);

	return (struct wanted_hostname){.hostname = hostname,
					.base = base,
					.secret_id = arena_printf(ctx->arena, VAULT "%s", base)};
}

/* What is ours of it. */
#define OURS		LISTENER("shop-example-com-listener", HOST(SHOP), "shop-example-com")
#define OUR_RULE	RULE("shop-example-com-rule", "shop-example-com-listener", "50")
#define OUR_CERTIFICATE CERTIFICATE("shop-example-com", SECRET)

#define PINNED CERTIFICATE("shop-example-com", SECRET "/0123456789abcdef")

static inline const char *shown_certificate(const struct json *document, const char *listener)
{
	const char *id = json_get_text(json_path(gateway_child(document, "httpListeners", listener),
						 "properties.sslCertificate"),
				       "id");

	return id ? strrchr(id, '/') + 1 : NULL;
}

/* So many children more; '#' is their number. */
static inline struct json *crowded(struct ctx *ctx, const char *format, size_t count)
{
	static const char *const none[CHANGES_MAX];
	struct json *document = document_with(ctx, none);

	for (size_t i = 0; i < count; i++) {
		const char *hole = strchr(format, '#');
		const char *text = format;
		char *change = arena_strdup(ctx->arena, "");

		for (; hole; text = hole + 1, hole = strchr(text, '#'))
			change = arena_printf(ctx->arena, "%s%.*s%zu", change, (int)(hole - text),
					      text, i + 100);
		gateway_change(ctx, document, arena_printf(ctx->arena, "%s%s", change, text));
	}
	return document;
}
