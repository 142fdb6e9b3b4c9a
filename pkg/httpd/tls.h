/*
 * tls - certificate and key of the TCP door, and whose certificates it accepts: as the files say
 * now.
 *
 * The files are read again when they have changed: the next connection sees the new ones, those
 * that are open stay. What cannot be used is logged and changes nothing. TLS 1.2 at least.
 */
#pragma once

#include <gnutls/abstract.h>

#include "base/ctx.h"

#define TLS_LOOK_MSEC (10 * MSEC_PER_SEC)

/* For MHD_OPTION_HTTPS_PRIORITIES: TLS 1.2 and 1.3, with forward secrecy. */
#define TLS_PRIORITIES "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:%SERVER_PRECEDENCE"

struct tls_files {
	const char *certificate, *key; /* PEM; NULL both: no TLS */
	const char *client_ca; /* NULL: clients need no certificate; else one that these CAs vouch
				  for */
};

struct tls;

/* One at a time. E_REFUSED, reason TlsUnusable; E_NOTFOUND, E_AGAIN: a file cannot be read. */
enum err tls_open(struct ctx *ctx, const struct tls_files *files, struct tls **out);
void tls_close(struct tls *tls);

/* Reads the files again when they have changed, or anyway; a failure is logged. */
void tls_reload(struct ctx *ctx, struct tls *tls, bool is_forced);

/* MHD_OPTION_HTTPS_CERT_CALLBACK2, for the one that is open. */
int tls_present(gnutls_session_t session, const struct gnutls_cert_retr_st *info,
		gnutls_pcert_st **chain, unsigned *chain_size, gnutls_ocsp_data_st **ocsp,
		unsigned *ocsp_size, gnutls_privkey_t *key, unsigned *flags);
