#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "clock.h"
#include "error.h"
#include "io.h"
#include "strbuf.h"

bool
log_open(struct log *l, const char *target, const char *tag, struct error *err)
{
	*l = (struct log)LOG_NONE;
	if (strcmp(target, "none") == 0)
		return true;
	if (strcmp(target, "syslog") == 0) {
		openlog(tag, LOG_PID, LOG_MAIL);
		l->sink = LOG_SINK_SYSLOG;
		return true;
	}
	l->fd = open(
		target, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
	if (l->fd < 0)
		return error_sys(
			err, FAULT_CREATE, errno, "unable to open the log file %s", target);
	l->sink = LOG_SINK_FILE;
	return true;
}

bool
log_write(struct log *l, bool failure, const char *line, struct error *err)
{
	struct strbuf record = STRBUF_INIT(1 << 20);
	bool ok = true;

	switch (l->sink) {
	case LOG_SINK_NONE:
		break;
	case LOG_SINK_SYSLOG:
		syslog(failure ? LOG_ERR : LOG_INFO, "%s", line);
		break;
	case LOG_SINK_FILE:
		clock_add_rfc3339(&record, clock_wall());
		strbuf_addc(&record, ' ');
		strbuf_adds(&record, line);
		strbuf_addc(&record, '\n');
		ok = io_write_full(l->fd, record.s, record.len);
		if (!ok)
			error_sys(err, FAULT_IO, errno, "unable to write the log record");
		break;
	}
	strbuf_done(&record);
	return ok;
}

void
log_close(struct log *l)
{
	if (l->sink == LOG_SINK_FILE)
		close(l->fd);
	if (l->sink == LOG_SINK_SYSLOG)
		closelog();
	*l = (struct log)LOG_NONE;
}
