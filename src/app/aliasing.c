#include "aliasing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alias.h"
#include "alloc.h"
#include "identity.h"
#include "strbuf.h"
#include "submission.h"
#include "text.h"
#include "trusted.h"

#define SYSTEM_FILE "/etc/aliases"
#define REFUSALS    1000 /* that become recipients of their own */

/* What is made of refused targets. */
struct refusals {
	const struct submission *s;
	struct envelope *refused;
};

/* The file of an account: NULL for none. *RET_MAY_MISS: nobody has asked for it. */
static const char *
file_name(const struct submission *s, bool system, bool *ret_may_miss)
{
	const char *file = profile_text(&s->account, OPT_ALIASES);

	*ret_may_miss = !file;
	if (!file)
		return system ? SYSTEM_FILE : NULL;
	return strcmp(file, "none") == 0 ? NULL : file;
}

/* Reads it; a file that may miss and does is one without aliases. */
static bool
load(const char *file, bool may_miss, struct aliases *ret, struct error *err)
{
	struct strbuf text = STRBUF_INIT(ALIAS_FILE_MAX);
	struct error why = ERROR_NONE;
	bool missing = false;

	*ret = (struct aliases)ALIASES_NONE;
	if (trusted_read(file, TRUSTED_CONFIG, &text, &missing, &why))
		aliases_parse(text.s, text.len, file, ret);
	else if (missing && may_miss)
		error_clear(&why);
	strbuf_done(&text);
	if (!why.fault)
		return true;
	*err = why;
	return false;
}

static bool
read_include(void *ctx, const char *path, struct strbuf *out, struct error *err)
{
	(void)ctx;
	return trusted_read(path, TRUSTED_CONFIG, out, NULL, err);
}

/* A target that cannot be delivered to is a recipient that was refused, under the alias's name. */
static void
take_refusal(void *ctx, const char *name, const char *why)
{
	struct refusals *r = ctx;
	struct error err = ERROR_NONE;
	struct address a = { .local = (char *)name };

	if (r->refused->count == REFUSALS)
		return;
	a.domain = (char *)identity_domain(&r->s->account);
	error_set(&err, FAULT_UNAVAILABLE, "%s%s", why,
		r->refused->count == REFUSALS - 1 ? " (and there may be more)" : "");
	envelope_add_refused(r->refused, &a, &err);
}

static void
print(FILE *to, const char *text)
{
	struct strbuf shown = STRBUF_INIT(1 << 16);

	text_add_printable(&shown, text, strlen(text), 4096);
	fputs(shown.s, to);
	strbuf_done(&shown);
}

static void
print_step(void *ctx, const char *address, const char *target, const char *file, size_t line)
{
	(void)ctx;
	print(stdout, address);
	printf(" -> ");
	print(stdout, target);
	printf(" (");
	print(stdout, file);
	printf(":%zu)\n", line);
}

static struct alias_expansion
expansion(const struct aliases *a, struct refusals *r)
{
	struct alias_expansion how = {
		.aliases = a,
		.read = read_include,
		.refuse = take_refusal,
		.ctx = r,
	};

	how.local_domains = identity_local_domains(&how.local_domain_count);
	return how;
}

/* Replaces L by what it expands to. */
static bool
expand(const struct alias_expansion *how, struct address_list *l, struct error *err)
{
	struct address_list out = ADDRESS_LIST_NONE;

	if (!alias_expand(how, l, &out, err))
		return false;
	address_list_done(l);
	*l = out;
	return true;
}

bool
aliases_expand(
	struct submission *s, struct address_list *l, struct envelope *refused, struct error *err)
{
	struct refusals r = { s, refused };
	struct alias_expansion how;
	struct aliases a;
	bool may_miss, good;
	const char *file = file_name(s, s->args->personality == PERSONALITY_SENDMAIL, &may_miss);

