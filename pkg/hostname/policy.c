#include "hostname/policy.h"

#include "api/validity.h"
#include "base/text.h"

static bool is_absent(const struct hostname *hostname, msec_t now)
{
	(void)now;
	return !hostname->status.certificate.secret_id;
}

static bool is_expired(const struct hostname *hostname, msec_t now)
{
	const struct certificate_status *certificate = &hostname->status.certificate;

	return certificate->not_after <= validity_time(certificate, now);
}

static bool is_to_be_imported(const struct hostname *hostname, msec_t now)
{
	return hostname_awaits_import(hostname, now);
}

/* Nobody but its owner can renew it. */
static bool is_imported_and_wanted(const struct hostname *hostname, msec_t now)
{
	return hostname_wants_import(hostname, now);
}

static bool is_to_be_acme(const struct hostname *hostname, msec_t now)
{
	(void)now;
	return hostname->status.certificate.is_imported;
}

static bool is_renewal_due(const struct hostname *hostname, msec_t now)
{
	const struct certificate_status *certificate = &hostname->status.certificate;

	return validity_renewal_time(certificate->not_before, certificate->not_after) <=
	       validity_time(certificate, now);
}

/* A changed default is no reason to replace what serves; a changed spec is. */
static bool has_other_key_type(const struct hostname *hostname, msec_t now)
{
	(void)now;
	return hostname->spec.key_type != KEY_TYPE_DEFAULT &&
	       !text_equals(hostname->status.certificate.key_type,
			    key_type_names[hostname->spec.key_type]);
}

/* Its certificate is made, or about to be, and a key waits for it in the vault. */
static bool is_finalized(const struct hostname *hostname, msec_t now)
{
	(void)now;
	return hostname->status.issuance.csr;
}

/* In order: the first that applies decides. */
static const struct {
	bool (*applies)(const struct hostname *hostname, msec_t now);
	enum certificate_verdict verdict;
	const char *why;
} judgements[] = {
	{is_absent, CERTIFICATE_UNUSABLE, "NoCertificate"},
	{is_expired, CERTIFICATE_UNUSABLE, "Expired"},
	{is_to_be_imported, CERTIFICATE_DUE, "ImportRequested"},
	{is_imported_and_wanted, CERTIFICATE_CURRENT, "Imported"},
	{is_to_be_acme, CERTIFICATE_DUE, "SwitchedToAcme"},
	{is_renewal_due, CERTIFICATE_DUE, "RenewalDue"},
	{has_other_key_type, CERTIFICATE_DUE, "KeyTypeChanged"},
	{is_finalized, CERTIFICATE_DUE, "OrderFinalized"},
};

enum certificate_verdict policy_judge(const struct hostname *hostname, msec_t now, const char **why)
{
	for (size_t i = 0; i < ARRAY_SIZE(judgements); i++)
		if (judgements[i].applies(hostname, now)) {
			*why = judgements[i].why;
			return judgements[i].verdict;
		}
	*why = "Current";
	return CERTIFICATE_CURRENT;
}

static const char *tagged_hostname(const struct vault_certificate *certificate)
{
	for (size_t i = 0; i < certificate->tags.count; i++)
		if (text_equals(certificate->tags.items[i].key, "Hostname"))
			return certificate->tags.items[i].value;
	return NULL;
}

bool policy_is_tagged(const struct vault_certificate *certificate, const char *hostname)
{
	const char *tagged = tagged_hostname(certificate);

	return tagged && text_equals_nocase(tagged, hostname);
}

bool policy_is_ours(const struct vault_certificate *certificate, const char *hostname)
{
	if (tagged_hostname(certificate))
		return policy_is_tagged(certificate, hostname);
	return names_are(&certificate->cert.names, &hostname, 1);
}

msec_t policy_refusal_wait(struct rng *rng, int64_t count, msec_t since_first)
{
	msec_t wait = msec_double(5 * MSEC_PER_SEC, (unsigned)(count > 0 ? count - 1 : 0),
				  10 * MSEC_PER_MIN);

	return rng_jitter(rng, since_first > MSEC_PER_DAY ? MSEC_PER_HOUR : wait, 20);
}

msec_t policy_ca_wait(struct rng *rng, int64_t failures)
{
	static const msec_t waits[] = {MSEC_PER_MIN, 10 * MSEC_PER_MIN, 100 * MSEC_PER_MIN,
				       MSEC_PER_DAY};
	size_t index = failures > 0 ? (size_t)failures - 1 : 0;

	return rng_jitter(rng, waits[index < ARRAY_SIZE(waits) ? index : ARRAY_SIZE(waits) - 1],
			  50);
}

msec_t policy_poll_wait(int64_t polls, msec_t asked)
{
	if (asked > 0)
		return asked;
	return msec_grow_by_half(250, (unsigned)(polls > 0 ? polls : 0), 10 * MSEC_PER_SEC);
}
