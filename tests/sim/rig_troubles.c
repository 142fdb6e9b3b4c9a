#include "effects.h"
#include "rig.h"

void rig_trouble(struct rig *rig, enum trouble trouble, unsigned effect)
{
	rig_troubles(rig)->trouble = trouble;
	rig_troubles(rig)->at = rig_troubles(rig)->count + effect;
	rig_troubles(rig)->happened = false;
}

bool rig_trouble_happened(struct rig *rig)
{
	return rig_troubles(rig)->happened;
}

void rig_meanwhile(struct rig *rig,
		   void (*meanwhile)(void *handle, const struct http_request *request),
		   void *handle)
{
	rig_troubles(rig)->meanwhile = meanwhile;
	rig_troubles(rig)->meanwhile_handle = handle;
}

void rig_after_answer(struct rig *rig, unsigned answer, void (*happens)(void *rig))
{
	rig_troubles(rig)->after_at = answer;
	rig_troubles(rig)->after = happens;
}

unsigned rig_answers(struct rig *rig)
{
	return rig_troubles(rig)->answers;
}

void rig_set_away(struct rig *rig, enum door door, bool is_away)
{
	rig_troubles(rig)->wire.is_away[door] = is_away;
}

void rig_fill_disk(struct rig *rig, unsigned effects)
{
	rig_troubles(rig)->disk_lasts = effects ? rig_troubles(rig)->count + effects : 0;
}
