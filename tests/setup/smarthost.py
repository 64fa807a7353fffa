"""A server that wants a login, and is particular about senders."""

import base64
import ssl

import net

USER, PASSWORD = "ann", "wonder land"


class Smarthost(net.Sink):
    """OWN: takes mail from one address only. NULL: notifications too."""

    def __init__(self, address, port, cert, user=USER, own=None, null=True, auth=True):
        self.user, self.own, self.null, self.auth = user, own, null, auth
        self.log = []
        super().__init__(address, port, cert)

    def check(self, word):
        try:
            _, user, password = base64.b64decode(word).decode().split("\0")
        except ValueError:
            return False
        self.log.append((user, password))
        return user == self.user and password == PASSWORD

    def mail(self, line):
        sender = line.split(b"<")[1].split(b">")[0].decode()
        if not sender:
            return self.null
        return not self.own or sender == self.own

    def commands(self, connection):
        file = connection.makefile("rb")
        tls = isinstance(connection, ssl.SSLSocket)
        for line in file:
            words = line.strip().split(b" ")
            word = words[0].upper()
            answer = b"250 2.0.0 ok\r\n"
            if word == b"STARTTLS":
                connection.sendall(b"220 go on\r\n")
                return self.commands(self.context.wrap_socket(connection, server_side=True))
            if word == b"EHLO":
                extra = (b"250-AUTH PLAIN\r\n" if self.auth else b"") if tls \
                    else b"250-STARTTLS\r\n"
                answer = b"250-smarthost\r\n" + extra + b"250 PIPELINING\r\n"
            elif word == b"AUTH":
                answer = b"235 2.7.0 welcome\r\n" if self.check(words[2]) else \
                    b"535 5.7.8 wrong \x1b[31mname or password\r\n"
            elif word == b"MAIL" and not self.mail(line):
                answer = b"550 5.7.1 not your address\r\n"
            elif word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                while file.readline() not in (b".\r\n", b""):
                    pass
                self.messages += 1
            connection.sendall(answer)
            if word == b"QUIT":
                return None
        return None
