/*
 * validity - what time it is for a certificate, and when it is to be renewed.
 */
#pragma once

#include "api/hostname.h"

/* What time it is for a certificate: `now`, unless the clock says what cannot be, that it was
 * merged before it was issued or when it was due already, and still does; then it is as old as the
 * time since. */
msec_t validity_time(const struct certificate_status *certificate, msec_t now);

/* A third of the lifetime before the end; half when it lives under 10 days. */
msec_t validity_renewal_time(msec_t not_before, msec_t not_after);
