/* The only file that knows libcurl. Its headers are not needed: the few functions have stood for
 * decades, and what an option's number and type is, the library itself is asked (libcurl 7.73,
 * https://curl.se/libcurl/c/curl_easy_option_by_name.html); an option that it does not have, or
 * that is of another type than it was thought to be, is an error. What stands here as numbers are
 * results and values that the library promises not to change
 * (https://curl.se/libcurl/c/libcurl-errors.html, https://curl.se/libcurl/abi.html). */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alloc.h"
#include "error.h"
#include "http_private.h"
#include "io.h"
#include "library.h"
#include "privilege.h"
#include "sandbox.h"
#include "text.h"

#define PACKAGES   "libcurl3-gnutls or libcurl4"
#define CONNECT_MS 10000
#define HEADERS    (32 << 10) /* octets of header fields */
#define REDIRECTS  3
#define WORDS      256 /* CURL_ERROR_SIZE */

LIBRARY_NOTE(note,
	"[{\"feature\":\"oauth\",\"description\":\"Access tokens and finding out about providers, "
	"by "
	"HTTPS\",\"priority\":\"recommended\",\"soname\":[\"libcurl-gnutls.so.4\",\"libcurl.so."
	"4\"]}]");

/* CURLcode */
enum {
	OK = 0,
	UNSUPPORTED_PROTOCOL = 1,
	URL_MALFORMAT = 3,
	COULDNT_RESOLVE_PROXY = 5,
	COULDNT_RESOLVE_HOST = 6,
	WEIRD_SERVER_REPLY = 8,
	WRITE_ERROR = 23,
	OPERATION_TIMEDOUT = 28,
	TOO_MANY_REDIRECTS = 47,
	PEER_FAILED_VERIFICATION = 60,
	FILESIZE_EXCEEDED = 63,
	SSL_CACERT_BADFILE = 77
};

#define GLOBAL_DEFAULT   3L
#define SSLVERSION_TLS12 6L
#define HTTP_VERSION_1_1 2L
#define AUTH_BASIC       1L
/* CURLINFO */
#define INFO_URL    (0x100000 + 1)
#define INFO_STATUS (0x200000 + 2)
#define INFO_RETRY  (0x600000 + 57)

/* struct curl_easyoption */
struct option {
	const char *name;
	int id, type;
	unsigned flags;
};
/* curl_easytype */
enum {
	TYPE_LONG,
	TYPE_VALUES,
	TYPE_OFF_T,
	TYPE_OBJECT,
	TYPE_STRING,
	TYPE_LIST,
	TYPE_CALLBACK_DATA,
	TYPE_BLOB,
	TYPE_FUNCTION
};

typedef size_t take_octets(char *data, size_t size, size_t n, void *ctx);

struct curl {
	int (*global_init)(long flags);
	void *(*easy_init)(void);
	int (*easy_setopt)(void *handle, int option, ...);
	int (*easy_perform)(void *handle);
	int (*easy_getinfo)(void *handle, int info, ...);
	const char *(*easy_strerror)(int code);
	const struct option *(*option_by_name)(const char *name);
	void *(*slist_append)(void *list, const char *string);

	void *handle;
	const struct http_request *request;
	struct strbuf *body;
	size_t headers;
	bool too_large;
	char words[WORDS]; /* its own, of what went wrong */
	const char *lacks; /* an option that it does not have */
	char trust[32];    /* the file of the request's authorities, or "" */
};

static bool
load(struct curl *c, struct error *err)
{
	static const char *const names[] = { "libcurl-gnutls.so.4", "libcurl.so.4", NULL };
	const struct library_symbol symbols[] = {
		{ &c->global_init, "curl_global_init" },
		{ &c->easy_init, "curl_easy_init" },
		{ &c->easy_setopt, "curl_easy_setopt" },
		{ &c->easy_perform, "curl_easy_perform" },
		{ &c->easy_getinfo, "curl_easy_getinfo" },
		{ &c->easy_strerror, "curl_easy_strerror" },
		{ &c->option_by_name, "curl_easy_option_by_name" },
		{ &c->slist_append, "curl_slist_append" },
	};

	if (!library_load(names, PACKAGES, symbols, sizeof(symbols) / sizeof(*symbols), err))
		return false;
	if (c->global_init(GLOBAL_DEFAULT) != OK || !(c->handle = c->easy_init()))
		return error_set(err, FAULT_TEMPORARY, "libcurl does not start");
	return true;
}

