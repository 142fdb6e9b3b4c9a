/*
 * step - the documented steps of the flow: name, documented message, condition that each feeds. One
 * table.
 *
 * Names and messages are part of the documented HTTP API, byte for byte, misspellings included.
 */
#pragma once

enum step {
	STEP_GATEWAY_PUBLIC_IP,
	STEP_CHECK_DNS,
	STEP_GET_ORDER,
	STEP_GET_CHALLENGE,
	STEP_UPLOAD_FILE,
	STEP_ANSWER_CHALLENGE,
	STEP_CHECK_ORDER,
	STEP_DELETE_FILE,
	STEP_CREATE_CERTIFICATE,
	STEP_IMPORT_CERTIFICATE,
	STEP_CONFIGURE_GATEWAY,
	STEP_COMPLETED,
	STEP_FAILED,
};
#define STEP_COUNT 13

struct step_info {
	const char *name;      /* customStatus.status */
	const char *message;   /* customStatus.message */
	const char *condition; /* type of the condition it feeds */
};

const struct step_info *step_info(enum step step);

/* -1 when there is none of that name. */
int step_find(const char *name);

/* The documented text of a documented error code; the general one for any other code. */
const char *step_failure_message(const char *error_code);
