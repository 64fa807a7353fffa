/* Where the record of a submission goes. Writes only to a sink that app/ opened. */
#pragma once

#include <stdbool.h>

struct error;

enum log_sink { LOG_SINK_NONE, LOG_SINK_SYSLOG, LOG_SINK_FILE };

struct log {
	enum log_sink sink;
	int fd; /* LOG_SINK_FILE */
};

#define LOG_NONE                                                                                   \
	{                                                                                          \
		.sink = LOG_SINK_NONE, .fd = -1                                                    \
	}

/* Opens the sink that TARGET names: "syslog", "none", or a file that is created with mode 0600 and
 * appended to. TAG names the program in syslog and must stay alive. A file that cannot be opened is
 * FAULT_CREATE and leaves *L as LOG_NONE. */
bool log_open(struct log *l, const char *target, const char *tag, struct error *err)
	__attribute__((warn_unused_result));
/* Writes one record: a line without its end, already made printable by the caller. In a file it
 * gets an RFC 3339 time in front and goes out in one write(2), so that records of several processes
 * do not mix. False when it could not be written. FAILURE chooses the priority for syslog. */
bool log_write(struct log *l, bool failure, const char *line, struct error *err)
	__attribute__((warn_unused_result));
void log_close(struct log *l);