/* The number of an option of one of the types from LOW to HIGH; -1, and remembered, if there is
 * none. */
static int
option(struct curl *c, const char *name, int low, int high)
{
	const struct option *o = c->option_by_name(name);

	if (o && o->type >= low && o->type <= high)
		return o->id;
	c->lacks = name;
	return -1;
}

static void
set_long(struct curl *c, const char *name, long value)
{
	int id = option(c, name, TYPE_LONG, TYPE_VALUES);

	if (id >= 0 && c->easy_setopt(c->handle, id, value) != OK)
		c->lacks = name;
}

static void
set_pointer(struct curl *c, const char *name, const void *value)
{
	int id = option(c, name, TYPE_OBJECT, TYPE_CALLBACK_DATA);

	if (id >= 0 && c->easy_setopt(c->handle, id, value) != OK)
		c->lacks = name;
}

static void
set_function(struct curl *c, const char *name, take_octets *value)
{
	int id = option(c, name, TYPE_FUNCTION, TYPE_FUNCTION);

	if (id >= 0 && c->easy_setopt(c->handle, id, value) != OK)
		c->lacks = name;
}

/* Taking less than was given ends the transfer. */
static size_t
take_body(char *data, size_t size, size_t n, void *ctx)
{
	struct curl *c = ctx;

	strbuf_add(c->body, data, size * n);
	c->too_large = c->too_large || c->body->full;
	return c->too_large ? 0 : size * n;
}

static size_t
take_header(char *data, size_t size, size_t n, void *ctx)
{
	struct curl *c = ctx;

	(void)data;
	c->headers += size * n;
	/* of each answer; and of what may stand before it (RFC 9110 section 15.2) */
	c->too_large = c->too_large || c->headers > HEADERS;
	return c->too_large ? 0 : size * n;
}

/* libcurl reads the authorities when it connects, and wants a file by name; what this process is
 * then may not be able to open the one that it was given. */
static bool
copy_trust(struct curl *c, struct error *err)
{
	const char *path = c->request->trust;
	int from, to, saved;
	char buffer[4096];
	ssize_t n = -1;

	if (!path)
		return true;
	from = open(path, O_RDONLY | O_CLOEXEC);
	to = from < 0 ? -1 : memfd_create("authorities", MFD_CLOEXEC);
	while (to >= 0 && (n = io_read(from, buffer, sizeof(buffer))) > 0)
		if (!io_write_full(to, buffer, (size_t)n)) {
			n = -1;
			break;
		}
	saved = errno;
	if (from >= 0)
		close(from);
	/* the copy stays open until the process ends */
	snprintf(c->trust, sizeof(c->trust), "/proc/self/fd/%d", to);
	if (n == 0)
		return true;
	return error_sys(err, FAULT_CONFIG, saved, "the authorities of %s cannot be read", path);
}

static void
set_connection(struct curl *c, int ms)
{
	set_pointer(c, "PROTOCOLS_STR", "https");
	set_pointer(c, "REDIR_PROTOCOLS_STR", "https");
	set_long(c, "SSLVERSION", SSLVERSION_TLS12);
	set_long(c, "SSL_VERIFYPEER", 1);
	set_long(c, "SSL_VERIFYHOST", 2);
	if (*c->trust) {
		set_pointer(c, "CAINFO", c->trust);
		set_pointer(c, "CAPATH", NULL); /* these, not these too */
	}
	/* the environment of whoever started a program with more rights than his own counts for
	 * nothing */
	if (getauxval(AT_SECURE))
		set_pointer(c, "PROXY", "");
	set_long(c, "TIMEOUT_MS", ms);
	set_long(c, "CONNECTTIMEOUT_MS", ms < CONNECT_MS ? ms : CONNECT_MS);
	set_long(c, "NOSIGNAL", 1);
	set_long(c, "NOPROGRESS", 1);
}

