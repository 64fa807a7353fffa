#!/usr/bin/env python3
"""An authorization server for tests, over HTTPS on 127.0.0.1 (names: localhost, 127.0.0.1).

As a module:  with Server(directory) as server: server.issuer, server.trust, server.set(...)
              Server(directory, ["autoconfig.x.example"], "10.0.0.1", 443): more names, another place
As a program: server.py DIRECTORY prints "PORT CONTROL-PORT TRUST" and serves until its standard
input ends.

Over HTTPS: metadata (RFC 8414; below any path, whose issuer then has that path), /authorize, /token,
/device_authorization, /device, /introspect, /revoke, and autoconfiguration documents. Over plain
HTTP on the control port, which an outage does not touch: /introspect, /log, and

POST /control with a JSON object:
  any of grants.SETTINGS    e.g. {"expires_in": 1, "rotate": false, "authorize": "denied"}
  "outage"                  null, "refuse" (no connection), "close", "hang", or a status: 503
  "slow"                    seconds before each answer
  "next"                    a list of what the next requests to HTTPS get instead of an answer:
                            "garbage", "html", "huge", "endless", "empty", "close", "dribble",
                            "redirect", "http", "503", "429", "error:NAME", "lost" (done, but the
                            answer does not arrive), "json:{...}"
  "metadata"                fields of the metadata that differ (null: left out)
  "missing"                 well-known names that are 404: ["oauth-authorization-server"]
  "autoconfig"              the document, or null
  "keys"                    {"signed": ["FILE.pem", null], "ACCOUNT": ["FILE.pem", "kid"]}
  "approve", "deny"         the user_code that a device shows
  "revoke"                  true: all grants
It answers {"issued": [...], "counts": {"/token": 3}, "refresh": [live refresh tokens]}."""

import http.server
import json
import os
import pathlib
import socket
import ssl
import struct
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "network")]

import certificates  # noqa: E402
import grants  # noqa: E402

DISCOVERY = ("oauth-authorization-server", "openid-configuration")
AUTOCONFIG = ("/mail/config-v1.1.xml", "/.well-known/autoconfig/mail/config-v1.1.xml")
SECONDS = 20  # nothing here takes longer


