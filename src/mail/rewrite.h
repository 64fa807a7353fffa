/* Changes to address fields of the header: qualification, and the From field that a smarthost
 * wants. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

struct address;
struct strbuf;

/* Adds "@DOMAIN" to every mailbox without a domain in From, Sender, Reply-To, To, Cc, Bcc and their
 * Resent- forms; everything else of the field (names, comments, groups, folding, quotes) stays
 * octet by octet. Fields that cannot be parsed are left alone. Returns how many mailboxes were
 * changed. Sets block->full, and changes nothing, where there is no room. */
size_t rewrite_qualify(struct strbuf *block, const char *domain);

/* Replaces the address of the From field by FROM. Its display name (or comment) is kept, as it is
 * written, if it has one, else FROM's is used; of several mailboxes one remains, and of several
 * fields the first. With KEEP_REPLY_TO the old From goes into Reply-To where there is none, unless
 * it is the same address or cannot be parsed. A Sender field is dropped. Does nothing where there
 * is no From. */
void rewrite_from(struct strbuf *block, const struct address *from, bool keep_reply_to);
