#include <arpa/inet.h>
#include <idn2.h>
#include <string.h>

#include "dial.h"
#include "error.h"
#include "text.h"

bool
dial_is_address(const char *host)
{
	unsigned char address[16];
	char plain[64];
	size_t n = strcspn(host, "%");

	if (inet_pton(AF_INET, host, address) == 1)
		return true;
	/* an IPv6 address may have a scope: fe80::1%eth0 */
	if (n >= sizeof(plain) || (host[n] && !host[n + 1]))
		return false;
	memcpy(plain, host, n);
	plain[n] = '\0';
	return inet_pton(AF_INET6, plain, address) == 1;
}

/* Letters, digits, hyphens and underscores in labels of 1 to 63 octets, perhaps a dot at the end. A
 * last label of digits only is refused: it would be read as an address in some odd notation. */
static bool
is_name(const char *s)
{
	size_t label = 0, n = strlen(s);
	bool digits = true;

	if (n && s[n - 1] == '.')
		n--;
	if (!n || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (s[i] == '.') {
			if (!label)
				return false;
			label = 0;
			digits = true;
			continue;
		}
		if (!digit && !(s[i] >= 'a' && s[i] <= 'z') && s[i] != '-' && s[i] != '_')
			return false;
		digits = digits && digit;
		if (++label > 63)
			return false;
	}
	return label && !digits;
}

/* Lower case, and A-labels for what is not ASCII. */
static bool
normalize(const char *name, size_t n, char host[256])
{
	uint8_t *ascii = NULL;
	char plain[256];

	if (n >= sizeof(plain))
		return false;
	memcpy(plain, name, n);
	plain[n] = '\0';
	if (text_is_8bit(plain, n)) {
		if (!text_is_utf8(plain, n) ||
			idn2_lookup_u8((const uint8_t *)plain, &ascii,
				IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
			return false;
		n = strlen((const char *)ascii);
		if (n < sizeof(plain))
			memcpy(plain, ascii, n + 1);
		idn2_free(ascii);
		if (n >= sizeof(plain))
			return false;
	}
	for (size_t i = 0; i <= n; i++)
		host[i] = (char)(plain[i] >= 'A' && plain[i] <= 'Z' ? plain[i] + 32 : plain[i]);
	return is_name(host) || dial_is_address(host);
}

bool
dial_split(const char *text, uint16_t port_if_none, char host[256], uint16_t *ret_port,
	struct error *err)
{
	const char *name = text, *port = NULL, *colon = strchr(text, ':');
	size_t n = strlen(text);
	uint64_t number = port_if_none;
	bool bracket = *text == '[', good;

	if (bracket) {
		name = text + 1;
		n = strcspn(name, "]");
		port = name[n] ? name + n + 1 : NULL;
		if (!port || (*port && *port != ':'))
			return error_set(
				err, FAULT_CONFIG, "host: \"%.100s\": a \"]\" is missing", text);
		port = *port ? port + 1 : NULL;
	} else if (colon && !strchr(colon + 1, ':')) {
		n = (size_t)(colon - text);
		port = colon + 1;
	}
	good = normalize(name, n, host);
	if (!good || (bracket && !(dial_is_address(host) && strchr(host, ':'))))
		return error_set(err, FAULT_CONFIG,
			"host: \"%.100s\" is neither a host name nor an address", text);
	if (port && !text_number(port, 1, 65535, &number))
		return error_set(
			err, FAULT_CONFIG, "host: \"%.100s\": the port must be 1 to 65535", text);
	*ret_port = (uint16_t)number;
	return true;
}
