#include "entra/said.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/utf8.h"

#define GUID_LENGTH 36
#define LOOK_BACK   28
#define CODE_SIZE   sizeof(((struct fault *)NULL)->reason)

/* From here on a message has nothing but what changes with every request. */
static const char *const trailers[] = {
	"Trace ID:",   "TraceId:",     "Correlation ID:", "CorrelationId:",
	"Request ID:", "RequestId:",   "Timestamp:",	  "Tracking ID:",
	"TrackingId:", "Activity ID:", "ActivityId:",
};

/* A GUID behind one of these names one request, not a thing. */
static const char *const transient_words[] = {"correlation", "request",	 "trace",
					      "tracking",    "activity", "operation"};

static const struct {
	const char *code, *advice;
} advices[] = {
	/* Azure Resource Manager */
	{"AuthorizationFailed",
	 "grant this identity the gatecert role, or Network Contributor, on the "
	 "application gateway (a new grant takes minutes)"},
	{"LinkedAuthorizationFailed", "grant this identity Managed Identity Operator on the "
				      "gateway's identity, and join/action on its "
				      "subnet, public IP and WAF policy"},
	{"LinkedAccessCheckFailed", "grant this identity Managed Identity Operator on the "
				    "gateway's identity, and join/action on its "
				    "subnet, public IP and WAF policy"},
	{"ScopeLocked", "remove the lock on the gateway, its resource group or its subscription"},
	{"ResourceNotFound", "check the application gateway's id"},
	{"ResourceGroupNotFound", "check the application gateway's id"},
	{"SubscriptionNotFound", "check the subscription in the application gateway's id"},
	{"InvalidSubscriptionId", "check the subscription in the application gateway's id"},
	{"NoRegisteredProviderFound", "this cloud does not offer the API version in use"},
	{"InvalidResourceType", "this cloud does not offer the API version in use"},
	{"InvalidApiVersionParameter", "this cloud does not offer the API version in use"},
	{"ApplicationGatewayKeyVaultSecretException",
	 "grant the gateway's own identity Key Vault Secrets User on the vault and let the "
	 "gateway through "
	 "the vault's firewall"},
	{"ApplicationGatewayKeyVaultSecretAccessDenied",
	 "grant the gateway's own identity Key Vault Secrets User on the vault and let the "
	 "gateway through "
	 "the vault's firewall"},
	/* Key Vault */
	{"ForbiddenByFirewall", "let this machine's address through the vault's firewall"},
	{"ForbiddenByConnection",
	 "reach the vault through its private endpoint, or allow public access"},
	{"ForbiddenByPolicy", "give this identity the permission in the vault's access policies"},
	{"KeyDisabled", "enable the key in Key Vault"},
	{"ObjectIsDeletedButRecoverable", "recover or purge the soft-deleted object of that name"},
	/* Blob Storage */
	{"AuthorizationPermissionMismatch", "grant this identity Storage Blob Data Contributor on "
					    "the container (a new grant takes minutes)"},
	{"InsufficientAccountPermissions",
	 "grant this identity Storage Blob Data Contributor on the container"},
	{"AuthorizationFailure",
	 "let this machine's address through the storage account's firewall"},
	{"AuthenticationFailed",
	 "check this machine's clock and that the account belongs to the identity's tenant"},
	{"ContainerNotFound", "create the container"},
	/* Microsoft Entra */
	{"AADSTS7000215", "set the secret's value (not its id) as AZURE_CLIENT_SECRET"},
	{"AADSTS7000222", "make a new client secret and set it as AZURE_CLIENT_SECRET"},
	{"AADSTS700016", "check AZURE_CLIENT_ID and AZURE_TENANT_ID"},
	{"AADSTS90002", "check AZURE_TENANT_ID"},
	{"AADSTS700027", "add the certificate to the app registration"},
	{"AADSTS700024", "check this machine's clock"},
	{"AADSTS70021",
	 "make the federated credential's issuer, subject and audience match the token"},
	{"AADSTS700213",
	 "make the federated credential's issuer, subject and audience match the token"},
	{"AADSTS700211",
	 "make the federated credential's issuer, subject and audience match the token"},
	{"AADSTS500011", "check the cloud: the service is unknown in this tenant"},
};

/* Why the gateway cannot use a secret stands in its words; the code says "access denied" to all. */
static const struct {
	const char *word, *advice;
} secret_troubles[] = {
	{"SecretDisabled", "enable the certificate in Key Vault"},
	{"SecretDeletedFromKeyVault", "recover the certificate, which was deleted from Key Vault"},
	{"KeyVaultSoftDeleted", "recover the vault, which was deleted"},
	{"KeyVaultHasRestrictedAccess", "let the gateway through the vault's firewall"},
};

static size_t guid_length(const char *text)
{
	for (size_t i = 0; i < GUID_LENGTH; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return 0;
	}
	return isalnum((unsigned char)text[GUID_LENGTH]) ? 0 : GUID_LENGTH;
}

