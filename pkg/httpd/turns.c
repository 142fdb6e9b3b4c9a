#include "httpd/turns.h"

/* helpers */

/* Behind whatever waits for the same client, and not before those that were called. */
static uint64_t next_rank(const struct turns *turns, uint64_t who)
{
	uint64_t rank = turns->rank;

	for (const struct turn *turn = turns->first; turn; turn = turn->next)
		if (turn->who == who && turn->rank > rank)
			rank = turn->rank;
	return rank + 1;
}

/* Who was called, and had no time left, is the first of its equals again. */
static struct turn **place_of(struct turns *turns, const struct turn *turn)
{
	struct turn **link = &turns->first;

	while (*link &&
	       ((*link)->rank < turn->rank || (!turn->is_called && (*link)->rank == turn->rank)))
		link = &(*link)->next;
	return link;
}

static void call(struct turns *turns, struct turn **link)
{
	struct turn *turn = *link;

	*link = turn->next;
	turn->is_waiting = false;
	turn->is_called = true;
	turns->called++;
	if (turns->rank < turn->rank)
		turns->rank = turn->rank;
	++*turns->activity;
	MHD_resume_connection(turn->connection);
}

/* public */

void turns_init(struct turns *turns, uint64_t *activity)
{
	*turns = (struct turns){.activity = activity};
}

void turns_begin(struct turns *turns, msec_t now)
{
	turns->until = now + TURNS_RUN_MSEC;
}

bool turns_have_time(const struct turns *turns, msec_t now)
{
	return now < turns->until;
}

void turns_wait(struct turns *turns, struct turn *turn, msec_t now)
{
	struct turn **link;

	if (!turn->is_called) {
		turn->rank = next_rank(turns, turn->who);
		turn->since = now;
	}
	link = place_of(turns, turn);
	turns_leave(turns, turn);
	turn->next = *link;
	*link = turn;
	turn->is_waiting = true;
	MHD_suspend_connection(turn->connection);
}

bool turns_take(struct turns *turns, struct turn *turn, msec_t now)
{
	bool is_next = turn->is_called || (!turns->first && turns->called == 0);

	if ((is_next && turns_have_time(turns, now)) ||
	    (turn->is_called && turns_is_late(turn, now))) {
		turns_leave(turns, turn);
		return true;
	}
	turns_wait(turns, turn, now);
	return false;
}

bool turns_is_late(const struct turn *turn, msec_t now)
{
	return turn->since > 0 && now - turn->since >= TURNS_WAIT_MSEC;
}

void turns_leave(struct turns *turns, struct turn *turn)
{
	struct turn **link = &turns->first;

	if (turn->is_called)
		turns->called--;
	while (turn->is_waiting && *link != turn)
		link = &(*link)->next;
	if (turn->is_waiting)
		*link = turn->next;
	turn->is_called = turn->is_waiting = false;
}

void turns_call(struct turns *turns, msec_t now)
{
	struct turn **link = &turns->first;

	if (turns->first)
		call(turns, link);
	while (*link) {
		if (turns_is_late(*link, now) || (*link)->conn->is_shut)
			call(turns, link);
		else
			link = &(*link)->next;
	}
}

void turns_call_all(struct turns *turns)
{
	while (turns->first)
		call(turns, &turns->first);
}
