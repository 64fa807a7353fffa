/* `sendoff serve`: listens, and submits for others. */
#pragma once

struct arguments;

/* Serves until SIGTERM or SIGINT. Returns the exit status. */
int serve(const struct arguments *args);
