/*
 * keyvault - a vault of Azure Key Vault, and the way to it.
 *
 * No secret value comes through here, and no private key but one that is being imported. Names are
 * those of the vault ([0-9a-zA-Z-]{1,127}).
 */
#pragma once

#include "http/http.h"

struct keyvault {
	struct http *http; /* with bearer */
	const char *base;  /* "https://vault.example", no trailing slash */
};
