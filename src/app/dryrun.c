#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "report.h"
#include "status.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"

#define BLOCK (64 << 10)

static void
print_address(const char *label, const struct address *a)
{
	struct strbuf line = STRBUF_INIT(2048);

	address_add_printable(&line, a, 1000);
	printf("%s: <%s>\n", label, line.s);
	strbuf_done(&line);
}

/* On a terminal the message's controls are shown, not obeyed; elsewhere its octets are kept, with
 * the line ends of this system. */
static void
print_octets(const char *data, size_t n, bool terminal)
{
	struct strbuf shown = STRBUF_INIT(BLOCK * 8);

	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\r')
			continue;
		if (data[i] == '\n' || data[i] == '\t' || !terminal ||
			((unsigned char)data[i] >= 0x20 && data[i] != 0x7f))
			strbuf_addc(&shown, data[i]);
		else
			text_add_printable(&shown, data + i, 1, 8);
	}
	fwrite(shown.s, 1, shown.len, stdout);
	strbuf_done(&shown);
}

bool
report_dry_run(const struct submission *s, struct error *err)
{
	const char *const *hosts;
	struct message_reader reader;
	bool terminal = isatty(STDOUT_FILENO);
	char block[BLOCK];
	size_t count;
	ssize_t n;

	/* report() prints the object */
	if (submission_given(s, OPT_JSON))
		return true;
	printf("account: %s (%s)\n", s->account.name, s->account.origin);
	hosts = profile_list_of(&s->account, OPT_HOST, &count);
	for (size_t i = 0; i < count; i++)
		printf("host: %s\n", hosts[i]);
	if (profile_is_set(&s->account, OPT_SOCKET))
		printf("socket: %s\n", profile_text(&s->account, OPT_SOCKET));
	print_address("sender", &s->envelope.sender);
	for (size_t i = 0; i < s->envelope.count; i++) {
		const struct recipient *r = &s->envelope.recipients[i];

		if (r->why)
			printf("refused: %s\n", r->why->text);
		else
			print_address("recipient", &r->address);
	}
	printf("size: %llu\n\n", (unsigned long long)message_size(&s->message));
	message_reader_init(&reader, &s->message);
	while ((n = message_reader_get(&reader, block, sizeof(block), err)) > 0)
		print_octets(block, (size_t)n, terminal);
	if (n == 0 && !status_printed())
		return error_set(err, FAULT_IO, "standard output cannot be written");
	return n == 0;
}
