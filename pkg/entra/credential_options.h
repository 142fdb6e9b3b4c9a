/*
 * credential_options - what says who we are to Azure, under the names of the environment.
 */
#pragma once

/* All of them may be NULL. */
struct credential_options {
	const char *tenant_id, *client_id, *client_secret;
	const char *client_certificate_path, *client_certificate_password;
	const char *send_certificate_chain; /* "true" or "1" */
	const char *federated_token_file;
	const char *authority_host;		 /* https URL */
	const char *pod_identity_authority_host; /* replaces IMDS's base */
	const char *identity_endpoint, *identity_header, *imds_endpoint;
	const char *token_credentials; /* AZURE_TOKEN_CREDENTIALS */
};