class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        """A client that goes away is no news."""


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner = None   # the Server
    inner = False  # on the control port
    timeout = SECONDS
    disable_nagle_algorithm = True

    def log_message(self, format, *args):
        """Server.log has more."""

    def answer(self, status, body, kind="application/json", **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)
        self.entry["status"] = status

    def end(self, reset=False):
        """No answer."""
        if reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def do_GET(self):
        self.take(b"")

    def do_POST(self):
        self.take(self.rfile.read(min(int(self.headers.get("Content-Length") or 0), 1 << 20)))

    def take(self, body):
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        pairs = [] if self.inner else urllib.parse.parse_qsl(body.decode(), keep_blank_values=True)
        self.form = dict(pairs)
        self.entry = {"method": self.command, "path": url.path, "query": self.query,
                      "form": self.form, "headers": dict(self.headers.items()), "status": None,
                      "time": time.time()}
        if self.inner:
            return self.control(url.path, body)
        self.owner.log.append(self.entry)
        if len(self.form) != len(pairs):
            return self.answer(400, {"error": "invalid_request",
                                     "error_description": "a parameter comes twice"})
        time.sleep(self.owner.slow)
        if self.instead():
            return None
        return self.route(url.path)

    # --- what tests ask for

    def instead(self):
        """Something that is no answer, if that is wanted. True: done."""
        owner = self.owner
        with owner.lock:
            what = owner.outage or (owner.next.pop(0) if owner.next else None)
        if what is None:
            return False
        self.entry["instead"] = what
        getattr(self, "do_" + str(what).partition(":")[0].replace("-", "_"), self.status)(str(what))
        return True

    def status(self, what):
        self.answer(int(what), b"<html>Service Unavailable</html>", "text/html", Retry_After="7")

    def do_close(self, _what):
        self.end(reset=True)

    def do_hang(self, _what):
        self.owner.over.wait(SECONDS)
        self.end()

    def do_garbage(self, _what):
        self.wfile.write(b"\x00\xff\x13garbage\r\n\r\n")
        self.end()

    def do_html(self, _what):
        self.answer(200, b"<html><body>Log in to the hotel's network</body></html>", "text/html")

    def do_huge(self, _what):
        self.answer(200, {"access_token": "x" * (1 << 20)})

    def do_endless(self, _what):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        while not self.owner.over.is_set():
            self.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")

    def do_dribble(self, _what):
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        while not self.owner.over.wait(0.1):
            self.wfile.write(b" ")

    def do_empty(self, _what):
        self.answer(200, b"")

    def do_redirect(self, _what):
        self.answer(307, b"", Location="/token?again")

    def do_http(self, _what):
        self.answer(307, b"", Location="http://localhost:%d/token" % self.owner.control_port)

    def do_error(self, what):
        name = what.partition(":")[2]
        self.answer(401 if name == "invalid_client" else 400,
                    {"error": name, "error_description": "as the test wants it"})

    def do_json(self, what):
        self.answer(200, what.partition(":")[2].encode())

    def do_lost(self, _what):
        """The request is carried out, but its answer is lost on the way."""
        self.wfile = open(os.devnull, "wb")
        self.route(urllib.parse.urlsplit(self.path).path)
        self.end(reset=True)

    # --- what it is for

    def route(self, path):
        owner, state = self.owner, self.owner.grants
        header = self.headers.get("Authorization", "")
        try:
            with owner.lock:
                if self.command == "POST" and path == "/token":
                    answer = state.token(self.form, header)
                elif self.command == "POST" and path == "/device_authorization":
                    answer = state.device(self.form, state.client(self.form, header))
                elif self.command == "POST" and path == "/revoke":
                    answer = {}
                    state.revoke(self.form, state.client(self.form, header))
                else:
                    answer = self.other(path)
        except grants.Failed as failed:
            more = {"WWW_Authenticate": "Basic"} if header and failed.status == 401 else {}
            body = {"error": failed.error}
            if failed.description:
                body["error_description"] = failed.description
            return self.answer(failed.status, body, **more)
        if isinstance(answer, tuple):
            return self.answer(*answer[:-1], **answer[-1])
        return self.answer(200, answer)

    def other(self, path):
        """A tuple for answer(), or an object."""
        page = "text/html; charset=utf-8"
        state = self.owner.grants
        if path == "/authorize":
            to = state.authorize(self.query)
            if to:
                return (302, b"", page, {"Location": to})
            return (400, b"<p>This cannot be granted.", page, {})
        if path == "/device":
            good = state.approve(self.query.get("user_code"))
            return (200 if good else 404, b"<p>Thank you." if good else b"<p>Who?", page, {})
        if path in ("/introspect", "/tokeninfo"):
            given = {**self.query, **self.form}
            answer = state.introspect(given.get("token") or given.get("access_token"))
            return answer if path == "/introspect" or answer["active"] else (401, answer, {})
        if path in AUTOCONFIG and self.owner.autoconfig:
            return (200, self.owner.autoconfig.encode(), "text/xml", {})
        return self.owner.metadata_at(path) or (404, b"<p>Nothing here.", page, {})

    def control(self, path, body):
        if path == "/control":
            return self.answer(200, self.owner.set(**json.loads(body or b"{}")))
        if path == "/log":
            return self.answer(200, self.owner.log)
        self.form = dict(urllib.parse.parse_qsl(body.decode()))
        with self.owner.lock:
            answer = self.other(path) if path in ("/introspect", "/tokeninfo") else (404, b"", {})
        return self.answer(*answer[:-1], **answer[-1]) if isinstance(answer, tuple) else \
            self.answer(200, answer)


