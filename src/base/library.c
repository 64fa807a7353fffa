#include "library.h"

#include <dlfcn.h>
#include <string.h>

#include "error.h"

bool
library_load(const char *const *sonames, const char *packages, const struct library_symbol *symbols,
	size_t n, struct error *err)
{
	const char *name = *sonames, *why;
	void *handle = NULL;

	for (size_t i = 0; !handle && sonames[i]; i++) {
		name = sonames[i];
		handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	}
	if (!handle) {
		why = dlerror();
		return error_set(err, FAULT_CONFIG, "%s is needed for this: install %s (%.200s)",
			*sonames, packages, why ? why : "unknown");
	}
	for (size_t i = 0; i < n; i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (!symbol)
			return error_set(err, FAULT_CONFIG, "%s is too old: it has no %s", name,
				symbols[i].name);
		memcpy(symbols[i].to, &symbol, sizeof(symbol));
	}
	return true;
}
