/* What a delivery is about and what came of it, as fields (field.h) for another process: the one
 * place that knows them by their members. Whoever reads takes it for hostile until it was taken. */
#pragma once

#include <stdbool.h>

struct message;
struct recipient;
struct strbuf;
struct tls_info;
struct wire_report;
struct wishes;

void packing_add_report(struct strbuf *out, const struct wire_report *r);
/* R is initialised; notes are added to those that it has. It may be changed in part when it fails,
 * which it does at a text that is not printable, too. */
bool packing_take_report(const char **at, const char *end, struct wire_report *r)
	__attribute__((warn_unused_result));

/* The part of it about TLS. */
void packing_add_tls(struct strbuf *out, const struct tls_info *t);
bool packing_take_tls(const char **at, const char *end, struct tls_info *t)
	__attribute__((warn_unused_result));

/* Text of lines, as field_add_text writes it: each printable and ended by LF. What is taken is
 * added to RET, which must hold it. */
bool packing_take_lines(const char **at, const char *end, struct strbuf *ret)
	__attribute__((warn_unused_result));

/* Of the recipient what came of it, without the address. */
void packing_add_outcome(struct strbuf *out, const struct recipient *r);
/* Whoever is neither accepted nor pending has a reason. Nothing is changed when it fails. */
bool packing_take_outcome(const char **at, const char *end, struct recipient *r)
	__attribute__((warn_unused_result));

/* All but the descriptor: how much of the body must stand in one is its size without what stands in
 * memory. */
void packing_add_message(struct strbuf *out, const struct message *m);
/* M is initialised; it may be changed in part when it fails. */
bool packing_take_message(const char **at, const char *end, struct message *m)
	__attribute__((warn_unused_result));

void packing_add_wishes(struct strbuf *out, const struct wishes *w);
/* W is zeroed; its mail_auth is owned in any case. */
bool packing_take_wishes(const char **at, const char *end, struct wishes *w)
	__attribute__((warn_unused_result));
