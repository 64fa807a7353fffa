# MailTools' Mail::Mailer.
use strict;
use warnings;
use Mail::Mailer;

my $mailer = Mail::Mailer->new('sendmail');
$mailer->open({ From => 'alice@example.net', To => 'bob@example.org', Bcc => 'hidden@example.org',
	Subject => 'call_mail_mailer' });
print $mailer "first\nlast\n";
$mailer->close or exit 3;
