#include "api/hostname.h"

#include <stddef.h>

#include "base/text.h"

const char *const key_type_names[] = {"Default", "RSA-2048", "EC-P256", NULL};

const struct field hostname_spec_fields[] = {
	{.name = "keyType",
	 .type = FIELD_CHOICE,
	 .flags = FIELD_UNSAID,
	 .offset = offsetof(struct hostname_spec, key_type),
	 .choices = key_type_names,
	 .help = "Type of the certificate's key: RSA-2048 or EC-P256; the configured one unless "
		 "given."},
	{.name = NULL},
};

static const struct field source_fields[] = {
	{.name = "file",
	 .type = FIELD_TEXT,
	 .offset = offsetof(struct hostname_source, file),
	 .help = "The spec file."},
	{.name = "line",
	 .type = FIELD_INT,
	 .offset = offsetof(struct hostname_source, line),
	 .help = "The line in it."},
	{.name = "problem",
	 .type = FIELD_TEXT,
	 .offset = offsetof(struct hostname_source, problem),
	 .help = "What is wrong with the file's newest content; the last good one stays in force."},
	{.name = NULL},
};

#define CERTIFICATE(member) offsetof(struct certificate_status, member)

static const struct field certificate_fields[] = {
	{.name = "issuer",
	 .type = FIELD_TEXT,
	 .offset = CERTIFICATE(issuer),
	 .help = "Who signed it."},
	{.name = "serial",
	 .type = FIELD_TEXT,
	 .offset = CERTIFICATE(serial),
	 .help = "Serial number, hexadecimal."},
	{.name = "notBefore",
	 .type = FIELD_TIME,
	 .offset = CERTIFICATE(not_before),
	 .help = "Valid from."},
	{.name = "notAfter",
	 .type = FIELD_TIME,
	 .offset = CERTIFICATE(not_after),
	 .help = "Valid until."},
	{.name = "keyType",
	 .type = FIELD_TEXT,
	 .offset = CERTIFICATE(key_type),
	 .help = "Its key."},
	{.name = "secretId",
	 .type = FIELD_TEXT,
	 .offset = CERTIFICATE(secret_id),
	 .help = "Key Vault secret id of this version."},
	{.name = "vaultName",
	 .type = FIELD_TEXT,
	 .offset = CERTIFICATE(vault_name),
	 .help = "Name of the certificate in Key Vault."},
	{.name = "sha256",
	 .type = FIELD_TEXT,
	 .flags = FIELD_INTERNAL,
	 .offset = CERTIFICATE(sha256)},
	{.name = "isImported",
	 .type = FIELD_BOOL,
	 .offset = CERTIFICATE(is_imported),
	 .help = "Whether it was imported with its key: it cannot be renewed."},
	{.name = "mergedTime",
	 .type = FIELD_TIME,
	 .flags = FIELD_INTERNAL,
	 .offset = CERTIFICATE(merged)},
	{.name = NULL},
};

static const char *const source_names[] = {"Unsaid", "ACME", "Import", NULL};

#define WISH(member) offsetof(struct certificate_wish, member)

static const struct field wish_fields[] = {
	{.name = "source", .type = FIELD_CHOICE, .offset = WISH(source), .choices = source_names},
	{.name = "instance", .type = FIELD_TEXT, .offset = WISH(instance)},
	{.name = "heir", .type = FIELD_TEXT, .offset = WISH(heir)},
	{.name = "leafSha256", .type = FIELD_TEXT, .offset = WISH(leaf_sha256)},
	{.name = "notAfter", .type = FIELD_TIME, .offset = WISH(not_after)},
	{.name = "skipDns", .type = FIELD_BOOL, .offset = WISH(skip_dns)},
	{.name = NULL},
};

#define ISSUANCE(member) offsetof(struct issuance, member)

static const struct field issuance_fields[] = {
	{.name = "orderIntended", .type = FIELD_BOOL, .offset = ISSUANCE(order_intended)},
	{.name = "orderUrl", .type = FIELD_TEXT, .offset = ISSUANCE(order_url)},
	{.name = "authorizationUrl", .type = FIELD_TEXT, .offset = ISSUANCE(authorization_url)},
	{.name = "challengeUrl", .type = FIELD_TEXT, .offset = ISSUANCE(challenge_url)},
	{.name = "token", .type = FIELD_TEXT, .offset = ISSUANCE(token)},
	{.name = "blob", .type = FIELD_TEXT, .offset = ISSUANCE(blob)},
	{.name = "uploaded", .type = FIELD_BOOL, .offset = ISSUANCE(uploaded)},
	{.name = "answered", .type = FIELD_BOOL, .offset = ISSUANCE(answered)},
	{.name = "createIntended", .type = FIELD_BOOL, .offset = ISSUANCE(create_intended)},
	{.name = "csr", .type = FIELD_TEXT, .offset = ISSUANCE(csr)},
	{.name = "mergeIntended", .type = FIELD_BOOL, .offset = ISSUANCE(merge_intended)},
	{.name = "missing", .type = FIELD_TEXT, .offset = ISSUANCE(missing)},
	{.name = "missingSince", .type = FIELD_INT, .offset = ISSUANCE(missing_since)},
	{.name = NULL},
};

#define REFUSAL(member) offsetof(struct refusal, member)

