"""A server that wants a login, and is particular about senders; and one for mailboxes."""

import base64
import os
import socket
import ssl
import threading

import net

USER, PASSWORD = "ann", "wonder land"


class Smarthost(net.Sink):
    """OWN: takes mail from one address only. NULL: notifications too. TOKENS: logins are by those
    that this server.Server gives out; USER may be None then: anybody's."""

    def __init__(self, address, port, cert, user=USER, own=None, null=True, auth=True, tokens=None):
        self.user, self.own, self.null, self.auth = user, own, null, auth
        self.tokens = tokens
        self.log, self.contents = [], []  # logins; sender, recipients and content of each message
        super().__init__(address, port, cert)

    def check(self, word):
        if self.tokens:
            return self.check_token(base64.b64decode(word).decode())
        try:
            _, user, password = base64.b64decode(word).decode().split("\0")
        except ValueError:
            return False
        self.log.append((user, password))
        return user == self.user and password == PASSWORD

    def check_token(self, text):
        user, token = (part.partition("=")[2] for part in text.split("\1")[:2])
        token = token.removeprefix("Bearer ")
        self.log.append((user, token))
        with self.tokens.lock:
            return self.user in (None, user) and self.tokens.grants.introspect(token)["active"]

    @staticmethod
    def path_of(line):
        return line.split(b"<")[1].split(b">")[0].decode()

    def mail(self, line):
        sender = self.path_of(line)
        if not sender:
            return self.null
        return not self.own or sender == self.own

    def commands(self, connection):
        file = connection.makefile("rb")
        tls = isinstance(connection, ssl.SSLSocket)
        sender, recipients = "", []
        for line in file:
            words = line.strip().split(b" ")
            word = words[0].upper()
            answer = b"250 2.0.0 ok\r\n"
            if word == b"STARTTLS":
                connection.sendall(b"220 go on\r\n")
                return self.commands(self.context.wrap_socket(connection, server_side=True))
            if word == b"EHLO":
                offer = b"250-AUTH XOAUTH2\r\n" if self.tokens else b"250-AUTH PLAIN\r\n"
                extra = (offer if self.auth else b"") if tls \
                    else b"250-STARTTLS\r\n"
                answer = b"250-smarthost\r\n" + extra + b"250 PIPELINING\r\n"
            elif word == b"AUTH":
                answer = b"235 2.7.0 welcome\r\n" if self.check(words[2]) else \
                    b"535 5.7.8 wrong \x1b[31mname or password\r\n"
            elif word == b"MAIL" and not self.mail(line):
                answer = b"550 5.7.1 not your address\r\n"
            elif word == b"MAIL":
                sender, recipients = self.path_of(line), []
            elif word == b"RCPT":
                recipients.append(self.path_of(line))
            elif word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                content = b""
                while (part := file.readline()) not in (b".\r\n", b""):
                    content += part
                self.messages += 1
                self.contents.append((sender, recipients, content))
            connection.sendall(answer)
            if word == b"QUIT":
                return None
        return None


class Mailbox(net.Sink):
    """Speaks LMTP (RFC 2033), and nothing else: at ADDRESS and PORT, with STARTTLS where there is a
    CERT; or at the unix socket PATH."""

    def __init__(self, address=None, port=24, cert=None, path=None):
        self.log, self.path = [], path
        if cert:
            super().__init__(address, port, cert)
            self.implicit = False
            return
        self.implicit, self.context, self.connections, self.messages = False, None, 0, 0
        self.listener = socket.socket(socket.AF_UNIX) if path else \
            socket.create_server((address, port), backlog=16)
        if path:
            self.listener.bind(str(path))
            os.chmod(path, 0o666)
            self.listener.listen(16)
        threading.Thread(target=self.serve, daemon=True).start()

    def talk(self, connection):
        if not self.path:
            return super().talk(connection)
        with connection:
            connection.settimeout(60)
            try:
                connection.sendall(b"220 mailboxes LMTP\r\n")
                self.commands(connection)
            except OSError:
                pass
        return None

    def commands(self, connection):
        file = connection.makefile("rb")
        offers = self.context and not isinstance(connection, ssl.SSLSocket)
        recipients = 0
        for line in file:
            word = line.strip().upper().split(b" ")[0]
            answer = b"250 2.0.0 ok\r\n"
            if word == b"LHLO":
                answer = b"250-mailboxes\r\n" + (b"250-STARTTLS\r\n" if offers else b"") + \
                    b"250 PIPELINING\r\n"
            elif word in (b"EHLO", b"HELO"):
                answer = b"500 5.5.1 LHLO is spoken here\r\n"
            elif word == b"STARTTLS":
                connection.sendall(b"220 go on\r\n")
                return self.commands(self.context.wrap_socket(connection, server_side=True))
            elif word == b"RCPT":
                recipients += 1
            elif word == b"DATA":
                connection.sendall(b"354 go on\r\n")
                while file.readline() not in (b".\r\n", b""):
                    pass
                self.messages += 1
                answer *= recipients
            connection.sendall(answer)
            if word == b"QUIT":
                return None
        return None
