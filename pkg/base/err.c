#include "base/err.h"

const char *err_name(enum err kind)
{
	switch (kind) {
	case E_OK: return "Ok";
	case E_AGAIN: return "Again";
	case E_THROTTLED: return "Throttled";
	case E_CONFLICT: return "Conflict";
	case E_NOTFOUND: return "NotFound";
	case E_REFUSED: return "Refused";
	case E_CANCELLED: return "Cancelled";
	}
	return "Unknown";
}