static const struct field refusal_fields[] = {
	{.name = "pass", .type = FIELD_INT, .offset = REFUSAL(pass)},
	{.name = "asked", .type = FIELD_INT, .offset = REFUSAL(asked)},
	{.name = "count", .type = FIELD_INT, .offset = REFUSAL(count)},
	{.name = "first", .type = FIELD_INT, .offset = REFUSAL(first)},
	{.name = "step", .type = FIELD_TEXT, .offset = REFUSAL(step)},
	{.name = "error", .type = FIELD_TEXT, .offset = REFUSAL(error)},
	{.name = "text", .type = FIELD_TEXT, .offset = REFUSAL(text)},
	{.name = NULL},
};

static const struct field ca_fields[] = {
	{.name = "failures", .type = FIELD_INT, .offset = offsetof(struct ca_schedule, failures)},
	{.name = "notBefore",
	 .type = FIELD_INT,
	 .offset = offsetof(struct ca_schedule, not_before)},
	{.name = "forced", .type = FIELD_INT, .offset = offsetof(struct ca_schedule, forced)},
	{.name = "askedUntil",
	 .type = FIELD_INT,
	 .offset = offsetof(struct ca_schedule, asked_until)},
	{.name = "askedBy", .type = FIELD_TEXT, .offset = offsetof(struct ca_schedule, asked_by)},
	{.name = "askedAll", .type = FIELD_BOOL, .offset = offsetof(struct ca_schedule, asked_all)},
	{.name = NULL},
};

static const struct field climbed_fields[] = {
	{.name = "step", .type = FIELD_TEXT, .offset = offsetof(struct step_climbed, step)},
	{.name = "time", .type = FIELD_INT, .offset = offsetof(struct step_climbed, time)},
	{.name = NULL},
};

#define STATUS(member) offsetof(struct hostname_status, member)

static const struct field status_fields[] = {
	{.name = "observedGeneration",
	 .type = FIELD_INT,
	 .offset = STATUS(observed_generation),
	 .help = "The generation of the spec that this status speaks of."},
	{.name = "conditions",
	 .type = FIELD_OBJECTS,
	 .offset = STATUS(conditions),
	 .fields = condition_fields,
	 .element_size = sizeof(struct condition),
	 .help = "What is true about the hostname."},
	{.name = "step",
	 .type = FIELD_TEXT,
	 .offset = STATUS(step),
	 .help = "The documented step being worked on; Completed when there is none."},
	{.name = "certificate",
	 .type = FIELD_OBJECT,
	 .offset = STATUS(certificate),
	 .fields = certificate_fields,
	 .help = "The current version in the vault."},
	{.name = "renewalTime",
	 .type = FIELD_TIME,
	 .offset = STATUS(renewal_time),
	 .help = "When the certificate is due for renewal."},
	{.name = "nextAttemptTime",
	 .type = FIELD_TIME,
	 .offset = STATUS(next_attempt),
	 .help = "After a refusal: when it is tried again."},
	{.name = "stepSince",
	 .type = FIELD_INT,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(step_since)},
	{.name = "issuance",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(issuance),
	 .fields = issuance_fields},
	{.name = "refusal",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(refusal),
	 .fields = refusal_fields},
	{.name = "ca",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(ca),
	 .fields = ca_fields},
	{.name = "climbed",
	 .type = FIELD_OBJECTS,
	 .flags = FIELD_INTERNAL,
	 .offset = STATUS(climbed),
	 .fields = climbed_fields,
	 .element_size = sizeof(struct step_climbed)},
	{.name = NULL},
};

const struct field hostname_fields[] = {
	{.name = "metadata",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct hostname, meta),
	 .fields = meta_fields,
	 .help = "Name and identity."},
	{.name = "spec",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct hostname, spec),
	 .fields = hostname_spec_fields,
	 .help = "What is desired."},
	{.name = "source",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct hostname, source),
	 .fields = source_fields},
	{.name = "wish",
	 .type = FIELD_OBJECT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct hostname, wish),
	 .fields = wish_fields},
	{.name = "requested",
	 .type = FIELD_INT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct hostname, requested)},
	{.name = "asked",
	 .type = FIELD_INT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct hostname, asked)},
	{.name = "written",
	 .type = FIELD_INT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct hostname, written)},
	{.name = "posted",
	 .type = FIELD_INT,
	 .flags = FIELD_INTERNAL,
	 .offset = offsetof(struct hostname, posted)},
	{.name = "status",
	 .type = FIELD_OBJECT,
	 .offset = offsetof(struct hostname, status),
	 .fields = status_fields,
	 .help = "What is known."},
	{.name = NULL},
};

bool hostname_depends_on(const char *condition_type)
{
	static const char *const beside[] = {CONDITION_READY, CONDITION_RENEWING,
					     CONDITION_SPEC_VALID, CONDITION_EXPIRING};

	for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
		if (text_equals(condition_type, beside[i]))
			return false;
	return true;
}

bool hostname_awaits_import(const struct hostname *hostname, msec_t now)
{
	const struct certificate_wish *wish = &hostname->wish;

	return wish->source == SOURCE_IMPORT && wish->instance && wish->not_after > now &&
	       !text_equals(wish->leaf_sha256, hostname->status.certificate.sha256);
}

bool hostname_wants_import(const struct hostname *hostname, msec_t now)
{
	const struct certificate_status *certificate = &hostname->status.certificate;

	if (hostname->wish.source == SOURCE_ACME)
		return false;
	return certificate->is_imported || hostname_awaits_import(hostname, now) ||
	       (hostname->wish.source == SOURCE_IMPORT && !certificate->secret_id);
}

/* Of a state directory from before there were numbers only the times are known. */
bool hostname_is_asked_again(const struct hostname *hostname)
{
	const struct refusal *refusal = &hostname->status.refusal;

	return hostname->asked ? hostname->asked > refusal->asked
			       : hostname->requested > refusal->pass;
}
