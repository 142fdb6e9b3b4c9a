/*
 * settings - what the reconcilers take from the configuration. Immutable while they run.
 */
#pragma once

#include "codec/fields.h"

enum self_check { SELF_CHECK_REQUIRED, SELF_CHECK_ADVISORY, SELF_CHECK_OFF };

struct settings {
	const char *gateway_name; /* key of the one gateway object */
	const char *backend_pool; /* names on the gateway */
	const char *http_settings;
	const char *acme_endpoint; /* directory URL; the vault tag Issuer */
	const char *acme_email;
	const char *account_key_file; /* NULL: the key is in the vault */
	const char *blob_host; /* host of the container: the self-check may be redirected there */
	int key_type;	       /* enum key_type for specs that say none */
	enum self_check self_check;
	unsigned gateway_http_port, gateway_https_port;
	msec_t gather; /* the longest a gateway update waits for other hostnames */
	msec_t instance_timeout;
	msec_t instance_retention; /* after its end */
	size_t instances_kept;	   /* ended ones at most */
	msec_t built;		   /* wall: no clock before it is right */
};
