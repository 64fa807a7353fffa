/* Libraries that are loaded when they are needed, by the one file that needs them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct error;

/* A pointer to a function, and the name of what it is to point to. */
struct library_symbol {
	void *to;
	const char *name;
};

/* Loads the first of SONAMES (ended by NULL) that is there, and fills in the pointers of all N
 * SYMBOLS. PACKAGES are the words that say what to install. It stays loaded until the process ends.
 * FAULT_CONFIG when there is no such library, or it lacks a symbol. */
bool
library_load(const char *const *sonames, const char *packages, const struct library_symbol *symbols,
	size_t n, struct error *err) __attribute__((warn_unused_result));

/* What packagers are told of a library that is loaded so, a section of the program of which TEXT is
 * JSON: https://systemd.io/ELF_DLOPEN_METADATA/. */
#define LIBRARY_NOTE(variable, text_)                                                              \
	static const struct {                                                                      \
		unsigned name_size, text_size, type;                                               \
		char name[4];                                                                      \
		char text[(sizeof(text_) + 3) / 4 * 4];                                            \
	} variable __attribute__((used, aligned(4), section(".note.dlopen"))) = { 4,               \
		sizeof(variable.text), 0x407c0c0a, "FDO", text_ }
