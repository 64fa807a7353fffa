#include "identity.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "address.h"
#include "alloc.h"
#include "profile.h"
#include "strbuf.h"
#include "text.h"

static const struct passwd *
entry(void)
{
	static const struct passwd *found;
	static int asked;

	if (!asked)
		found = getpwuid(getuid());
	asked = 1;
	return found;
}

const char *
identity_user(void)
{
	static char fallback[32];

	if (entry() && *entry()->pw_name)
		return entry()->pw_name;
	snprintf(fallback, sizeof(fallback), "uid-%lu", (unsigned long)getuid());
	return fallback;
}

const char *
identity_full_name(void)
{
	static struct strbuf name = STRBUF_INIT(256);
	const char *gecos = entry() && entry()->pw_gecos ? entry()->pw_gecos : "", *login;

	if (name.len)
		return name.s;
	for (; *gecos && *gecos != ','; gecos++) {
		if (*gecos != '&') {
			strbuf_addc(&name, *gecos);
			continue;
		}
		/* a convention of finger(1): & is the login name, capitalised */
		login = identity_user();
		strbuf_addc(&name, *login >= 'a' && *login <= 'z' ? (char)(*login - 32) : *login);
		strbuf_adds(&name, login + 1);
	}
	if (name.full || text_has_control(name.s, name.len))
		strbuf_clear(&name);
	return name.s;
}

const char *
identity_environment_name(void)
{
	const char *name = getuid() == geteuid() && getgid() == getegid() ? getenv("NAME") : NULL;

	return name && strlen(name) <= 256 && !text_has_control(name, strlen(name)) ? name : "";
}

/* Finds the full name of HOST in /etc/hosts: the first name with a dot on a line that names it. */
static char *
full_name(const char *host)
{
	char line[1024], *rest, *word, *dotted, *found = NULL;
	FILE *f = fopen("/etc/hosts", "re");
	bool named;

	while (f && !found && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "#\n")] = '\0';
		dotted = NULL;
		named = false;
		rest = line;
		strsep(&rest, " \t");
		while ((word = strsep(&rest, " \t"))) {
			if (!dotted && strchr(word, '.'))
				dotted = word;
			named = named || strcasecmp(word, host) == 0;
		}
		if (named && dotted && strncasecmp(dotted, "localhost", 9) != 0)
			found = xstrdup(dotted);
	}
	if (f)
		fclose(f);
	return found;
}

/* As the kernel has it; "" where it has none. */
static const char *
node_name(void)
{
	static char node[256];

	if (!*node && gethostname(node, sizeof(node) - 1) != 0)
		*node = '\0';
	return node;
}

const char *
identity_host(void)
{
	static char *name;
	const char *host = *node_name() ? node_name() : "localhost";

	if (name)
		return name;
	name = strchr(host, '.') ? NULL : full_name(host);
	if (!name || !address_domain_is_valid(name)) {
		free(name);
		name = xstrdup(address_domain_is_valid(host) ? host : "localhost");
	}
	return name;
}

const char *const *
identity_local_domains(size_t *ret_n)
{
	static const char *domains[5] = { "localhost", "localhost.localdomain" };
	static size_t n;
	const char *host = node_name();

	if (!n) {
		n = 2;
		domains[n++] = identity_host();
		if (*host) {
			domains[n++] = host;
			if (strchr(host, '.') && host[0] != '.')
				domains[n++] = xstrndup(host, strcspn(host, "."));
		}
	}
	*ret_n = n;
	return domains;
}

bool
identity_is_local(const char *domain)
{
	size_t n;
	const char *const *domains = identity_local_domains(&n);

	for (size_t i = 0; i < n; i++)
		if (strcasecmp(domain, domains[i]) == 0)
			return true;
	return false;
}

const char *
identity_domain(const struct profile *p)
{
	const char *domain = profile_text(p, OPT_DEFAULT_DOMAIN);

	return domain ? domain : identity_host();
}
