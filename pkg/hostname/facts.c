#include "hostname/facts.h"

#include "api/names.h"

bool challenge_is_answered(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || !pass->host.status.issuance.authorization_url ||
	       pass->host.status.issuance.answered;
}

/* The CA's question comes through the gateway; what is proven, or brought, needs it no more. */
static bool is_asked_through_gateway(const struct pass *pass)
{
	return pass_wants_certificate(pass) && !hostname_wants_import(&pass->host, pass->began) &&
	       !(pass->host.status.issuance.order_url && challenge_is_answered(pass));
}

bool public_ip_is_known(const struct pass *pass)
{
	return pass->gateway && pass->gateway->status.public_ips.count > 0 &&
	       !(gateway_is_stopped(pass->gateway) && is_asked_through_gateway(pass));
}

bool dns_is_checked(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || pass->host.status.issuance.order_url ||
	       pass->host.wish.skip_dns || pass->note.dns_checked;
}

bool order_is_recorded(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || pass->host.status.issuance.order_url;
}

bool challenge_is_known(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || !pass->host.status.issuance.authorization_url ||
	       pass->host.status.issuance.token;
}

bool file_is_uploaded(const struct pass *pass)
{
	return !pass_wants_certificate(pass) || !pass->host.status.issuance.authorization_url ||
	       pass->host.status.issuance.uploaded;
}

/* The authorization is void once it is valid; from then on the order can be finalized. */
bool order_is_ready(const struct pass *pass)
{
	const struct issuance *issuance = &pass->host.status.issuance;

	return !pass_wants_certificate(pass) ||
	       (issuance->order_url && !issuance->authorization_url);
}

bool file_is_deleted(const struct pass *pass)
{
	return !pass->host.status.issuance.blob;
}

bool certificate_is_current(const struct pass *pass)
{
	return !pass_wants_certificate(pass);
}

bool import_is_done(const struct pass *pass)
{
	return !pass_wants_certificate(pass);
}

bool gateway_serves_nobody(const struct pass *pass)
{
	return pass->gateway && gateway_is_out(pass->gateway);
}

/* The certificate is compared too: an entry of this hostname with another one is not what we want
 * yet. */
bool gateway_is_configured(const struct pass *pass)
{
	const struct programmed_hostname *programmed =
		pass->gateway ? gateway_find_programmed(pass->gateway, pass->name) : NULL;

	return programmed && !gateway_serves_nobody(pass) &&
	       secret_id_equals(programmed->secret_id, pass->host.status.certificate.secret_id);
}
