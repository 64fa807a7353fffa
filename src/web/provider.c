#include "provider.h"

#include <string.h>
#include <strings.h>

#define IMPLICIT   false
#define STARTTLS   true
#define ADDRESS    PROVIDER_USER_ADDRESS
#define LOCAL_PART PROVIDER_USER_LOCAL_PART

#define PROVIDER(name_, domains_, mx_, host_, port_, starttls_, user_, login_, oauth_, help_)      \
	{ .name = (name_),                                                                         \
		.domains = (domains_),                                                             \
		.mx = (mx_),                                                                       \
		.host = (host_),                                                                   \
		.port = (port_),                                                                   \
		.starttls = (starttls_),                                                           \
		.user = (user_),                                                                   \
		.login = (login_),                                                                 \
		.oauth = (oauth_),                                                                 \
		.help = (help_) },
const struct provider providers[] = {
#include "provider.def"
	{ .name = NULL }
};
#undef PROVIDER

#define OAUTH(name_, issuer_, authorize_, token_, device_, revoke_, scope_, client_scope_,         \
	tenant_, mechanism_, redirect_host_, wants_secret_, device_mail_, grants_, help_)          \
	{ .name = (name_),                                                                         \
		.issuer = (issuer_),                                                               \
		.authorize = (authorize_),                                                         \
		.token = (token_),                                                                 \
		.device = (device_),                                                               \
		.revoke = (revoke_),                                                               \
		.scope = (scope_),                                                                 \
		.client_scope = (client_scope_),                                                   \
		.tenant = (tenant_),                                                               \
		.mechanism = (mechanism_),                                                         \
		.redirect_host = (redirect_host_),                                                 \
		.wants_secret = (wants_secret_),                                                   \
		.device_mail = (device_mail_),                                                     \
		.grants = (grants_),                                                               \
		.help = (help_) },
const struct provider_oauth provider_oauths[] = {
#include "provider.def"
	{ .name = NULL }
};
#undef OAUTH

/* The length of a name without the dot of the root. */
static size_t
name_length(const char *name)
{
	size_t n = strlen(name);

	return n && name[n - 1] == '.' ? n - 1 : n;
}

/* A name is the pattern: the name itself, ".SUFFIX", or with "*" for one whole label. */
static bool
fits(const char *pattern, size_t m, const char *name, size_t n)
{
	const char *star = memchr(pattern, '*', m);
	size_t front, back;

	if (*pattern == '.')
		return n > m && strncasecmp(name + n - m, pattern, m) == 0;
	if (!star)
		return n == m && strncasecmp(name, pattern, n) == 0;
	front = (size_t)(star - pattern);
	back = m - front - 1;
	return n > front + back && strncasecmp(name, pattern, front) == 0 &&
	       strncasecmp(name + n - back, star + 1, back) == 0 &&
	       !memchr(name + front, '.', n - front - back);
}

/* How long the word of LIST is that NAME fits, 0 if it fits none. */
static size_t
find(const char *list, const char *name)
{
	size_t n = name_length(name), m, best = 0;

	for (list += strspn(list, " "); n && *list; list += strspn(list, " ")) {
		m = strcspn(list, " ");
		if (m > best && fits(list, m, name, n))
			best = m;
		list += m;
	}
	return best;
}

const struct provider *
provider_by_domain(const char *domain)
{
	const struct provider *p = providers;

	while (p->name && !find(p->domains, domain))
		p++;
	return p->name ? p : NULL;
}

const struct provider *
provider_by_mx(const char *mx)
{
	const struct provider *best = NULL;
	size_t length = 0, n;

	for (const struct provider *p = providers; p->name; p++)
		if (p->mx && (n = find(p->mx, mx)) > length) {
			length = n;
			best = p;
		}
	return best;
}

const struct provider *
provider_by_host(const char *host)
{
	const struct provider *p = providers;

	while (p->name && !(p->host && find(p->host, host)))
		p++;
	return p->name ? p : NULL;
}

const struct provider_oauth *
provider_oauth_by_name(const char *name)
{
	const struct provider_oauth *o = provider_oauths;

	while (o->name && strcmp(o->name, name) != 0)
		o++;
	return o->name ? o : NULL;
}
