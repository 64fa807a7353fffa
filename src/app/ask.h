/* Questions to a person. Where signals are caught (queueing_signal.h), one that comes ends the
 * question that is being asked; else it ends the program, as ever. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;
struct strbuf;

/* True iff somebody can be asked: standard input and standard error are terminals. */
bool ask_is_possible(void);
/* True iff what is written to FD may be coloured: a terminal, whose TERM is neither empty nor dumb,
 * and NO_COLOR is not set. */
bool ask_has_colours(int fd);
/* Asks QUESTION, showing PRESET (may be NULL) as what an empty line means, until CHECK (may be
 * NULL) takes the answer; its error is shown. One printable line into RET, without blanks around
 * it; an empty one only where CHECK takes it. FAULT_USAGE: nobody can be asked, or the input ended;
 * its text says which option would answer: OPTION ("--host HOST"). FAULT_TEMPORARY: a signal came.
 */
bool ask_line(const char *question, const char *preset, const char *option,
	bool (*check)(void *ctx, const char *answer, struct error *err), void *ctx,
	struct strbuf *ret, struct error *err) __attribute__((warn_unused_result));
/* Asks for yes or no. */
bool ask_yes(const char *question, bool preset, const char *option, bool *ret, struct error *err)
	__attribute__((warn_unused_result));
/* Lets one of N choices be taken by its number; PRESET is an index. */
bool ask_choice(const char *question, const char *const *choices, size_t n, size_t preset,
	const char *option, size_t *ret, struct error *err) __attribute__((warn_unused_result));
