/* The whole test library: TAP on standard output, one program per room. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static int tap_count, tap_failed;

/* One check; WHAT is a printf format that names the case, in one line. Returns the condition. */
static bool __attribute__((format(printf, 2, 3), unused)) ok(bool good, const char *what, ...)
{
	char name[1000];
	va_list ap;

	va_start(ap, what);
	vsnprintf(name, sizeof(name), what, ap);
	va_end(ap);
	for (char *at = name; (at = strpbrk(at, "\r\n"));)
		*at = ' ';
	printf("%s %d - %s\n", good ? "ok" : "not ok", ++tap_count, name);
	tap_failed += !good;
	return good;
}

/* Shows octets with the controls visible. */
static void __attribute__((unused)) tap_show(const char *label, const char *s, size_t n)
{
	printf("# %s: ", label);
	for (size_t i = 0; i < n; i++)
		if (s[i] < 0x20 || s[i] > 0x7e)
			printf("\\x%02x", (unsigned char)s[i]);
		else
			putchar(s[i]);
	putchar('\n');
}

/* Octets are the same. */
static bool __attribute__((unused))
same(const char *got, size_t n, const char *want, const char *what)
{
	bool good = got && n == strlen(want) && memcmp(got, want, n) == 0;

	/* gcc cannot see that there is one, under a sanitizer */
	ok(good, "%s", what ? what : "");
	if (!good) {
		tap_show(" got", got ? got : "(null)", got ? n : 6);
		tap_show("want", want, strlen(want));
	}
	return good;
}

/* The end of main: prints the plan. */
static int __attribute__((unused)) tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}
