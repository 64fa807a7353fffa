# Email::Sender, which throws when sendmail fails. Exits 3 then.
use strict;
use warnings;
use Email::Sender::Simple qw(sendmail);
use Email::Sender::Transport::Sendmail;
use Email::Simple;

my ($to, $token) = @ARGV;
my $email = Email::Simple->create(
	header => [From => 'alice@example.net', To => $to, Subject => $token],
	body => "first\n.\nlast\n");
eval {
	sendmail($email, { transport => Email::Sender::Transport::Sendmail->new });
	1;
} or do {
	print $@;
	exit 3;
};
