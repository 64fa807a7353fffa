/* What is due is tried on the connection that a submission has left open. */
#include "queueing.h"

#include "submission.h"

void
queueing_drain(struct submission *s)
{
	(void)s;
}
