/* Changes to address fields of the header: qualification, and the From field that a smarthost wants. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct address;
struct strbuf;

/* Adds "@DOMAIN" to every mailbox without a domain in From, Sender, Reply-To, To, Cc, Bcc and their
 * Resent- forms; everything else of the field (names, comments, groups, folding, quotes) stays octet
 * by octet. Fields that cannot be parsed are left alone. Returns how many mailboxes were changed. */
size_t rewrite_qualify(struct strbuf *block, const char *domain);

/* Replaces the addresses of From by FROM (its display name is kept if it has one, else FROM's is
 * used). With KEEP_REPLY_TO the old From goes into Reply-To where there is none. A Sender field is
 * dropped. */
void rewrite_from(struct strbuf *block, const struct address *from, bool keep_reply_to);
