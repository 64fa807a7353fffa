/* Forms and queries (the application/x-www-form-urlencoded of RFC 6749 appendix B). */
#include <string.h>

#include "http_private.h"

void
http_add_encoded(struct strbuf *out, const char *s)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (; *s; s++)
		if (strchr(plain, *s))
			strbuf_addc(out, *s);
		else
			strbuf_addf(out, "%%%02X", (unsigned char)*s);
}

void
http_add_parameter(struct strbuf *out, const char *key, const char *value)
{
	if (!value)
		return;
	if (out->len && out->s[out->len - 1] != '?')
		strbuf_addc(out, '&');
	http_add_encoded(out, key);
	strbuf_addc(out, '=');
	http_add_encoded(out, value);
}
