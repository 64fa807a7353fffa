/* What access there is: `login --status` and `login --refresh-all`. */
#pragma once

struct arguments;

int login_overview(const struct arguments *args);
