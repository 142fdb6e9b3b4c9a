#include "world/versions.h"

#include <string.h>

#include "base/text.h"

/* Sources: the folders of azure-rest-api-specs and the change logs of learn.microsoft.com's
 * template reference; the data planes' from their documentation. Separated by one space. */
static const char *const known[VERSIONS_COUNT] = {
	[VERSIONS_NETWORK] =
		"2015-05-01-preview 2015-06-15 2016-03-30 2016-06-01 2016-09-01 2016-12-01 "
		"2017-03-01 2017-06-01 2017-08-01 2017-09-01 2017-10-01 2017-11-01 2018-01-01 "
		"2018-02-01 2018-04-01 2018-06-01 2018-07-01 2018-08-01 2018-10-01 2018-11-01 "
		"2018-12-01 2019-02-01 2019-04-01 2019-06-01 2019-07-01 2019-08-01 2019-09-01 "
		"2019-11-01 2019-12-01 2020-03-01 2020-04-01 2020-05-01 2020-06-01 2020-07-01 "
		"2020-08-01 2020-11-01 2021-02-01 2021-03-01 2021-05-01 2021-08-01 2022-01-01 "
		"2022-05-01 2022-07-01 2022-09-01 2022-11-01 2023-02-01 2023-04-01 2023-05-01 "
		"2023-06-01 2023-09-01 2023-11-01 2024-01-01 2024-03-01 2024-05-01 2024-07-01 "
		"2024-10-01 2025-01-01 2025-03-01 2025-05-01 2025-07-01 2026-01-01",
	[VERSIONS_IDENTITY] = "2015-08-31-preview 2018-11-30 2021-09-30-preview 2022-01-31-preview "
			      "2023-01-31 2023-07-31-preview 2024-11-30",
	[VERSIONS_AUTHORIZATION] = "2015-07-01 2018-01-01-preview 2018-07-01 2022-04-01 "
				   "2022-05-01-preview",
	[VERSIONS_RESOURCES] =
		"2014-04-01 2015-01-01 2015-11-01 2016-02-01 2016-06-01 2016-07-01 2016-09-01 "
		"2017-05-10 2018-02-01 2018-05-01 2019-03-01 2019-05-01 2019-05-10 2019-06-01 "
		"2019-07-01 2019-08-01 2019-10-01 2019-11-01 2020-01-01 2020-06-01 2020-08-01 "
		"2020-10-01 2021-01-01 2021-04-01 2022-09-01 2022-12-01 2023-07-01 2024-03-01 "
		"2024-07-01 2024-11-01 2025-03-01 2025-04-01",
	[VERSIONS_VAULT] = "2015-06-01 2016-10-01 7.0-preview 7.0 7.1-preview 7.1 7.2-preview 7.2 "
			   "7.3-preview 7.3 7.4-preview.1 7.4 7.5-preview.1 7.5 7.6-preview.1 "
			   "7.6-preview.2 7.6 2025-06-01-preview 2025-07-01",
	[VERSIONS_BLOB] =
		"2017-11-09 2018-03-28 2018-11-09 2019-02-02 2019-07-07 2019-10-10 2019-12-12 "
		"2020-02-10 2020-04-08 2020-06-12 2020-08-04 2020-10-02 2020-12-06 2021-02-12 "
		"2021-04-10 2021-06-08 2021-08-06 2021-10-04 2021-12-02 2022-11-02 2023-01-03 "
		"2023-05-03 2023-08-03 2023-11-03 2024-02-04 2024-05-04 2024-08-04 2024-11-04 "
		"2025-01-05 2025-05-05 2025-07-05 2025-11-05 2026-02-06 2026-04-06",
	[VERSIONS_IMDS] = "2017-04-02 2017-08-01 2017-10-01 2017-12-01 2018-02-01 2018-04-02 "
			  "2018-10-01 2019-02-01 2019-03-11 2019-04-30 2019-06-01 2019-06-04 "
			  "2019-08-01 2019-08-15 2019-11-01 2020-06-01 2020-07-15 2020-09-01 "
			  "2020-10-01 2020-12-01 2021-01-01 2021-02-01 2021-03-01 2021-05-01 "
			  "2021-10-01 2021-11-01 2021-11-15 2021-12-13 2023-07-01 2023-11-15",
};

/* az's are those of its profile `latest`. */
const struct versions_sent versions_sent[] = {
	{"gatecertd", VERSIONS_NETWORK, "2025-05-01"},
	{"gatecertd", VERSIONS_VAULT, "7.4"},
	{"gatecertd", VERSIONS_BLOB, "2021-12-02"},
	{"gatecertd", VERSIONS_IMDS, "2018-02-01"},
	{"@azure/arm-network 33.5.0", VERSIONS_NETWORK, "2024-05-01"},
	{"@azure/keyvault-certificates 4.9.0", VERSIONS_VAULT, "7.5"},
	{"@azure/keyvault-keys 4.9.0", VERSIONS_VAULT, "7.5"},
	{"@azure/keyvault-secrets 4.9.0", VERSIONS_VAULT, "7.5"},
	{"@azure/storage-blob 12.27.0", VERSIONS_BLOB, "2025-05-05"},
	{"@azure/identity 4.9.1", VERSIONS_IMDS, "2018-02-01"},
	{"az 2.45 network application-gateway", VERSIONS_NETWORK, "2022-05-01"},
	{"az 2.45 network public-ip", VERSIONS_NETWORK, "2022-01-01"},
	{"az 2.45 identity", VERSIONS_IDENTITY, "2022-01-31-preview"},
	{"az 2.45 account", VERSIONS_RESOURCES, "2019-11-01"},
	{"az 2.45 group", VERSIONS_RESOURCES, "2021-04-01"},
	{"az 2.45 keyvault certificate", VERSIONS_VAULT, "7.0"},
	{"az 2.45 storage blob", VERSIONS_BLOB, "2021-06-08"},
};
const size_t versions_sent_count = ARRAY_SIZE(versions_sent);

bool versions_has(enum versions_of of, const char *version)
{
	size_t length = strlen(version), at_length;
	const char *at;

	for (at = known[of]; *at; at += at_length + (at[at_length] == ' ')) {
		at_length = strcspn(at, " ");
		if (at_length == length && strncmp(at, version, length) == 0)
			return true;
	}
	return false;
}

const char *versions_list(struct ctx *ctx, enum versions_of of)
{
	char *out = arena_alloc(ctx->arena, 2 * strlen(known[of]) + 1), *to = out;
	const char *at;

	for (at = known[of]; *at; at++) {
		if (*at == ' ')
			*to++ = ',';
		*to++ = *at;
	}
	return out;
}