class Server:
    """Everything; set() and the attributes may be used while it runs."""

    def __init__(self, directory, names=(), address="127.0.0.1", port=0):
        made = certificates.Certificates(pathlib.Path(directory))
        made.leaf("localhost", ",".join(["subjectAltName=DNS:localhost,IP:127.0.0.1"] +
                                        ["DNS:" + name for name in names]))
        self.made = made
        self.trust = made.path("ca")
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(made.path("localhost"))
        self.lock = threading.RLock()
        self.over = threading.Event()
        self.log = []
        self.outage, self.slow, self.next = None, 0, []
        self.metadata, self.missing, self.autoconfig = {}, [], None
        self.address, self.port, self.listener = address, port, None
        self.listen()
        self.control_listener = self.serve("127.0.0.1", 0, None, True)
        self.control_port = self.control_listener.server_address[1]
        self.issuer = "https://localhost:%d" % self.port
        self.grants = grants.Grants(self.issuer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.over.set()
        self.refuse()
        self.control_listener.shutdown()
        self.control_listener.server_close()

    def serve(self, address, port, context, inner):
        handler = type("Bound", (Handler,), {"owner": self, "inner": inner})
        listener = Listener((address, port), handler)
        if context:
            # the handshake is for the thread of the connection
            listener.socket = context.wrap_socket(listener.socket, server_side=True,
                                                  do_handshake_on_connect=False)
        threading.Thread(target=listener.serve_forever, args=(0.05,), daemon=True).start()
        return listener

    def listen(self):
        if not self.listener:
            self.listener = self.serve(self.address, self.port, self.context, False)
            self.port = self.listener.server_address[1]

    def refuse(self):
        """From here on nobody listens."""
        if self.listener:
            self.listener.shutdown()
            self.listener.server_close()
            self.listener = None

    def set(self, **wishes):
        """See above. Returns what has been given out so far."""
        with self.lock:
            for key, value in wishes.items():
                self.wish(key, value)
            state, counts = self.grants, {}
            for entry in self.log:
                counts[entry["path"]] = counts.get(entry["path"], 0) + 1
            return {"issued": list(state.issued), "counts": counts, "refresh": [
                token for token, held in state.refresh.items()
                if not held["used"] and state.grants[held["grant"]]["live"]]}

    def wish(self, key, value):
        state = self.grants
        if key in grants.SETTINGS:
            state.set[key] = value
        elif key == "outage":
            self.outage = value if value != "refuse" else None
            (self.refuse if value == "refuse" else self.listen)()
        elif key == "keys":
            for name, (path, key_id) in value.items():
                state.keys[name] = pathlib.Path(path).read_bytes(), key_id
        elif key in ("approve", "deny"):
            state.approve(value, key == "approve")
        elif key == "revoke":
            state.revoke_all()
        elif key in ("slow", "next", "metadata", "missing", "autoconfig"):
            setattr(self, key, value)
        else:
            raise KeyError(key)

    def requests(self, path):
        return [entry for entry in self.log if entry["path"] == path]

    def metadata_at(self, path):
        """RFC 8414 section 3: the path of the issuer behind the well-known name; OpenID: before."""
        for name in DISCOVERY:
            well_known = "/.well-known/" + name
            if name in self.missing or not (path.startswith(well_known) or
                                            path.endswith(well_known)):
                continue
            base = self.issuer
            answer = {
                "issuer": base + path.replace(well_known, "", 1),
                "authorization_endpoint": base + "/authorize", "token_endpoint": base + "/token",
                "device_authorization_endpoint": base + "/device_authorization",
                "introspection_endpoint": base + "/introspect",
                "revocation_endpoint": base + "/revoke",
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token",
                                          grants.DEVICE_GRANT, "client_credentials"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": [
                    "none", "client_secret_basic", "client_secret_post", "private_key_jwt"],
                "authorization_response_iss_parameter_supported": True, **self.metadata}
            return {key: value for key, value in answer.items() if value is not None}
        return None


def main():
    with Server(sys.argv[1]) as server:
        print(server.port, server.control_port, server.trust, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
