/* The line: argv, options, profile, message, envelope, session, outcome, report. */
#pragma once

struct arguments;

/* Submits one message and reports. Returns the exit status. */
int submit(const struct arguments *args);
