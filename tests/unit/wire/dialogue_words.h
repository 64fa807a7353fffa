/* What the dialogues of the session's tests are made of (script.h has the letters). */
#pragma once

#define PASSWORD "s3cret-pass"
/* "\0ann\0s3cret-pass" and the parts, as base64 */
#define PLAIN "AGFubgBzM2NyZXQtcGFzcw=="
#define USER  "YW5u"
#define PASS  "czNjcmV0LXBhc3M="

enum { /* how */
	FULL = 1,
	OFF = 2,
	ABORT = 4,
	LOGIN = 8,
	TWO_HOSTS = 16,
	STARTTLS = 32,
	NO_CLEARTEXT = 64,
	EXTERNAL = 128,
	STRICT = 256,
	EIGHT_BIT = 512,
	NO_SECRET = 1024,
	BAD_NAME = 2048,
	LARGE = 4096
};

#define GREET(more)           "<220 mx\n>EHLO me.example\n" more
#define BARE                  GREET("<250 mx\n")
#define PIPE                  GREET("<250-mx\n<250 PIPELINING\n")
#define CHUNK                 GREET("<250-mx\n<250-CHUNKING\n<250 PIPELINING\n")
#define AUTH(mechanisms)      GREET("<250-mx\n<250-PIPELINING\n<250 AUTH " mechanisms "\n")
#define AUTH_BARE(mechanisms) GREET("<250-mx\n<250 AUTH " mechanisms "\n")
#define AUTH_CHUNK            GREET("<250-mx\n<250-PIPELINING\n<250-CHUNKING\n<250 AUTH PLAIN LOGIN\n")
#define MAIL                  ">MAIL FROM:<ann@example.org>\n"
#define RCPT(n)               ">RCPT TO:<r" #n "@example.net>\n"
#define OK                    "<250 2.0.0 ok\n"
#define DATA                  ">DATA\n<354 go on\n.\n"
#define IR                    ">AUTH PLAIN " PLAIN "\n"
#define QUIT                  ">QUIT\n*\n"
