/* What message.c offers to intake.c only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct message;

/* Moves what m->memory holds to the end of the file, which is made if there is none. */
bool message_spill(struct message *m, struct error *err) __attribute__((warn_unused_result));
/* Takes the last N octets of the body away. */
void message_take_back(struct message *m, size_t n);
