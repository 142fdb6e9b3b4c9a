/*
 * managed_identity - signing in with the identity of the machine: App Service, Arc, IMDS.
 */
#pragma once

#include "entra/sign_in.h"

enum err sign_in_app_service(struct ctx *ctx, const struct sign_in *how, struct access_token *out);
enum err sign_in_arc(struct ctx *ctx, const struct sign_in *how, struct access_token *out);
enum err sign_in_imds(struct ctx *ctx, const struct sign_in *how, struct access_token *out);