static void
set_request(struct curl *c)
{
	const struct http_request *r = c->request;
	void *fields = NULL;

	set_pointer(c, "URL", r->url);
	set_long(c, "DISALLOW_USERNAME_IN_URL", 1);
	set_long(c, "NETRC", 0);
	set_long(c, "HTTP_VERSION", HTTP_VERSION_1_1);
	set_long(c, "MAXREDIRS", REDIRECTS);
	/* what is posted is for that server only */
	set_long(c, "FOLLOWLOCATION", r->redirects && !r->form);
	set_pointer(c, "USERAGENT", "sendoff/" SENDOFF_VERSION);
	fields = c->slist_append(fields, "Accept: application/json, text/xml, */*;q=0.5");
	if (!fields)
		alloc_failed();
	set_pointer(c, "HTTPHEADER", fields);
	if (r->form) {
		set_long(c, "POSTFIELDSIZE", (long)strlen(r->form));
		set_pointer(c, "POSTFIELDS", r->form);
	}
}

/* RFC 6749 section 2.3.1: both are encoded as in a form before they are made Basic. */
static void
set_login(struct curl *c, struct strbuf *user, struct strbuf *password)
{
	const struct http_request *r = c->request;

	if (!r->user)
		return;
	http_add_encoded(user, r->user);
	http_add_encoded(password, r->password ? r->password : "");
	set_long(c, "HTTPAUTH", AUTH_BASIC);
	set_pointer(c, "USERNAME", user->s);
	set_pointer(c, "PASSWORD", password->s);
}

static void
set_answer(struct curl *c)
{
	set_function(c, "WRITEFUNCTION", take_body);
	set_pointer(c, "WRITEDATA", c);
	set_function(c, "HEADERFUNCTION", take_header);
	set_pointer(c, "HEADERDATA", c);
	set_pointer(c, "ERRORBUFFER", c->words);
}

/* Nothing that is done from here on needs root. */
static bool
step_down(struct error *err)
{
	bool switched;

	if (geteuid() != 0)
		return true;
	if (!privilege_step_down(&switched, err))
		return false;
	privilege_harden();
	/* what was set ends with the user that it was set for */
	return prctl(PR_SET_PDEATHSIG, SIGTERM) == 0;
}

static bool
shut(struct error *err)
{
	const char *read[SANDBOX_PUBLIC + 1] = { NULL };
	const struct sandbox rules = { .read = read };
	struct sandbox_state state;

	for (size_t i = 0; i < SANDBOX_PUBLIC; i++)
		read[i] = sandbox_public[i];
	return step_down(err) && sandbox_enter(&rules, &state, err);
}

/* libcurl does not say why a name could not be resolved. */
static bool
fail_name(const char *host, struct error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *list = NULL;
	char name[HTTP_HOST];
	int rc;

	snprintf(name, sizeof(name), "%s", host);
	name[strcspn(name, ":")] = '\0';
	rc = getaddrinfo(name, "443", &hints, &list);
	if (!rc)
		freeaddrinfo(list);
	if (rc == EAI_NONAME || rc == EAI_NODATA)
		return error_set(err, FAULT_NOHOST, "%s: there is no host of this name", name);
	return error_set(err, FAULT_TEMPORARY, "%s: unable to find its address: %s", name,
		rc ? gai_strerror(rc) : "it was not there a moment ago");
}

