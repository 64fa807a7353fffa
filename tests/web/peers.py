"""Who a request by HTTPS may meet: a server that says what it is told to, and a proxy."""

import socket
import ssl
import threading
import time


class Listener:
    """Takes connections on a port of its own; one() talks to each. Use it in a with statement."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]

    def __enter__(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.socket.close()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.attend, args=(client,), daemon=True).start()

    def attend(self, client):
        try:
            self.one(client)
        except OSError:
            pass

    def one(self, client):
        raise NotImplementedError


class Raw(Listener):
    """Talks TLS and gives ANSWER, octets or parts of them, whatever is asked."""

    def __init__(self, made, answer, version=None, pause=0.0, certificate="localhost"):
        super().__init__()
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(made.path(certificate))
        if version:
            self.context.set_ciphers("DEFAULT@SECLEVEL=0")
            self.context.minimum_version = ssl.TLSVersion.TLSv1
            self.context.maximum_version = version
        self.parts = [answer] if isinstance(answer, bytes) else answer
        self.pause = pause
        self.url = "https://localhost:%d/" % self.port

    def one(self, client):
        with self.context.wrap_socket(client, server_side=True) as talk:
            talk.recv(65536)
            for part in self.parts:
                talk.sendall(part)
                time.sleep(self.pause)


class Proxy(Listener):
    """Takes CONNECT and passes octets on, to where they are meant to go or to a port of this machine:
    what is asked of any host is asked of a server of the tests then."""

    def __init__(self, refuse=False, port=None):
        super().__init__()
        self.url = "http://127.0.0.1:%d" % self.port
        self.refuse, self.to, self.seen = refuse, port, []

    def one(self, client):
        asked = client.recv(65536).decode()
        self.seen.append(asked)
        if self.refuse:
            client.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")
            client.close()
            return
        port = self.to or int(asked.split()[1].rpartition(":")[2])
        other = socket.create_connection(("127.0.0.1", port))
        client.sendall(b"HTTP/1.1 200 Yes\r\n\r\n")
        threading.Thread(target=pump, args=(client, other), daemon=True).start()
        pump(other, client)


def pump(source, target):
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
