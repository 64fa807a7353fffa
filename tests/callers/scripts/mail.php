<?php
// mail() with the line end that is named: PHP ends headers with CRLF, and leaves the body as it is.
$end = $argv[1] === 'crlf' ? "\r\n" : "\n";
$token = "call_php_$argv[1]";
$good = mail('bob@example.org', $token, "first$end.{$end}last$end",
    ['From' => 'alice@example.net', 'Bcc' => 'hidden@example.org'], '-fphp@example.net');
exit($good ? 0 : 1);