/* What libcurl says about a code, its own words if it has some. */
static bool
fail(struct curl *c, const char *host, int code, struct error *err)
{
	const char *words = *c->words ? c->words : c->easy_strerror(code);
	const char *url = NULL;
	char *files = strstr(c->words, ". CAfile:"); /* which says "none" for the system's folder */

	if (files)
		*files = '\0';
	if (c->too_large)
		return error_set(err, FAULT_PROTOCOL, "%s: the answer is too large", host);
	switch (code) {
	case UNSUPPORTED_PROTOCOL: /* HTTP/0.9 is meant too */
		if (c->easy_getinfo(c->handle, INFO_URL, &url) == OK && url &&
			strncmp(url, "https://", 8) != 0)
			return error_set(err, FAULT_PROTOCOL,
				"%s: sends to %.200s, and https:// is wanted", host, url);
		return error_set(err, FAULT_PROTOCOL, "%s: this is no HTTP", host);
	case URL_MALFORMAT:
		return error_set(err, FAULT_CONFIG, "%s: the URL is none (%s)", host, words);
	case COULDNT_RESOLVE_PROXY:
		return error_set(err, FAULT_TEMPORARY, "%s: the proxy's address: %s", host, words);
	case COULDNT_RESOLVE_HOST:
		return fail_name(host, err);
	case OPERATION_TIMEDOUT:
		return error_set(err, FAULT_TEMPORARY, "%s: no answer in time (%s)", host, words);
	case PEER_FAILED_VERIFICATION:
		return error_set(err, FAULT_UNAVAILABLE, "%s: its certificate is not trusted: %s",
			host, words);
	case SSL_CACERT_BADFILE:
		return error_set(err, FAULT_CONFIG, "%s: the authorities of %s cannot be read: %s",
			host,
			c->request->trust ? c->request->trust : "the system (ca-certificates)",
			words);
	case TOO_MANY_REDIRECTS:
	case WEIRD_SERVER_REPLY:
	case WRITE_ERROR:
	case FILESIZE_EXCEEDED:
		return error_set(err, FAULT_PROTOCOL, "%s: %s", host, words);
	default:
		return error_set(err, FAULT_TEMPORARY, "%s: %s", host, words);
	}
}

static bool
take(struct curl *c, const char *host, struct http_reply *ret, struct error *err)
{
	const char *url = NULL;
	int64_t retry = 0; /* curl_off_t */
	long status = 0;

	if (c->easy_getinfo(c->handle, INFO_STATUS, &status) != OK || status < 100 || status > 999)
		return error_set(err, FAULT_PROTOCOL, "%s: the answer has no status", host);
	if (c->easy_getinfo(c->handle, INFO_URL, &url) != OK || !url || strlen(url) >= HTTP_URL ||
		text_has_control(url, strlen(url)))
		return error_set(err, FAULT_PROTOCOL, "%s: sends to no URL that can be used", host);
	if (c->easy_getinfo(c->handle, INFO_RETRY, &retry) != OK || retry < 0)
		retry = 0;
	ret->status = (int)status;
	snprintf(ret->url, sizeof(ret->url), "%s", url);
	ret->retry_after = retry > HTTP_RETRY ? HTTP_RETRY : (unsigned)retry;
	return true;
}

bool
http_perform(const struct http_request *r, int ms, struct http_reply *ret, struct error *err)
{
	struct strbuf user = STRBUF_INIT_SECRET(8192), password = STRBUF_INIT_SECRET(8192);
	struct curl c = { .request = r, .body = &ret->body };
	char host[HTTP_HOST];
	bool good;
	int code;

	http_host(r->url, host);
	if (!load(&c, err) || !copy_trust(&c, err))
		return false;
	set_connection(&c, ms);
	set_request(&c);
	set_login(&c, &user, &password);
	set_answer(&c);
	if (c.lacks)
		return error_set(err, FAULT_CONFIG,
			"libcurl is too old, or was built without what is needed here: %s",
			c.lacks);
	if (user.full || password.full)
		return error_set(
			err, FAULT_CONFIG, "%s: the client's id or secret is too long", host);
	if (!shut(err))
		return false;
	code = c.easy_perform(c.handle);
	good = code == OK ? take(&c, host, ret, err) : fail(&c, host, code, err);
	strbuf_done(&user);
	strbuf_done(&password);
	return good;
}
