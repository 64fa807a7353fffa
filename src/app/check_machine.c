/* The service, who is sendmail here, and what the kernel gives. */
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "address.h"
#include "box.h"
#include "checkup.h"
#include "clock.h"
#include "identity.h"
#include "peer.h"
#include "privilege.h"
#include "sandbox.h"
#include "service.h"
#include "strbuf.h"

#define SENDMAIL "/usr/sbin/sendmail"

static void
check_socket(struct checkup *c, const struct profile *p)
{
	const char *path = profile_text(p, OPT_SERVICE_SOCKET);
	struct error err = ERROR_NONE;
	bool absent;
	int fd = service_connect(path, clock_in(5 * CLOCK_SECOND), &absent, &err);

	check_text(c, "path", path);
	if (fd < 0) {
		check_error(c, FINDING_SOCKET, false, &err,
			"systemctl enable --now sendoff.socket, or run sendoff serve");
		return;
	}
	close(fd);
	check_good(c, FINDING_SOCKET, "%s answers", path);
}

/* Whether we may send by it as ourselves. */
static void
check_allowed(struct checkup *c, const struct profile *p)
{
	const char *from = profile_text(p, OPT_FROM);
	struct strbuf text = STRBUF_INIT(512);
	struct address sender = ADDRESS_NONE;
	struct error err = ERROR_NONE;
	struct peer peer;

	peer_of_uid(&peer, getuid());
	if (from)
		strbuf_adds(&text, from);
	else
		strbuf_addf(&text, "%s@%s", peer.user, identity_domain(p));
	if (address_parse_sender(text.s, text.len, &sender, &err) &&
		peer_may_send(&peer, p, &sender, 0, &err))
		check_good(c, FINDING_ALLOWED, "%s may send as %s", peer.user, text.s);
	else
		check_error(c, FINDING_ALLOWED, false, &err,
			"ask the administrator for users and allow-senders of this account");
	address_done(&sender);
	strbuf_done(&text);
}

void
check_service(struct checkup *c, const struct profile *p)
{
	check_socket(c, p);
	check_allowed(c, p);
}

void
check_root(struct checkup *c, const struct profile *p, const struct wire_settings *w)
{
	if (!box_steps_down(p) || profile_choice(p, OPT_SUBMIT) == 1)
		return;
	if (!box_is_possible(w))
		check_warn(c, FINDING_ROOT,
			"set submit = service, or use a key in a file and a password",
			"root itself talks to the smarthost: PKCS#11 and Kerberos want more than a "
			"sandbox allows");
	else if (!getpwnam(PRIVILEGE_USER))
		check_warn(c, FINDING_ROOT,
			"make the user: useradd --system --user-group --shell /usr/sbin/nologin "
			"" PRIVILEGE_USER,
			"what talks to the smarthost for root stays root, without capabilities: "
			"there is no user " PRIVILEGE_USER);
	else
		check_good(
			c, FINDING_ROOT, "user " PRIVILEGE_USER " talks to the smarthost for root");
}

static void
check_sendmail(struct checkup *c)
{
	char real[PATH_MAX], ours[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", ours, sizeof(ours) - 1);
	const char *name;

	ours[n > 0 ? n : 0] = '\0';
	if (!realpath(SENDMAIL, real)) {
		check_warn(c, FINDING_SENDMAIL,
			"install the package, or make a link of that name to sendoff",
			"%s does not exist: cron and other programs cannot send", SENDMAIL);
		return;
	}
	check_text(c, "path", real);
	name = strrchr(real, '/');
	name = name ? name + 1 : real;
	if (strcmp(real, ours) == 0 || strcmp(name, "sendoff") == 0)
		check_good(c, FINDING_SENDMAIL, "%s is sendoff (%s)", SENDMAIL, real);
	else
		check_good(c, FINDING_SENDMAIL, "%s is %s: what calls it is not sent by sendoff",
			SENDMAIL, real);
}

static void
check_others(struct checkup *c)
{
	static const struct {
		const char *path, *name;
		bool can_import;
	} others[] = { { "/usr/bin/msmtp", "msmtp", true }, { "/usr/sbin/ssmtp", "ssmtp", true },
		{ "/usr/sbin/nullmailer-send", "nullmailer", true },
		{ "/usr/sbin/dma", "dma", true }, { "/usr/bin/esmtp", "esmtp", true },
		{ "/usr/sbin/postfix", "Postfix", false }, { "/usr/sbin/exim4", "Exim", false },
		{ "/usr/sbin/smtpd", "OpenSMTPD", false } };
	struct strbuf all = STRBUF_INIT(500);
	bool import = false;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (access(others[i].path, X_OK) == 0) {
			strbuf_addf(&all, "%s%s", all.len ? ", " : "", others[i].name);
			import = import || others[i].can_import;
		}
	check_good(c, FINDING_OTHERS, "%s%s", all.len ? all.s : "none",
		import ? " (sendoff import translates its configuration)" : "");
	strbuf_done(&all);
}

static void
check_sandbox(struct checkup *c)
{
	struct sandbox_state state;

	sandbox_probe(&state);
	check_number(c, "landlock", state.landlock);
	check_datum(c, "seccomp", json_boolean(state.seccomp));
	if (SANITIZED || (!state.landlock && !state.seccomp))
		check_warn(c, FINDING_SANDBOX,
			SANITIZED ? "build without a sanitizer"
				  : "use a kernel with Landlock and seccomp: without them the "
				    "service's "
				    "network processes are kept apart by their user only",
			"the kernel gives none%s", SANITIZED ? " that this build could use" : "");
	else
		check_good(c, FINDING_SANDBOX, "%s%.0d%s%s", state.landlock ? "Landlock ABI " : "",
			state.landlock, state.landlock && state.seccomp ? ", " : "",
			state.seccomp ? "seccomp" : "");
}

void
check_machine(struct checkup *c)
{
	check_sendmail(c);
	check_others(c);
	check_sandbox(c);
}
