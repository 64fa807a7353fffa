#include <gnutls/gnutls.h>
#include <gsasl.h>
#include <idn2.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "help.h"
#include "sandbox.h"
#include "sasl.h"
#include "strbuf.h"
#include "text.h"

/* The files that are looked for, the one that is read first in front. */
static void
add_files(struct strbuf *out)
{
	const char *folder = getenv("XDG_CONFIG_HOME");

	if (folder && *folder)
		text_add_printable(out, folder, strlen(folder), 4096);
	else
		strbuf_adds(out, "~/.config");
	strbuf_adds(out, "/sendoff/config " SYSCONFDIR "/sendoff/config\n");
}

/* What keeps the process that talks to a server from anything else. */
static void
add_sandbox(struct strbuf *out)
{
	struct sandbox_state state;

	sandbox_probe(&state);
	strbuf_adds(out, "sandbox: ");
	if (state.landlock)
		strbuf_addf(out, "Landlock ABI %d%s", state.landlock, state.seccomp ? ", " : "");
	strbuf_adds(out, state.seccomp ? "seccomp" : state.landlock ? "" : "none");
	strbuf_adds(out, SANITIZED ? " (not used in this build)\n" : "\n");
}

void
version_add(struct strbuf *out)
{
	size_t i;

	strbuf_addf(out, "sendoff %s\n", SENDOFF_VERSION);
	strbuf_addf(out, "libraries: GnuTLS %s, libgsasl %s, libidn2 %s, jansson %s\n",
		gnutls_check_version(NULL), gsasl_check_version(NULL), idn2_check_version(NULL),
		jansson_version_str());
	strbuf_adds(out, "mechanisms:");
	for (i = 0; i < SASL_COUNT; i++)
		strbuf_addf(out, " %s", sasl_mechanisms[i].name);
#ifdef HAVE_KEYRING
	strbuf_adds(out, "\nkeyring: Secret Service, by libsecret\n");
#else
	strbuf_adds(out, "\nkeyring: none\n");
#endif
	add_sandbox(out);
	strbuf_adds(out, "configuration: ");
	add_files(out);
}
