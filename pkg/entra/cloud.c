#include "entra/cloud.h"

#include "base/text.h"

static const struct cloud clouds[] = {
	{"AzureCloud", "https://management.azure.com", "https://login.microsoftonline.com",
	 "https://vault.azure.net", "https://storage.azure.com"},
	{"AzureChinaCloud", "https://management.chinacloudapi.cn", "https://login.chinacloudapi.cn",
	 "https://vault.azure.cn", "https://storage.azure.com"},
	{"AzureUSGovernment", "https://management.usgovcloudapi.net",
	 "https://login.microsoftonline.us", "https://vault.usgovcloudapi.net",
	 "https://storage.azure.com"},
};

/* What people and other tools call them; the index is that of `clouds`. */
static const struct {
	const char *name;
	size_t cloud;
} spellings[] = {
	{"AzureCloud", 0},	{"AzurePublicCloud", 0},  {"AzurePublic", 0},
	{"Public", 0},		{"AzureChinaCloud", 1},	  {"AzureChina", 1},
	{"China", 1},		{"AzureUSGovernment", 2}, {"AzureUSGovernmentCloud", 2},
	{"AzureGovernment", 2}, {"USGovernment", 2},
};

const struct cloud *cloud_find(const char *name)
{
	for (size_t i = 0; name && i < ARRAY_SIZE(spellings); i++)
		if (text_equals_nocase(spellings[i].name, name))
			return &clouds[spellings[i].cloud];
	return NULL;
}
