# MIME::Lite with its default: /usr/lib/sendmail, -t, Bcc in the header.
use strict;
use warnings;
use MIME::Lite;

my $message = MIME::Lite->new(
	From => 'alice@example.net', To => 'bob@example.org', Bcc => 'hidden@example.org',
	Subject => 'call_mime_lite', Type => 'multipart/mixed');
$message->attach(Type => 'TEXT', Data => "first\n.\nlast\n");
$message->attach(Type => 'application/octet-stream', Encoding => 'base64', Filename => 'octets',
	Data => join('', map { chr } 0 .. 255));
$message->send or exit 3;
