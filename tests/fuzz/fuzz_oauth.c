/* What a server says of a token, the first octet apart, which chooses between base64 and what is
 * none: whatever it is, what is told of it is short, one line, and fit for a terminal. */
#include "fuzz.h"
#include "mime.h"
#include "sasl_oauth.h"
#include "strbuf.h"
#include "text.h"

/* Octets of their own allocation, so that reading past their end is noticed. */
static void
complain(char *out, size_t size, const char *s, size_t n)
{
	char *exact = malloc(n ? n : 1);

	if (!exact)
		return;
	memcpy(exact, s, n);
	memset(out, 'x', size);
	sasl_oauth_complaint(out, size, exact, n);
	free(exact);
	check(memchr(out, '\0', size) != NULL);
	check(!text_has_control(out, strlen(out)) || strlen(out) == size - 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf challenge = STRBUF_INIT(1 << 20);
	char out[320], small[24];

	if (!size)
		return 0;
	if (data[0] & 1)
		mime_add_base64(&challenge, data + 1, size - 1);
	else
		strbuf_add(&challenge, data + 1, size - 1);
	if (!challenge.full) {
		complain(out, sizeof(out), challenge.s, challenge.len);
		complain(small, sizeof(small), challenge.s, challenge.len);
		check(strncmp(out, small, strlen(small)) == 0);
	}
	strbuf_done(&challenge);
	return 0;
}
