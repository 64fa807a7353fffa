/* `sendoff password`: stores the password of an account, and removes it. */
#pragma once

struct arguments;

int password_command(const struct arguments *args);
