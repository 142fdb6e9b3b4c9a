#include "api/suffix.h"

#include <libpsl.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>

#define TYPES (PSL_TYPE_ICANN | PSL_TYPE_NO_STAR_RULE)

/* Kept until the process ends; immutable once loaded. */
static psl_ctx_t *list;
static pthread_once_t list_once = PTHREAD_ONCE_INIT;

static void load(void)
{
	list = psl_latest(NULL);
}

bool suffix_has_list(void)
{
	pthread_once(&list_once, load);
	return list != NULL;
}

const char *suffix_check(const char *name)
{
	if (!suffix_has_list())
		return "there is no public suffix list to judge it by: install the package "
		       "publicsuffix, or set NamePolicy to syntax";
	if (psl_is_public_suffix2(list, name, TYPES))
		return "it is a public suffix itself, only names below it can have a certificate "
		       "(NamePolicy is public)";
	for (const char *dot = strchr(name, '.'); dot; dot = strchr(dot + 1, '.')) {
		if (psl_is_public_suffix2(list, dot + 1, TYPES))
			return NULL;
	}
	return "it does not end in a public suffix, so no public CA certifies it "
	       "(NamePolicy is public)";
}