/* "2026-11-23T15:39:55.1234567Z", with a blank for the T, with or without fraction and offset. */
static size_t time_length(const char *text)
{
	static const char shape[] = "dddd-dd-dd dd:dd:dd";
	size_t i;

	for (i = 0; shape[i]; i++) {
		bool fits = shape[i] == 'd'   ? isdigit((unsigned char)text[i])
			    : shape[i] == ' ' ? text[i] == ' ' || text[i] == 'T'
					      : text[i] == shape[i];
		if (!fits)
			return 0;
	}
	while (isdigit((unsigned char)text[i]) || (text[i] && strchr(".:+Z", text[i])))
		i++;
	while (strchr(".:+", text[i - 1]))
		i--;
	return i;
}

static bool names_a_request(const char *out, size_t length)
{
	const char *end = out + length;
	const char *p = length > LOOK_BACK ? end - LOOK_BACK : out;

	if (length && end[-1] == '(')
		return true;
	for (; p < end; p++)
		for (size_t i = 0; i < ARRAY_SIZE(transient_words); i++)
			if (!strncasecmp(p, transient_words[i], strlen(transient_words[i])))
				return true;
	return false;
}

static size_t trailer_at(const char *text)
{
	size_t first = strlen(text);

	for (size_t i = 0; i < ARRAY_SIZE(trailers); i++) {
		const char *found = strcasestr(text, trailers[i]);

		if (found && (size_t)(found - text) < first)
			first = (size_t)(found - text);
	}
	return first;
}

/* W/"...": the next write makes another one (RFC 9110 8.8.3). */
static size_t etag_length(const char *text)
{
	size_t length;

	if (strncmp(text, "W/\"", 3) != 0)
		return 0;
	length = strcspn(text + 3, "\"");
	return text[3 + length] ? length + 4 : 0;
}

/* Copies one piece of `in` (a GUID, a time, an etag, white space or a byte), returns how much of
 * it. */
static size_t clean_piece(const char *in, char *out, size_t *size)
{
	size_t taken = guid_length(in);
	const char *written = NULL;

	if (taken && names_a_request(out, *size))
		written = "...";
	else if (!taken && (taken = time_length(in)) != 0)
		written = "(time)";
	else if (!taken && (taken = etag_length(in)) != 0)
		written = "(etag)";
	if (written) {
		memcpy(out + *size, written, strlen(written));
		*size += strlen(written);
		return taken;
	}
	if (taken) {
		memcpy(out + *size, in, taken);
		*size += taken;
	} else if ((unsigned char)*in > ' ' && *in != 0x7f) {
		out[(*size)++] = *in;
	} else if (*size && out[*size - 1] != ' ') {
		out[(*size)++] = ' ';
	}
	out[*size] = '\0';
	return taken ? taken : 1;
}

const char *said_clean(struct ctx *ctx, const char *text)
{
	size_t size = 0, length;
	char *in, *out;

	if (!text)
		return "";
	in = arena_strndup(ctx->arena, text, strnlen(text, 4096));
	length = trailer_at(in);
	in[length] = '\0';
	out = arena_alloc(ctx->arena, SAID_LENGTH_MAX + GUID_LENGTH + 2);
	/* one piece more than fits, so that the cut can see where a character ends */
	for (const char *p = in; *p && size <= SAID_LENGTH_MAX;)
		p += clean_piece(p, out, &size);
	size = utf8_cut_words(out, size, SAID_LENGTH_MAX);
	while (size && strchr(" ,;", out[size - 1]))
		size--;
	out[size] = '\0';
	return out;
}

bool said_is_code(const char *text)
{
	size_t length = text ? strnlen(text, CODE_SIZE) : 0;

	if (length == 0 || length == CODE_SIZE || !isupper((unsigned char)*text))
		return false;
	for (const char *p = text; *p; p++)
		if (!isalnum((unsigned char)*p))
			return false;
	return true;
}

const char *said_advice(const char *code)
{
	for (size_t i = 0; code && i < ARRAY_SIZE(advices); i++)
		if (text_equals_nocase(advices[i].code, code))
			return advices[i].advice;
	return NULL;
}

const char *said_secret_advice(const char *words)
{
	for (size_t i = 0; i < ARRAY_SIZE(secret_troubles); i++)
		if (strcasestr(words, secret_troubles[i].word))
			return secret_troubles[i].advice;
	return NULL;
}

void said_advise(struct ctx *ctx, const char *advice)
{
	char *text = ctx->fault.text;
	size_t size = sizeof(ctx->fault.text), length = strlen(text), wanted;

	if (!advice)
		return;
	wanted = strlen("; ") + strlen(advice) + 1;
	if (wanted > size)
		return;
	if (length + wanted > size)
		length = utf8_cut_words(text, length, size - wanted);
	else if (length && text[length - 1] == '.')
		length--;
	snprintf(text + length, size - length, "; %s", advice);
}

void said_reason(struct ctx *ctx, const char *reason)
{
	snprintf(ctx->fault.reason, sizeof(ctx->fault.reason), "%s", reason);
}

enum err said_fault(struct ctx *ctx, const struct http_request *request,
		    const struct http_reply *reply, const char *who, const char *code,
		    const char *words, const char *advice)
{
	enum err kind = http_reply_fault(ctx, request, reply, who, code, said_clean(ctx, words));

	said_advise(ctx, advice ? advice : said_advice(code));
	return kind;
}

enum err said_unclear(const struct http_request *request, enum err kind)
{
	return kind == E_AGAIN && request->kind == HTTP_ONE_SHOT ? E_CONFLICT : kind;
}