	if (!file || submission_given(s, OPT_NO_ALIASES))
		return true;
	if (!load(file, may_miss, &a, err))
		return error_prefix(err, "the aliases");
	if (a.mistake_count)
		strbuf_addf(&s->report.notes, "%s\n", a.mistakes[0].text);
	how = expansion(&a, &r);
	good = expand(&how, l, err);
	aliases_done(&a);
	if (good && !l->n && !refused->count)
		return error_set(err, FAULT_UNAVAILABLE, "the aliases lead to nobody");
	return good;
}

static int
fail(const struct arguments *args, const char *what, const struct error *err)
{
	if (!args->errors_quiet)
		fprintf(stderr, "%s: unable to %s: %s\n", args->program, what, err->text);
	return fault_status(err->fault);
}

/* Prints what is wrong with a file; returns how much that is. */
static size_t
print_mistakes(const struct arguments *args, const struct aliases *a)
{
	for (size_t i = 0; i < a->mistake_count && i < ALIAS_MISTAKES; i++)
		fprintf(stderr, "%s: %s\n", args->program, a->mistakes[i].text);
	if (a->mistake_count > ALIAS_MISTAKES)
		fprintf(stderr, "%s: %s: %zu more mistakes\n", args->program, a->file,
			a->mistake_count - ALIAS_MISTAKES);
	return a->mistake_count;
}

/* A file that a target includes; returns how much is wrong. */
static size_t
check_include(const struct arguments *args, const struct alias_target *t, const char *file)
{
	struct strbuf text = STRBUF_INIT(ALIAS_FILE_MAX);
	struct aliases list = ALIASES_NONE;
	struct error err = ERROR_NONE;
	size_t wrong;

	if (*t->text != '/')
		error_set(
			&err, FAULT_DATA, "the path of :include:%s does not begin with /", t->text);
	else if (trusted_read(t->text, TRUSTED_CONFIG, &text, NULL, &err))
		aliases_parse_include(text.s, text.len, t->text, &list);
	if (err.fault)
		fprintf(stderr, "%s: %s:%zu: %s\n", args->program, file, t->line, err.text);
	wrong = print_mistakes(args, &list) + (err.fault != FAULT_NONE);
	aliases_done(&list);
	strbuf_done(&text);
	return wrong;
}

/* Looks at every target: includes must be readable; what is never delivered to is told, but no
 * mistake, as other programs may deliver it. */
static size_t
check_targets(const struct arguments *args, const struct aliases *a)
{
	bool verbose = profile_is_set(&args->given, OPT_VERBOSE);
	struct strbuf why = STRBUF_INIT(4096);
	const struct alias_target *t;
	size_t wrong = 0;

	for (size_t i = 0; i < a->n; i++) {
		for (size_t k = 0; k < a->v[i].target_count; k++) {
			t = &a->v[i].targets[k];
			if (t->kind == ALIAS_INCLUDE)
				wrong += check_include(args, t, a->file);
			if (!verbose || (t->kind != ALIAS_PIPE && t->kind != ALIAS_FILE))
				continue;
			strbuf_clear(&why);
			alias_add_refusal(&why, a->file, a->v[i].name, t);
			printf("%s\n", why.s);
		}
	}
	strbuf_done(&why);
	return wrong;
}

/* The configuration, as far as it is known without a message. */
static bool
begin(struct submission *s, const struct arguments *args, struct error *err)
{
	*s = (struct submission){
		.args = args, .message = MESSAGE_NONE, .envelope = ENVELOPE_NONE
	};
	profile_init(&s->account, "", "");
	wire_report_init(&s->report);
	return account_load(s, err);
}

static void
end(struct submission *s)
{
	wire_report_done(&s->report);
	envelope_done(&s->envelope);
	message_done(&s->message);
	profile_done(&s->account);
	profile_list_done(&s->accounts);
	fflush(stdout);
}

