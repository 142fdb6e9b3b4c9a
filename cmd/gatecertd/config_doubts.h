/*
 * config_doubts - what each value alone does not show: samples that nobody has filled in, parts
 * that do not belong together, and directories that this daemon cannot write.
 *
 * An error is what cannot fit; a warning what hardly can be meant: that alone keeps no daemon from
 * starting.
 */
#pragma once

#include "config.h"

struct config_complaints {
	void (*complain)(void *handle, bool is_warning, const char *key, const char *text);
	void *handle;
};

/* Asks the machine about its directories, too. Keys that are missing are nobody's doubt. */
void config_doubts(struct ctx *ctx, const struct config *config,
		   const struct config_complaints *complaints);
