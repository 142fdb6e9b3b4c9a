/*
 * credential_rig - rows of a credential's settings, what it asks for with them, and what comes of
 * it.
 */
#pragma once

#include "azure_files.h"
#include "azure_script.h"

#include "entra/credential.h"

#define ARM	 "https://management.azure.com"
#define TOKEN(t) "{\"access_token\":\"" t "\",\"expires_in\":3600}"

struct row {
	const char *sentence;
	struct credential_options options;
	struct exchange exchanges[4];
	struct outcome outcome;
	const char *header; /* of E_OK */
};

static inline enum err header_of(struct script *script, struct credential *credential,
				 const char **header)
{
	return credential_header(&script->ctx, credential, &script->http, &script->http, ARM,
				 header);
}

static inline void begin(struct script *script, const char *name, const struct exchange *exchanges)
{
	script_begin(script, name, exchanges);
	script->doors.fs = &fake_fs;
}

static inline void run(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct credential *credential = NULL;
		const char *header = NULL;
		struct script script;
		enum err kind;

		begin(&script, rows[i].sentence, rows[i].exchanges);
		kind = credential_new(&script.ctx, &rows[i].options, &credential);
		if (kind == E_OK)
			kind = header_of(&script, credential, &header);
		script_expect(&script, kind, &rows[i].outcome);
		if (rows[i].header && !text_equals(header, rows[i].header))
			fail_msg("%s: the header is %s", rows[i].sentence, header);
		script_end(&script);
		credential_free(credential);
	}
}
