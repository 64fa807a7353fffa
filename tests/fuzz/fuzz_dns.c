/* Messages of the DNS: what comes out is within bounds, and names are host names. The first octet
 * chooses the type that is asked for. */
#include "dns.h"
#include "fuzz.h"

static void
check_name(const char *name)
{
	size_t n = strlen(name);

	check(n > 0 && n < DNS_NAME);
	check(strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == n);
	check(strcmp(name, ".") == 0 ||
		(name[0] != '.' && name[n - 1] != '.' && !strstr(name, "..")));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum dns_type types[] = { DNS_A, DNS_CNAME, DNS_AAAA, DNS_SRV, DNS_TLSA,
		DNS_MX };
	struct dns_answer a;
	enum dns_type type;

	if (size < 1 || size > DNS_MESSAGE)
		return 0;
	type = types[data[0] % 6];
	data++;
	size--;
	if (!dns_parse(data, size, "srv.x", type, &a))
		return 0;
	check(a.n <= DNS_RECORDS && a.code >= 0 && a.code <= 15);
	check_name(a.name);
	check(a.alias || strcmp(a.name, "srv.x") == 0);
	for (size_t i = 0; i < a.n; i++) {
		if (type == DNS_SRV)
			check_name(a.records[i].srv.target);
		if (type == DNS_MX)
			check_name(a.records[i].mx.exchange);
		if (type == DNS_CNAME)
			check_name(a.records[i].cname);
		if (type == DNS_TLSA)
			check(a.records[i].tlsa.n && a.records[i].tlsa.data > data &&
				a.records[i].tlsa.data + a.records[i].tlsa.n <= data + size);
	}
	return 0;
}
