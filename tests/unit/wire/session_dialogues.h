/* The dialogues of test_session.c: what the server does (script.h has the letters), what must
 * become of the message. */
#pragma once

#include "dialogue_words.h"
#include "error.h"

struct dialogue {
	const char *name, *script;
	const char *outcomes; /* per recipient: Accepted, Temporary, Permanent, in Doubt */
	enum fault fault;
	unsigned how;
	const char *text; /* part of the error's text or of the notes, or NULL */
};

static const struct dialogue greetings[] = {
	{ "greeting 554", "<554 no service\n*", "P", FAULT_UNAVAILABLE, 0, "no service" },
	{ "greeting 421", "<421 busy\n*", "T", FAULT_TEMPORARY, 0, "busy" },
	{ "greeting of another protocol", "<* OK IMAP4rev1\n*", "P", FAULT_PROTOCOL, 0,
		"no SMTP reply" },
	{ "greeting without its end", "{220 mx\n!", "T", FAULT_TEMPORARY, 0, "no reply" },
	{ "two greetings", "{220 mx|220 mx|\n*", "P", FAULT_PROTOCOL, 0, "before it was asked" },
	{ "421 behind the greeting", "{220 mx|421 overloaded|\n*", "T", FAULT_TEMPORARY, 0,
		"overloaded" },
	{ "HELO",
		"<220 mx\n>EHLO me.example\n<502 what?\n>HELO me.example\n<250 mx\n" MAIL OK RCPT(0)
			OK DATA OK QUIT,
		"A", FAULT_NONE, 0, "does not know EHLO" },
	{ "neither EHLO nor HELO",
		"<220 mx\n>EHLO me.example\n<502 what?\n>HELO me.example\n<502 what?\n*", "P",
		FAULT_UNAVAILABLE, 0, NULL },
	{ "EHLO 4yz", "<220 mx\n>EHLO\n<450 later\n*", "T", FAULT_TEMPORARY, 0, "later" },
	{ "EHLO 3yz", "<220 mx\n>EHLO\n<354 what\n*", "P", FAULT_PROTOCOL, 0, NULL },
	{ "codes of one reply differ", "<220 mx\n>EHLO\n<250-mx\n<251 x\n*", "P", FAULT_PROTOCOL, 0,
		NULL },
	{ "STARTTLS not offered", BARE QUIT, "P", FAULT_UNAVAILABLE, STARTTLS,
		"does not offer STARTTLS" },
	{ "STARTTLS refused", GREET("<250-mx\n<250 STARTTLS\n") ">STARTTLS\n<454 not now\n" QUIT,
		"T", FAULT_TEMPORARY, STARTTLS, "not now" },
	{ "input before STARTTLS", "<220 mx\n>EHLO me.example\n{250-mx|250 STARTTLS|220 go|\n*",
		"P", FAULT_PROTOCOL, STARTTLS, "tampering" },
	{ "input behind STARTTLS",
		GREET("<250-mx\n<250 STARTTLS\n") ">STARTTLS\n{220 go|250 AUTH PLAIN|\n*", "P",
		FAULT_PROTOCOL, STARTTLS, "tampering" },
};

