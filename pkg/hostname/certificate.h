/*
 * certificate - the certificate of a hostname in the vault: which one is ours, what it is, what it
 * is called.
 */
#pragma once

#include "azure/keyvault_certificate.h"
#include "hostname/pass.h"

/* Reads the vault's current version when the last look is too old, and judges it. */
enum err certificate_observe(struct ctx *ctx, struct pass *pass);

/* The vault's answer as the certificate of the hostname. */
void certificate_record(struct ctx *ctx, struct pass *pass, const struct vault_certificate *found);

/* The order is done with: its certificate is in the vault. */
void certificate_close(struct ctx *ctx, struct pass *pass, const struct vault_certificate *merged);

/* Before a write that adds a version to whatever stands under the name: not without having looked a
 * moment ago. */
enum err certificate_look(struct ctx *ctx, struct pass *pass);

/* The plain name belongs to somebody else: the hashed one becomes ours. */
enum err certificate_rename(struct ctx *ctx, struct pass *pass);

/* The name stands for a deleted certificate: ours comes back, with pass->wait set; another's makes
 * us take another name, and E_CONFLICT is returned. */
enum err certificate_recover(struct ctx *ctx, struct pass *pass);

/* What every certificate of ours carries in the vault, and what an imported one does beside. */
#define TAG_SOURCE	  "Source"
#define TAG_SOURCE_IMPORT "Import"
struct text_map certificate_tags(struct ctx *ctx, const struct pass *pass);
