/* Messages of the DNS, octet by octet. */
#include "dns.h"
#include "tap.h"

#define OCTETS(s)  s, sizeof(s) - 1
#define HEAD(f, q) "\x12\x34" f "\0" q
/* one question: srv.x. SRV */
#define ASKED       "\3srv\1x\0\0\x21\0\1"
#define HERE        "\xc0\x0c" /* the name asked for */
#define FIXED(t, n) "\0" t "\0\1\0\0\0\x3c\0" n
#define SRV1        HERE FIXED("\x21", "\x0b") "\0\5\0\7\1\xd1\3mx1\xc0\x10"

static const struct row {
	const char *what, *message;
	size_t n;
	enum dns_type type;
	bool good;
	const char *want; /* see print() */
} rows[] = {
	{ "one record",
		OCTETS(HEAD("\x81\xa0", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\x21", "\x0c") "\0\5\0\7\1\xd1\3mx1\xc0\x10"),
		DNS_SRV, true, "0 ad srv.x 5 7 465 mx1.x;" },
	{ "not authentic", OCTETS(HEAD("\x81\x80", "\1\0\0\0\0\0\0") ASKED), DNS_SRV, true,
		"0 srv.x" },
	{ "no such name", OCTETS(HEAD("\x81\x83", "\1\0\0\0\0\0\0") ASKED), DNS_SRV, true,
		"3 srv.x" },
	{ "the server failed", OCTETS(HEAD("\x81\x82", "\1\0\0\0\0\0\0") ASKED), DNS_SRV, true,
		"2 srv.x" },
	{ "truncated", OCTETS(HEAD("\x83\x80", "\1\0\0\0\0\0\0") ASKED), DNS_SRV, true,
		"0 tc srv.x" },
	{ "a question", OCTETS(HEAD("\1\0", "\1\0\0\0\0\0\0") ASKED), DNS_SRV, false, "" },
	{ "no target",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\x21", "\7") "\0\0\0\0\0\0\0"),
		DNS_SRV, true, "0 srv.x 0 0 0 .;" },
	{ "upper case",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED
			"\3SRV\1X\0" FIXED("\x21", "\x0b") "\0\0\0\0\0\1\2MX\1y\0"),
		DNS_SRV, true, "0 srv.x" },
	{ "upper case, right length",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED
			"\3SRV\1X\0" FIXED("\x21", "\x0c") "\0\0\0\0\0\1\2MX\1Y\0"),
		DNS_SRV, true, "0 srv.x 0 0 1 mx.y;" },
	{ "of another name",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED
			"\1y\0" FIXED("\x21", "\7") "\0\0\0\0\0\0\0"),
		DNS_SRV, true, "0 srv.x" },
	{ "of another class",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED HERE
			"\0\x21\0\3\0\0\0\x3c\0\7\0\0\0\0\0\0\0"),
		DNS_SRV, true, "0 srv.x" },
	{ "a target with a blank",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\x21", "\x0b") "\0\0\0\0\0\1\3a b\0"),
		DNS_SRV, true, "0 srv.x" },
	{ "a label with a dot",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\x21", "\x0b") "\0\0\0\0\0\1\3a.b\0"),
		DNS_SRV, true, "0 srv.x" },
	{ "an alias",
		OCTETS(HEAD("\x81\x80", "\1\0\2\0\0\0\0") ASKED HERE FIXED(
			"\5", "\4") "\1y\xc0\x10"
				    "\1y\1x\0" FIXED("\x21", "\7") "\0\0\0\0\0\1\0"),
		DNS_SRV, true, "0 alias y.x 0 0 1 .;" },
	{ "an alias of itself",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED HERE FIXED("\5", "\2") "\xc0\x0c"),
		DNS_SRV, false, "" },
	{ "an alias that leads nowhere",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\5", "\4") "\1y\xc0\x50"),
		DNS_SRV, true, "0 srv.x" },
	{ "the alias itself",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED HERE FIXED("\5", "\2") "\xc0\x10"),
		DNS_CNAME, true, "0 srv.x x;" },
	{ "MX",
		OCTETS(HEAD("\x81\xa0", "\1\0\2\0\0\0\0") ASKED HERE FIXED(
			"\x0f", "\6") "\0\x14\1y\xc0\x10" HERE FIXED("\x0f", "\3") "\0\0\0"),
		DNS_MX, true, "0 ad srv.x 20 y.x; 0 .;" },
	{ "MX without a name",
		OCTETS(HEAD("\x81\xa0", "\1\0\1\0\0\0\0") ASKED HERE FIXED("\x0f", "\2") "\0\x14"),
		DNS_MX, true, "0 ad srv.x" },
	{ "MX with a control",
		OCTETS(HEAD("\x81\xa0", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\x0f", "\5") "\0\x14\1\n\0"),
		DNS_MX, true, "0 ad srv.x" },
	{ "TLSA",
		OCTETS(HEAD("\x81\xa0", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\x34", "\5") "\3\1\1ab"),
		DNS_TLSA, true, "0 ad srv.x 3 1 1 2;" },
	{ "TLSA without data",
		OCTETS(HEAD("\x81\xa0", "\1\0\1\0\0\0\0") ASKED HERE FIXED("\x34", "\3") "\3\1\1"),
		DNS_TLSA, true, "0 ad srv.x" },
	{ "addresses",
		OCTETS(HEAD("\x81\x80", "\1\0\2\0\0\0\0") ASKED HERE FIXED(
			"\1", "\4") "\1\2\3\4" HERE FIXED("\1", "\3") "\1\2\3"),
		DNS_A, true, "0 srv.x .;" },
	{ "a pointer to itself",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED
			"\xc0\x17" FIXED("\1", "\4") "\1\2\3\4"),
		DNS_A, false, "" },
	{ "a pointer forward",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED
			"\xc0\x23" FIXED("\1", "\4") "\1\2\3\4"),
		DNS_A, false, "" },
	{ "a pointer out of the message",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED
			"\xff\xff" FIXED("\1", "\4") "\1\2\3\4"),
		DNS_A, false, "" },
	{ "half a pointer", OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED "\xc0"), DNS_A, false,
		"" },
	{ "data beyond the end",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0") ASKED HERE FIXED("\1", "\5") "\1\2\3\4"),
		DNS_A, false, "" },
	{ "fewer records than said",
		OCTETS(HEAD("\x81\x80", "\1\0\2\0\0\0\0") ASKED HERE FIXED("\1", "\4") "\1\2\3\4"),
		DNS_A, false, "" },
	{ "a label of a kind of its own",
		OCTETS(HEAD("\x81\x80", "\1\0\0\0\0\0\0") "\x43srv\0\0\1\0\1"), DNS_A, false, "" },
	{ "no name at all", OCTETS(HEAD("\x81\x80", "\1\0\0\0\0\0\0")), DNS_A, false, "" },
	{ "half a header", OCTETS("\x12\x34\x81\x80"), DNS_A, false, "" },
	{ "a target that runs on",
		OCTETS(HEAD("\x81\x80", "\1\0\1\0\0\0\0")
				ASKED HERE FIXED("\x21", "\7") "\0\0\0\0\0\1\1"
							       "a\0"),
		DNS_SRV, true, "0 srv.x" },
};