static const struct dialogue transactions[] = {
	{ "lockstep by DATA", BARE MAIL OK RCPT(0) OK RCPT(1) OK DATA OK QUIT, "AA", FAULT_NONE, 0,
		NULL },
	{ "pipelined by DATA", PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n" OK QUIT, "A",
		FAULT_NONE, 0, NULL },
	{ "pipelining off", PIPE MAIL OK RCPT(0) OK DATA OK QUIT, "A", FAULT_NONE, OFF, NULL },
	{ "BDAT waits for the recipients", CHUNK MAIL RCPT(0) OK OK "#\n" OK QUIT, "A", FAULT_NONE,
		0, NULL },
	{ "BDAT in the envelope's flight", CHUNK MAIL RCPT(0) "#\n" OK OK OK QUIT, "A", FAULT_NONE,
		FULL, NULL },
	{ "one of three refused",
		PIPE MAIL RCPT(0) RCPT(1) RCPT(2) ">DATA\n" OK OK "<550 5.1.1 nobody\n" OK
						  "<354 go\n.\n" OK QUIT,
		"APA", FAULT_NOUSER, 0, "nobody" },
	{ "one for now, one for good",
		PIPE MAIL RCPT(0) RCPT(1) RCPT(2) ">DATA\n" OK "<450 4.2.1 later\n"
						  "<550 5.1.1 nobody\n" OK "<354 go\n.\n" OK QUIT,
		"TPA", FAULT_NOUSER, 0, NULL },
	{ "all refused, 354: a lone dot",
		PIPE MAIL RCPT(0) ">DATA\n" OK "<550 5.1.1 nobody\n<354 go\n>.\n<554 nobody\n" QUIT,
		"P", FAULT_NOUSER, 0, NULL },
	{ "all refused, 503", PIPE MAIL RCPT(0) ">DATA\n" OK "<450 later\n<503 nobody\n" QUIT, "T",
		FAULT_TEMPORARY, 0, "later" },
	{ "sender refused", PIPE MAIL RCPT(0) ">DATA\n<550 5.7.1 not you\n<503 x\n<503 x\n" QUIT,
		"P", FAULT_PERMISSION, 0, "not you" },
	{ "sender refused, recipient and DATA taken",
		PIPE MAIL RCPT(0) ">DATA\n<550 5.7.1 not you\n" OK "<354 go\n*", "P",
		FAULT_PERMISSION, 0, "not you" },
	{ "sender refused in lockstep", BARE MAIL "<451 later\n" QUIT, "TT", FAULT_TEMPORARY, 0,
		NULL },
	{ "250 for DATA is no success", PIPE MAIL RCPT(0) ">DATA\n" OK OK OK "*", "P",
		FAULT_PROTOCOL, 0, NULL },
	{ "DATA refused", PIPE MAIL RCPT(0) ">DATA\n" OK OK "<554 5.6.0 no\n" QUIT, "P", FAULT_DATA,
		0, NULL },
	{ "354 for the end of data", PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n<354 go\n*",
		"D", FAULT_TEMPORARY, 0, "may have been delivered" },
	{ "content refused for good",
		PIPE MAIL RCPT(0) RCPT(1) ">DATA\n" OK OK OK "<354 go\n.\n<554 5.7.1 spam\n" QUIT,
		"PP", FAULT_UNAVAILABLE, 0, "spam" },
	{ "content refused for now",
		PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n<451 greylisted\n" QUIT, "T",
		FAULT_TEMPORARY, 0, "greylisted" },
	{ "421 for MAIL", PIPE MAIL RCPT(0) ">DATA\n<421 bye\n!", "T", FAULT_TEMPORARY, 0, "bye" },
	{ "421 for RCPT", PIPE MAIL RCPT(0) ">DATA\n" OK "<421 bye\n!", "T", FAULT_TEMPORARY, 0,
		"bye" },
	{ "421 for DATA", PIPE MAIL RCPT(0) ">DATA\n" OK OK "<421 bye\n!", "T", FAULT_TEMPORARY, 0,
		"bye" },
	{ "421 for the end of data", PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n<421 bye\n!",
		"T", FAULT_TEMPORARY, 0, "bye" },
	{ "closed behind the end of data", PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n!", "D",
		FAULT_TEMPORARY, 0, "may have been delivered" },
	{ "a reply in its last octet", PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n{250 ok|\n!",
		"A", FAULT_NONE, 0, NULL },
	{ "a reply without its LF is none",
		PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n{250 ok\n!", "D", FAULT_TEMPORARY, 0,
		NULL },
	{ "garbage behind the end of data",
		PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n<hello\n*", "D", FAULT_TEMPORARY, 0,
		"may have been delivered" },
	{ "reset while the content is awaited", PIPE MAIL RCPT(0) ">DATA\n" OK OK "^", "T",
		FAULT_TEMPORARY, 0, NULL },
	{ "nothing counts behind the 2yz",
		PIPE MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n{250 ok|554 no|\n!", "A", FAULT_NONE,
		0, NULL },
	{ "a reply too many, before BDAT", CHUNK MAIL RCPT(0) "{250 ok|250 ok|250 ok|\n*", "P",
		FAULT_PROTOCOL, 0, "before it was asked" },
	{ "a reply too many, before the content",
		PIPE MAIL RCPT(0) ">DATA\n{250 ok|250 ok|354 go|250 ok|\n*", "P", FAULT_PROTOCOL, 0,
		"before it was asked" },
	{ "content refused before it was sent",
		PIPE MAIL RCPT(0) ">DATA\n{250 ok|250 ok|354 go|552 5.3.4 no|\n*", "P", FAULT_DATA,
		0, "5.3.4 no" },
};

static const struct dialogue splits[] = {
	{ "too many recipients: the rest in a second transaction",
		PIPE MAIL RCPT(0) RCPT(1) RCPT(
			2) ">DATA\n" OK OK
			   "<452 4.5.3 too many\n<452 4.5.3 too many\n<354 go\n.\n" OK MAIL RCPT(1)
				   RCPT(2) ">DATA\n" OK OK OK "<354 go\n.\n" OK QUIT,
		"AAA", FAULT_NONE, 0, NULL },
	{ "552 5.5.3 is the same",
		PIPE MAIL RCPT(0) RCPT(1) ">DATA\n" OK OK
					  "<552 5.5.3 too many\n<354 go\n.\n" OK MAIL RCPT(
						  1) ">DATA\n" OK OK "<354 go\n.\n" OK QUIT,
		"AA", FAULT_NONE, 0, NULL },
	{ "nobody taken is no reason for another turn",
		PIPE MAIL RCPT(0) RCPT(1) ">DATA\n" OK
					  "<452 4.5.3 too many\n<452 4.5.3 too many\n<503 x\n" QUIT,
		"TT", FAULT_TEMPORARY, 0, NULL },
	{ "another 452 is a refusal for now",
		PIPE MAIL RCPT(0) RCPT(1) ">DATA\n" OK OK "<452 4.2.2 full\n<354 go\n.\n" OK QUIT,
		"AT", FAULT_UNAVAILABLE, 0, NULL },
	{ "RCPTMAX",
		GREET("<250-mx\n<250 LIMITS RCPTMAX=2\n") MAIL OK RCPT(0) OK RCPT(1)
			OK DATA OK MAIL OK RCPT(2) OK DATA OK QUIT,
		"AAA", FAULT_NONE, 0, NULL },
	{ "RSET before the second transaction when the first was refused",
		GREET("<250-mx\n<250 LIMITS RCPTMAX=1\n")
			MAIL OK RCPT(0) "<550 no\n>RSET\n" OK MAIL OK RCPT(1) OK DATA OK QUIT,
		"PA", FAULT_NOUSER, 0, NULL },
	{ "RSET refused: another connection",
		GREET("<250-mx\n<250 LIMITS RCPTMAX=1\n")
			MAIL OK RCPT(0) "<550 no\n>RSET\n<502 what\n" QUIT
					"+\n" BARE MAIL OK RCPT(1) OK DATA OK QUIT,
		"PA", FAULT_NOUSER, 0, NULL },
	{ "MAILMAX: another connection",
		GREET("<250-mx\n<250 LIMITS RCPTMAX=1 MAILMAX=1\n") MAIL OK RCPT(0) OK DATA OK QUIT
		"+\n" BARE MAIL OK RCPT(1) OK DATA OK QUIT,
		"AA", FAULT_NONE, 0, NULL },
	{ "421 between transactions: another connection",
		GREET("<250-mx\n<250 LIMITS RCPTMAX=1\n") MAIL OK RCPT(0) OK DATA OK MAIL
		"<421 enough\n!\n+\n" BARE MAIL OK RCPT(1) OK DATA OK QUIT,
		"AA", FAULT_NONE, 0, NULL },
	{ "the same without a word",
		GREET("<250-mx\n<250 LIMITS RCPTMAX=1\n") MAIL OK RCPT(0) OK DATA OK
		"!\n+\n" BARE MAIL OK RCPT(1) OK DATA OK QUIT,
		"AA", FAULT_NONE, 0, NULL },
	{ "in doubt, and those who came too late have their turn",
		PIPE MAIL RCPT(0) RCPT(1) ">DATA\n" OK OK
					  "<452 4.5.3 many\n<354 go\n.\n!\n+\n" BARE MAIL OK RCPT(1)
						  OK DATA OK QUIT,
		"DA", FAULT_UNAVAILABLE, 0, NULL },
	{ "lost before the content: those who came too late are not forgotten",
		PIPE MAIL RCPT(0) RCPT(1) ">DATA\n" OK OK "<452 4.5.3 many\n!\n", "TT",
		FAULT_TEMPORARY, 0, NULL },
	{ "BDAT refused: no more commands behind content that may be taken for them",
		GREET("<250-mx\n<250-LIMITS RCPTMAX=1\n<250 CHUNKING\n") MAIL OK RCPT(0) OK
		"#\n<554 no\n" QUIT "+\n" BARE MAIL OK RCPT(1) OK DATA OK QUIT,
		"PA", FAULT_UNAVAILABLE, 0, NULL },
};

static const struct dialogue lost_steps[] = {
	{ "content taken for commands: again in lockstep",
		CHUNK MAIL RCPT(0) "#\n{250 ok|250 ok|500 what|500 what|500 what|\n*\n+\n" CHUNK
			MAIL OK RCPT(0) OK "#\n" OK QUIT,
		"A", FAULT_NONE, FULL, "lost step" },
	{ "the same in lockstep: the refusal stands",
		CHUNK MAIL RCPT(0) OK OK "#\n{500 what|500 what|\n*", "P", FAULT_UNAVAILABLE, 0,
		NULL },
};

static const struct dialogue aborts[] = {
	{ "abort: one refused, DATA never sent",
		PIPE MAIL RCPT(0) RCPT(1) OK OK "<550 5.1.1 nobody\n" QUIT, "PP", FAULT_NOUSER,
		ABORT, "partial is abort" },
	{ "abort: BDAT never sent, in full mode neither",
		CHUNK MAIL RCPT(0) RCPT(1) OK OK "<450 later\n" QUIT, "TT", FAULT_TEMPORARY,
		ABORT | FULL, NULL },
	{ "abort: nobody refused", CHUNK MAIL RCPT(0) RCPT(1) OK OK OK "#\n" OK QUIT, "AA",
		FAULT_NONE, ABORT | FULL, NULL },
	{ "abort: one recipient needs no turn of its own",
		PIPE MAIL RCPT(0) ">DATA\n" OK "<550 no\n<354 go\n>.\n<554 no\n" QUIT, "P",
		FAULT_NOUSER, ABORT, NULL },
	{ "abort: too many recipients", PIPE MAIL RCPT(0) RCPT(1) OK OK "<452 4.5.3 many\n" QUIT,
		"TT", FAULT_TEMPORARY, ABORT, NULL },
	{ "abort: RCPTMAX does not split",
		GREET("<250-mx\n<250 LIMITS RCPTMAX=1\n") MAIL OK RCPT(0) OK RCPT(1)
			OK DATA OK QUIT,
		"AA", FAULT_NONE, ABORT, NULL },
	{ "abort: one refused for good decides for those refused for now",
		PIPE MAIL RCPT(0) RCPT(1) RCPT(2) OK "<450 later\n" OK "<550 nobody\n" QUIT, "PPP",
		FAULT_NOUSER, ABORT | TWO_HOSTS, NULL },
	{ "abort: what was refused for now is tried at the next host, for all",
		PIPE MAIL RCPT(0) RCPT(1) OK OK "<450 later\n" QUIT "+\n" BARE MAIL OK RCPT(0)
			OK RCPT(1) OK DATA OK QUIT,
		"AA", FAULT_NONE, ABORT | TWO_HOSTS, NULL },
	{ "abort: lost with one refused, the rest does not go by the next connection",
		PIPE MAIL RCPT(0) RCPT(1) OK "<550 nobody\n!\n+\n" BARE QUIT, "PP", FAULT_NOUSER,
		ABORT, NULL },
};

static const struct dialogue hosts[] = {
	{ "the next host after a refusal for now",
		BARE MAIL OK RCPT(0) "<450 later\n" QUIT "+\n" BARE MAIL OK RCPT(0) OK DATA OK QUIT,
		"A", FAULT_NONE, TWO_HOSTS, NULL },
	{ "the next host after a lost connection",
		"<220 mx\n!\n+\n" BARE MAIL OK RCPT(0) OK DATA OK QUIT, "A", FAULT_NONE, TWO_HOSTS,
		NULL },
	{ "no next host after a refusal for good", "<554 no\n*", "P", FAULT_UNAVAILABLE, TWO_HOSTS,
		NULL },
	{ "the next host gets only those who were refused for now",
		BARE MAIL OK RCPT(0) OK RCPT(1) "<450 later\n" RCPT(
			2) "<550 no\n" DATA OK QUIT "+\n" BARE MAIL OK RCPT(1) OK DATA OK QUIT,
		"AAP", FAULT_NOUSER, TWO_HOSTS, NULL },
	{ "nobody in doubt is sent to again", BARE MAIL OK RCPT(0) OK DATA "!", "D",
		FAULT_TEMPORARY, TWO_HOSTS, NULL },
	{ "a refusal for now outlives the next host's refusal of us",
		BARE MAIL OK RCPT(0) "<450 later\n" QUIT "+\n<554 go away\n*", "T", FAULT_TEMPORARY,
		TWO_HOSTS, "later" },
};

static const struct dialogue logins[] = {
	{ "PLAIN in the envelope's flight",
		AUTH("PLAIN LOGIN") IR MAIL RCPT(0) ">DATA\n<235 in\n" OK OK "<354 go\n.\n" OK QUIT,
		"A", FAULT_NONE, LOGIN, NULL },
	{ "LOGIN in turns of its own",
		AUTH("LOGIN") ">AUTH LOGIN\n<334 VXNlcm5hbWU6\n>" USER "\n<334 UGFzc3dvcmQ6\n>" PASS
			      "\n<235 in\n" MAIL RCPT(0) ">DATA\n" OK OK "<354 go\n.\n" OK QUIT,
		"A", FAULT_NONE, LOGIN, NULL },
	{ "PLAIN without pipelining, asked for again",
		AUTH_BARE("PLAIN") IR "<334 \n>" PLAIN "\n<235 in\n" MAIL OK RCPT(0)
			OK DATA OK QUIT,
		"A", FAULT_NONE, LOGIN, NULL },
	{ "refused: no content",
		AUTH("PLAIN LOGIN")
			IR MAIL RCPT(0) ">DATA\n<535 5.7.8 wrong\n<530 x\n<503 x\n<503 x\n" QUIT,
		"P", FAULT_PERMISSION, LOGIN, "wrong" },
	{ "refused, and the server hangs up at once",
		AUTH("PLAIN LOGIN") IR MAIL RCPT(0) ">DATA\n<535 5.7.8 wrong\n!", "P",
		FAULT_PERMISSION, LOGIN | TWO_HOSTS, "wrong" },
	{ "refused, and 421", AUTH("PLAIN") IR MAIL RCPT(0) ">DATA\n<535 5.7.8 wrong\n<421 bye\n!",
		"P", FAULT_PERMISSION, LOGIN | TWO_HOSTS, "wrong" },
	{ "refused, but the envelope and DATA are taken: not even a dot",
		AUTH("PLAIN LOGIN") IR MAIL RCPT(0) ">DATA\n<535 5.7.8 wrong\n" OK OK "<354 go\n*",
		"P", FAULT_PERMISSION, LOGIN, "wrong" },
	{ "refused, but BDAT is not sent",
		AUTH_CHUNK IR MAIL RCPT(0) "<535 5.7.8 wrong\n" OK OK QUIT, "P", FAULT_PERMISSION,
		LOGIN, "wrong" },
	{ "refused in full mode",
		AUTH_CHUNK IR MAIL RCPT(0) "#\n<535 5.7.8 wrong\n<530 x\n<503 x\n<503 x\n*", "P",
		FAULT_PERMISSION, LOGIN | FULL, "wrong" },
	{ "refused in full mode, then lost: nobody is in doubt",
		AUTH_CHUNK IR MAIL RCPT(0) "#\n<535 5.7.8 wrong\n<530 x\n!", "P", FAULT_PERMISSION,
		LOGIN | FULL | TWO_HOSTS, "wrong" },
	{ "refused in full mode, recipient taken, then lost: in doubt",
		AUTH_CHUNK IR MAIL RCPT(0) "#\n<535 5.7.8 wrong\n" OK OK "!", "D", FAULT_TEMPORARY,
		LOGIN | FULL, "may have been delivered" },
	{ "refused in full mode, but delivered",
		AUTH_CHUNK IR MAIL RCPT(0) "#\n<535 5.7.8 wrong\n" OK OK OK QUIT, "A", FAULT_NONE,
		LOGIN | FULL, "refused the login but took the message" },
	{ "refused for now",
		AUTH("PLAIN")
			IR MAIL RCPT(0) ">DATA\n<454 4.7.0 later\n<530 x\n<503 x\n<503 x\n" QUIT,
		"T", FAULT_TEMPORARY, LOGIN, "later" },
	{ "refused as unsupported: the next mechanism",
		AUTH("PLAIN LOGIN") IR MAIL RCPT(
			0) ">DATA\n<504 no such\n<530 x\n<503 x\n<503 x\n>AUTH LOGIN\n<334 \n>" USER
			   "\n<334 \n>" PASS "\n<235 in\n" MAIL RCPT(0) ">DATA\n" OK OK
									"<354 go\n.\n" OK QUIT,
		"A", FAULT_NONE, LOGIN, "PLAIN did not work" },
	{ "unsupported in full mode: the next mechanism on another connection",
		AUTH_CHUNK IR MAIL RCPT(
			0) "#\n<504 no such\n<530 x\n<503 x\n<503 x\n*\n+\n" AUTH_CHUNK IR
			   "<504 no such\n>AUTH LOGIN\n<334 \n>" USER "\n<334 \n>" PASS
			   "\n<235 in\n" MAIL OK RCPT(0) OK "#\n" OK QUIT,
		"A", FAULT_NONE, LOGIN | FULL, NULL },
	{ "501 with 5.7.8 is a refusal", AUTH_BARE("PLAIN LOGIN") IR "<501 5.7.8 wrong\n" QUIT, "P",
		FAULT_PERMISSION, LOGIN, "wrong" },
	{ "334 in the middle of a flight: again in lockstep",
		AUTH("PLAIN") IR MAIL RCPT(0) ">DATA\n{334 |501 what|503 x|503 x|\n*\n+\n" AUTH(
			"PLAIN") IR "<235 in\n" MAIL OK RCPT(0) OK DATA OK QUIT,
		"A", FAULT_NONE, LOGIN, NULL },
	{ "nothing left", AUTH_BARE("GSSAPI") QUIT, "P", FAULT_UNAVAILABLE, LOGIN,
		"no mechanism that can be used" },
	{ "no AUTH", BARE QUIT, "P", FAULT_UNAVAILABLE, LOGIN, "does not offer AUTH" },
	{ "no password without TLS", AUTH("PLAIN") QUIT, "P", FAULT_CONFIG, LOGIN | NO_CLEARTEXT,
		"without verified TLS" },
	{ "endless questions",
		AUTH("CRAM-MD5") ">AUTH CRAM-MD5\n<334 \n>\n<334 \n>\n<334 \n>\n<334 \n>\n<334 "
				 "\n>\n"
				 "<334 \n>\n<334 \n>\n<334 \n>\n<334 \n>*\n<501 x\n" QUIT,
		"P", FAULT_PROTOCOL, LOGIN, NULL },
	{ "235 for a cancelled login is none",
		AUTH("CRAM-MD5") ">AUTH CRAM-MD5\n<334 !!\n>*\n<235 in\n*", "P", FAULT_PROTOCOL,
		LOGIN, NULL },
	{ "SCRAM that is not proven",
		AUTH("SCRAM-SHA-256 PLAIN") ">AUTH SCRAM-SHA-256 biws\n<235 in\n" QUIT, "P",
		FAULT_UNAVAILABLE, LOGIN, "without proving" },
	{ "SCRAM with an unsafe challenge: the next mechanism",
		AUTH_BARE("SCRAM-SHA-1 PLAIN") ">AUTH SCRAM-SHA-1 biws\n<334 cj14LHM9eCxpPTE=\n>*\n"
					       "<501 x\n" IR "<235 in\n" MAIL OK RCPT(0)
						       OK DATA OK QUIT,
		"A", FAULT_NONE, LOGIN, "SCRAM-SHA-1 did not work" },
	{ "EXTERNAL that is not supported",
		AUTH_BARE("EXTERNAL") ">AUTH EXTERNAL =\n<504 no\n" QUIT, "P", FAULT_PERMISSION,
		EXTERNAL, NULL },
	{ "the password cannot be had", AUTH("PLAIN") QUIT, "T", FAULT_TEMPORARY,
		LOGIN | NO_SECRET | TWO_HOSTS, "locked" },
};

static const struct dialogue contents[] = {
	{ "too large", GREET("<250-mx\n<250 SIZE 20\n") QUIT, "P", FAULT_DATA, 0, "at most 20" },
	{ "SIZE is told",
		GREET("<250-mx\n<250 SIZE\n") ">MAIL FROM:<ann@example.org> SIZE=33\n" OK RCPT(0)
			OK DATA OK QUIT,
		"A", FAULT_NONE, 0, NULL },
	{ "a dot where one block ends and another begins", BARE MAIL OK RCPT(0) OK DATA OK QUIT,
		"A", FAULT_NONE, LARGE, NULL },
	{ "large content by BDAT", CHUNK MAIL RCPT(0) OK OK "#\n" OK QUIT, "A", FAULT_NONE, LARGE,
		NULL },
	{ "a line end in a command", "<220 mx\n*", "P", FAULT_DATA, BAD_NAME, "line end" },
	{ "8-bit text and strict-body", BARE QUIT, "P", FAULT_DATA, STRICT | EIGHT_BIT,
		"8BITMIME" },
};
