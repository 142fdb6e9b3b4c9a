/*
 * vault_rig - rows of what is done to a vault, what it sends and is answered, and what comes of it.
 */
#pragma once

#include "azure_script.h"

#include "azure/keyvault.h"
#include "azure/keyvault_certificate.h"
#include "azure/keyvault_key.h"

#define VAULT		     "https://shop-vault.vault.azure.net"
#define V		     "?api-version=7.4"
#define ERROR(code, message) "{\"error\":{\"code\":\"" code "\",\"message\":\"" message "\"}}"
#define INNER(code, inner, message)                                \
	"{\"error\":{\"code\":\"" code "\",\"message\":\"" message \
	"\",\"innererror\":{\"code\":\"" inner "\"}}}"

/* What an act found, for the rows that look at it. */
struct found {
	struct vault_certificate certificate;
	struct vault_operation operation;
	struct vault_key key;
	struct texts versions;
	unsigned char signature[64];
};

struct row {
	const char *sentence;
	enum err (*act)(struct ctx *ctx, struct keyvault *vault, struct found *found);
	struct exchange exchanges[4];
	struct outcome outcome;
	bool (*holds)(const struct found *found);
};

static inline void run(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct script script;
		struct keyvault vault = {.base = VAULT};
		struct found found;
		enum err kind;

		memset(&found, 0, sizeof(found));
		script_begin(&script, rows[i].sentence, rows[i].exchanges);
		vault.http = &script.http;
		kind = rows[i].act(&script.ctx, &vault, &found);
		script_expect(&script, kind, &rows[i].outcome);
		if (rows[i].holds && !rows[i].holds(&found))
			fail_msg("%s: what came back is not that", rows[i].sentence);
		script_end(&script);
	}
}