static void
print(char *out, size_t size, const struct dns_answer *a, enum dns_type type)
{
	size_t n = (size_t)snprintf(out, size, "%d%s%s%s %s", a->code, a->authentic ? " ad" : "",
		a->truncated ? " tc" : "", a->alias ? " alias" : "", a->name);

	for (size_t i = 0; i < a->n && n < size; i++)
		if (type == DNS_SRV)
			n += (size_t)snprintf(out + n, size - n, " %u %u %u %s;",
				a->records[i].srv.priority, a->records[i].srv.weight,
				a->records[i].srv.port, a->records[i].srv.target);
		else if (type == DNS_MX)
			n += (size_t)snprintf(out + n, size - n, " %u %s;",
				a->records[i].mx.preference, a->records[i].mx.exchange);
		else if (type == DNS_TLSA)
			n += (size_t)snprintf(out + n, size - n, " %u %u %u %zu;",
				a->records[i].tlsa.usage, a->records[i].tlsa.selector,
				a->records[i].tlsa.matching, a->records[i].tlsa.n);
		else
			n += (size_t)snprintf(out + n, size - n, " %s;",
				type == DNS_CNAME ? a->records[i].cname : ".");
}

static void
long_name(void)
{
	unsigned char m[600] = { 0x12, 0x34, 0x81, 0x80, 0, 1 };
	struct dns_answer a;

	/* four labels of 63 octets are one too many, the last one of 61 is not */
	for (int last = 61; last <= 63; last++) {
		unsigned char *at = m + 12;

		for (int i = 0; i < 4; i++) {
			unsigned char n = i == 3 ? (unsigned char)last : 63;

			*at++ = n;
			memset(at, 'a', n);
			at += n;
		}
		memcpy(at, "\0\0\1\0\1", 5);
		ok(dns_parse(m, (size_t)(at + 5 - m), "a", DNS_A, &a) == (last < 62),
			"a name of %d octets", 3 * 64 + last);
	}
}

