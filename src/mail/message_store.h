/* What message.c offers to intake.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct message;

/* Makes room in m->memory: moves what it holds to the end of the file, which is made if there is
 * none; where the disk is full, to a file on another one; where no file can be had, gives the
 * memory MESSAGE_RESCUE octets. */
bool message_spill(struct message *m, struct error *err) __attribute__((warn_unused_result));
/* Takes the last N octets of the body away. */
void message_take_back(struct message *m, size_t n);
