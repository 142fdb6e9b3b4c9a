#include "world/acme_model.h"

void acme_model_init(struct world *world)
{
	(void)world;
}

void acme_model_fini(struct world *world)
{
	(void)world;
}

void acme_handle(struct world *world, struct call *call)
{
	(void)world;
	call_status(call, 404);
}
