/*
 * cloud - the endpoints of the Azure clouds. Source: the environment tables of the official SDKs.
 */
#pragma once

struct cloud {
	const char *name;	  /* AzureCloud, AzureChinaCloud, AzureUSGovernment */
	const char *arm_endpoint; /* also the ARM resource (audience) */
	const char *authority_host;
	const char *vault_resource; /* audience */
	const char *storage_resource;
};

/* Case-insensitive; also "Public", "China", "USGovernment". NULL when unknown. */
const struct cloud *cloud_find(const char *name);