static void
many(void)
{
	static unsigned char m[40000] = { 0x12, 0x34, 0x81, 0x80, 0, 1, 0x07, 0xd0 };
	unsigned char *at = m + 12;
	struct dns_answer a;

	memcpy(at, "\1x\0\0\x34\0\1", 7);
	at += 7;
	for (int i = 0; i < 2000; i++, at += 17)
		memcpy(at, "\xc0\x0c\0\x34\0\1\0\0\0\0\0\5\3\1\1ab", 17);
	ok(dns_parse(m, (size_t)(at - m), "x", DNS_TLSA, &a) && a.n == DNS_RECORDS,
		"more records than are kept");
}

/* A record whose name is at the end of N pointers that lead from one to the next. */
static bool
chained(unsigned n)
{
	unsigned char m[1024] = { 0x12, 0x34, 0x81, 0x80, 0, 0, 0, 2 }, *at = m + 12;
	struct dns_answer a;
	size_t to;

	memcpy(at, "\0\0\x10\0\1\0\0\0\0", 9);
	at += 9;
	*at++ = (unsigned char)(2 * n >> 8);
	*at++ = (unsigned char)(2 * n);
	for (to = 12; n > 1; n--, at += 2) {
		at[0] = (unsigned char)(0xc0 | to >> 8);
		at[1] = (unsigned char)to;
		to = (size_t)(at - m);
	}
	/* the rest of the data; the name itself is the last pointer */
	memset(at, 0, 2);
	at += 2;
	at[0] = (unsigned char)(0xc0 | to >> 8);
	at[1] = (unsigned char)to;
	memcpy(at + 2, "\0\1\0\1\0\0\0\0\0\4\1\2\3\4", 14);
	return dns_parse(m, (size_t)(at + 16 - m), "x", DNS_A, &a);
}

int
main(void)
{
	struct dns_answer a;
	char got[1000];
	bool good;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		good = dns_parse(
			(const uint8_t *)rows[i].message, rows[i].n, "srv.x", rows[i].type, &a);
		if (!ok(good == rows[i].good, "%s", rows[i].what) || !good)
			continue;
		print(got, sizeof(got), &a, rows[i].type);
		same(got, strlen(got), rows[i].want, rows[i].what);
	}
	long_name();
	many();
	ok(chained(1) && chained(127), "as many pointers as a name has labels");
	ok(!chained(128) && !chained(400), "more cost time");
	return tap_done();
}
