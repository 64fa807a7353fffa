<?php
// Symfony Mailer, in the mode that is named: -bs (its default) or -t. Exits 3 when it throws.
require '/usr/share/php/Symfony/Component/Mailer/autoload.php';
require_once '/usr/share/php/Symfony/Component/Mime/autoload.php';

use Symfony\Component\Mailer\Mailer;
use Symfony\Component\Mailer\Transport;
use Symfony\Component\Mime\Email;

[, $mode, $recipient, $token, $count] = $argv;
$dsn = 'sendmail://default' .
    ($mode === '-t' ? '?command=' . rawurlencode('/usr/sbin/sendmail -t') : '');
$mailer = new Mailer(Transport::fromDsn($dsn));
for ($i = 1; $i <= $count; $i++) {
    $email = (new Email())->from('alice@example.net')->to($recipient)->bcc('hidden@example.org')
        ->subject($token)->text("first\n.\nnumber $i, caf\u{e9}\n");
    try {
        $mailer->send($email);
    } catch (Symfony\Component\Mailer\Exception\TransportExceptionInterface $e) {
        echo $e->getMessage(), "\n";
        exit(3);
    }
}
