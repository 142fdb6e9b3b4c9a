/*
 * http01 - the rungs that prove to the CA that the hostname is ours: challenge, its file in the
 * container, answer.
 */
#pragma once

#include "hostname/pass.h"

enum err http01_challenge_climb(struct ctx *ctx, struct pass *pass);
enum err http01_upload_climb(struct ctx *ctx, struct pass *pass);
enum err http01_answer_climb(struct ctx *ctx, struct pass *pass);
enum err http01_delete_file_climb(struct ctx *ctx, struct pass *pass);
