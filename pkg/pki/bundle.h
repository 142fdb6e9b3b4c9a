/*
 * bundle - a private key and its certificate chain, as somebody hands them in for import.
 *
 * Takes the forms people have (PEM, or base64 of DER; PKCS#8, encrypted PKCS#8, PKCS#1, SEC1) and
 * gives the one that Key Vault and the Application Gateway take. Every buffer of ours with key
 * material is wiped with ctx's arena.
 */
#pragma once

#include "pki/cert.h"
#include "pki/key.h"

/* E_REFUSED, reason InvalidKey: not one of the forms, wrong or missing password, or a length or
 * curve that Key Vault does not take. */
enum err bundle_read_key(struct ctx *ctx, const char *text, const char *password, struct key **out);

/* Leaf first; base64 of DER holds a single certificate. E_REFUSED, reason InvalidCertificate. */
enum err bundle_read_chain(struct ctx *ctx, const char *text, struct chain *out);

/* E_REFUSED, reason KeyMismatch, CertificateExpired or HostnameMismatch: the leaf has this key, is
 * valid at `now`, names the hostname, and each certificate is signed by the next. */
enum err bundle_check(struct ctx *ctx, const struct key *key, const struct chain *chain,
		      const char *hostname, msec_t now);

/* PKCS#12 with the encryption that the gateway reads: TripleDES-SHA1. */
enum err bundle_to_pkcs12(struct ctx *ctx, const struct key *key, const struct chain *chain,
			  const char *password, struct bytes *out);
