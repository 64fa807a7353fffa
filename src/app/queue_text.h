/* Entries and accounts as text and as JSON. */
#pragma once

#include <stdint.h>
#include <stdio.h>

struct breaker;
struct entry;
struct queue_view;
struct strbuf;
struct wishes;

void queue_add_header(FILE *out);
/* A line for the entry and one for each recipient. */
void queue_add_text(struct strbuf *out, const struct queue_view *v, const struct entry *e);
/* An object on one line, with its end. */
void queue_add_json(struct strbuf *out, const struct queue_view *v, const struct entry *e);
/* A line for each thing that the message asks for beyond delivery. */
void queue_add_wishes(struct strbuf *out, const struct wishes *w);
void queue_add_account(struct strbuf *out, const struct queue_view *v, const struct breaker *b);
void queue_add_account_json(struct strbuf *out, const struct breaker *b);
/* When the queued entry E is tried again: when it is due, and its account may be tried. INT64_MAX:
 * not before a person does something. */
int64_t queue_next(const struct queue_view *v, const struct entry *e);
/* "12 min", "3 h", "2 d". */
void queue_add_span(struct strbuf *out, int64_t seconds);
/* "1.2 KiB". */
void queue_add_size(struct strbuf *out, uint64_t octets);
/* "queued", "held", "uncertain", "failed", "waiting" (not before a time). */
const char *queue_state(const struct entry *e, int64_t now);