int
aliases_check(const struct arguments *args)
{
	struct aliases a = ALIASES_NONE;
	struct error err = ERROR_NONE;
	struct submission s;
	const char *file = NULL;
	bool may_miss;
	int status = 0;

	if (begin(&s, args, &err) && (file = file_name(&s, true, &may_miss)) &&
		load(file, may_miss, &a, &err)) {
		if (print_mistakes(args, &a) + check_targets(args, &a))
			status = fault_status(FAULT_DATA);
		if (profile_is_set(&args->given, OPT_VERBOSE))
			printf("%s: %zu %s\n", file, a.index_count,
				a.index_count == 1 ? "alias" : "aliases");
	} else if (!err.fault && profile_is_set(&args->given, OPT_VERBOSE)) {
		printf("no aliases are in use\n");
	}
	if (err.fault)
		status = fail(args, "read the aliases", &err);
	aliases_done(&a);
	end(&s);
	return status;
}

/* Where an address would go. */
static void
print_route(const struct submission *s, struct address *a)
{
	const char *const *hosts, *socket = profile_text(&s->account, OPT_SOCKET);
	struct strbuf text = STRBUF_INIT(1024);
	size_t n;

	address_qualify(a, identity_domain(&s->account));
	(void)!address_add_smtp(&text, a, false, NULL);
	hosts = profile_list_of(&s->account, OPT_HOST, &n);
	printf("<");
	print(stdout, text.s);
	if (n || socket)
		printf("> goes to %s\n", n ? hosts[0] : socket);
	else
		printf("> has no server to go to\n");
	strbuf_done(&text);
}

/* Resolves one operand; returns the fault that it leads to. */
static enum fault
verify(struct submission *s, const struct alias_expansion *how, const char *operand)
{
	struct address_list l = ADDRESS_LIST_NONE;
	struct error err = ERROR_NONE;
	size_t refused = s->envelope.count;

	if (!address_list_parse(operand, strlen(operand), &l, &err) ||
		(how->aliases && !expand(how, &l, &err)))
		fail(s->args, "verify the address", &err);
	for (size_t i = 0; i < l.n && !err.fault; i++)
		print_route(s, &l.v[i]);
	for (; refused < s->envelope.count; refused++) {
		fprintf(stderr, "%s: %s\n", s->args->program,
			s->envelope.recipients[refused].why->text);
		error_set(&err, FAULT_NOUSER, "a target cannot be delivered to");
	}
	if (!l.n && !err.fault) {
		error_set(&err, FAULT_NOUSER, "'%s' leads to nobody", operand);
		fail(s->args, "verify the address", &err);
	}
	address_list_done(&l);
	return err.fault;
}

int
aliases_verify(const struct arguments *args)
{
	enum fault fault, worst = FAULT_NONE;
	struct error err = ERROR_NONE;
	struct submission s;
	struct refusals r = { &s, &s.envelope };
	struct alias_expansion how;
	struct aliases a = ALIASES_NONE;
	const char *file = NULL;
	bool may_miss;

	if (!args->operand_count)
		error_set(&err, FAULT_USAGE, "there is none (name it on the command line)");
	if (!begin(&s, args, &err) || err.fault)
		worst = err.fault;
	else if (!profile_is_set(&args->given, OPT_NO_ALIASES))
		file = file_name(&s, args->personality == PERSONALITY_SENDMAIL, &may_miss);
	if (file && !load(file, may_miss, &a, &err))
		worst = err.fault;
	if (worst)
		fail(args, "verify addresses", &err);
	how = expansion(file ? &a : NULL, &r);
	how.step = print_step;
	for (size_t i = 0; i < args->operand_count && !err.fault; i++) {
		fault = verify(&s, &how, args->operands[i]);
		/* nobody there weighs more than an address that is none */
		if (fault && worst != FAULT_NOUSER)
			worst = fault;
	}
	aliases_done(&a);
	end(&s);
	return fault_status(worst);
}
