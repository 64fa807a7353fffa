/* What the files behind verb.h share: verb.c (the table, and everything up to the login),
 * verb_mail.c (the transaction). */
#pragma once

#include "verb.h"

struct strbuf;

/* Puts a line into the stream's buffer, and into the trace as it is. */
bool verb_say(struct session *s, const struct strbuf *line, struct error *err);
bool verb_say_word(struct session *s, const char *word, struct error *err);
/* A reply of a class that cannot stand here. */
enum move verb_unexpected(struct session *s, enum verb verb, struct error *err);

/* The rows' functions in verb_mail.c. */
bool write_mail(struct session *s, size_t argument, struct error *err);
enum move take_mail(struct session *s, size_t argument, struct error *err);
bool write_rcpt(struct session *s, size_t argument, struct error *err);
enum move take_rcpt(struct session *s, size_t argument, struct error *err);
bool write_data(struct session *s, size_t argument, struct error *err);
enum move take_data(struct session *s, size_t argument, struct error *err);
bool write_end(struct session *s, size_t argument, struct error *err);
enum move take_end(struct session *s, size_t argument, struct error *err);
bool write_bdat(struct session *s, size_t argument, struct error *err);
enum move take_bdat(struct session *s, size_t argument, struct error *err);
bool write_nobody(struct session *s, size_t argument, struct error *err);
bool write_rset(struct session *s, size_t argument, struct error *err);
enum move take_rset(struct session *s, size_t argument, struct error *err);
