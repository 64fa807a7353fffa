"""What an authorization server knows: clients, what was granted, tokens. Refresh tokens may rotate;
one that comes a second time ends the grant it belongs to (RFC 9700 section 4.14.2)."""

import base64
import hashlib
import hmac
import secrets
import time
import urllib.parse

import assertion

JWT_CLIENT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"

# What tests may set by /control.
SETTINGS = {
    "user": "alice@example.org",  # who grants access, unless login_hint says so
    "scope": None,           # what is granted instead of what was asked for
    "expires_in": 3600,      # of access tokens; null: not said
    "rotate": True,          # refresh tokens are good once
    "refresh": True,         # a refresh token is given at all
    "token_length": 40,      # characters of an access token
    "token_type": "Bearer",
    "authorize": "ok",       # denied, wrong-state, no-state, wrong-iss, no-iss, extra, no-code, page
    "device": "approve",     # what polls get in the end: approve, deny, expire; wait: for /device
    "device_pending": 1,     # polls before that
    "device_slow_down": 0,   # polls before those
    "device_interval": 1,
    "device_expires_in": 600,
    "code_seconds": 60,
}

# id: secret (None: public), what it may do
CLIENTS = {
    "public": (None, {"authorization_code", "refresh_token", DEVICE_GRANT}),
    "confidential": ("s3cret: %+/&=\u00e9", {"authorization_code", "refresh_token", DEVICE_GRANT}),
    "daemon": ("d4emon", {"client_credentials"}),
    "signed": (None, {"client_credentials", "authorization_code", "refresh_token"}),
}


class Failed(Exception):
    """An error answer (RFC 6749 section 5.2)."""

    def __init__(self, error, description="", status=400):
        super().__init__(error)
        self.error, self.description, self.status = error, description, status


def same(a, b):
    return hmac.compare_digest(a.encode(), b.encode())


class Grants:
    """Not locked: the server takes one request at a time through here."""

    def __init__(self, issuer):
        self.issuer = issuer
        self.set = dict(SETTINGS)
        self.clients = dict(CLIENTS)
        self.keys = {}      # client or service account: (PEM, kid)
        self.grants = {}    # number: dict(user, client, scope, live)
        self.access = {}    # token: dict(grant, expires)
        self.refresh = {}   # token: dict(grant, used)
        self.codes = {}
        self.devices = {}   # device_code: dict
        self.assertions = set()
        self.issued = []    # all access tokens in their order

    # --- who asks

    def client(self, form, header):
        """The client that a request to /token and the like comes from (RFC 6749 section 2.3)."""
        if "client_assertion" in form:
            return self.signed_client(form)
        name, secret = form.get("client_id"), form.get("client_secret")
        if header.startswith("Basic "):
            if secret:
                raise Failed("invalid_request", "two ways to authenticate")
            both = base64.b64decode(header[6:]).decode().partition(":")
            name, secret = (urllib.parse.unquote_plus(word) for word in both[::2])
        if name not in self.clients:
            raise Failed("invalid_client", "unknown client", 401)
        wanted = self.clients[name][0]
        if name in self.keys or (wanted is None) != (not secret):
            raise Failed("invalid_client", "authenticates another way", 401)
        if wanted is not None and not same(secret, wanted):
            raise Failed("invalid_client", "wrong secret", 401)
        return name

    def signed_client(self, form):
        if form.get("client_assertion_type") != JWT_CLIENT:
            raise Failed("invalid_client", "client_assertion_type", 401)
        name = form.get("client_id") or "signed"
        claims = self.checked(form["client_assertion"], name, "invalid_client", 401)
        if claims.get("iss") != name or claims.get("sub") != name:
            raise Failed("invalid_client", "iss and sub are not the client", 401)
        if not claims.get("jti") or claims["jti"] in self.assertions:
            raise Failed("invalid_client", "jti: none, or a second time", 401)
        self.assertions.add(claims["jti"])
        return name

    def checked(self, text, name, error, status):
        if name not in self.keys:
            raise Failed(error, "no key is known of " + str(name), status)
        pem, key_id = self.keys[name]
        try:
            return assertion.check(text, pem, (self.issuer, self.issuer + "/token"), key_id)
        except assertion.Refused as refused:
            raise Failed(error, str(refused), status) from refused

    # --- what is given out

    def grant(self, user, client, scope):
        number = len(self.grants)
        self.grants[number] = {"user": user, "client": client, "live": True,
                               "scope": self.set["scope"] or scope or "mail"}
        return number

    def answer(self, number, refresh=True):
        """Tokens for a grant."""
        grant = self.grants[number]
        token = secrets.token_urlsafe(self.set["token_length"])[:self.set["token_length"]]
        seconds = self.set["expires_in"]
        self.access[token] = {"grant": number, "expires":
                              time.time() + (3600 if seconds is None else seconds)}
        self.issued.append(token)
        answer = {"access_token": token, "token_type": self.set["token_type"],
                  "scope": grant["scope"]}
        if seconds is not None:
            answer["expires_in"] = seconds
        if refresh and self.set["refresh"]:
            answer["refresh_token"] = "r-" + secrets.token_urlsafe(32)
            self.refresh[answer["refresh_token"]] = {"grant": number, "used": False}
        return answer

    def revoke_all(self):
        for grant in self.grants.values():
            grant["live"] = False

    def revoke(self, form, client):
        for table in (self.access, self.refresh):
            held = table.get(form.get("token"))
            if held and self.grants[held["grant"]]["client"] == client:
                self.grants[held["grant"]]["live"] = False

    def introspect(self, token):
        """RFC 7662 section 2.2."""
        held = self.access.get(token)
        if not held or held["expires"] < time.time() or not self.grants[held["grant"]]["live"]:
            return {"active": False}
        grant = self.grants[held["grant"]]
        return {"active": True, "username": grant["user"], "sub": grant["user"],
                "email": grant["user"], "scope": grant["scope"], "client_id": grant["client"],
                "exp": int(held["expires"]), "token_type": "Bearer"}

    # --- the authorization endpoint

    def authorize(self, query):
        """Returns where the browser is sent; None when a page says what is wrong."""
        redirect = urllib.parse.urlsplit(query.get("redirect_uri", ""))
        if query.get("client_id") not in self.clients or redirect.scheme != "http" or \
                redirect.hostname not in ("127.0.0.1", "::1", "localhost") or \
                redirect.fragment or not redirect.port:
            return None
        wish, state, issuer = self.set["authorize"], query.get("state"), self.issuer
        if wish == "page":
            return None
        back = {}
        if query.get("response_type") != "code" or query.get("code_challenge_method") != "S256" \
                or len(query.get("code_challenge", "")) != 43 or not state:
            back["error"] = "invalid_request"
            back["error_description"] = "PKCE and state are wanted"
        elif wish == "denied":
            back["error"] = "access_denied"
            back["error_description"] = "The person said no\u2026\n"
        elif wish != "no-code":
            back["code"] = self.code(query)
        if state and wish != "no-state":
            back["state"] = state if wish != "wrong-state" else "x" + state[1:]
        if wish != "no-iss":
            back["iss"] = issuer if wish != "wrong-iss" else "https://other.example"
        if wish == "extra":
            back.update({"session_state": "1 2", "scope": "mail", "authuser": "0"})
        return query["redirect_uri"] + ("&" if redirect.query else "?") + \
            urllib.parse.urlencode(back)

    def code(self, query):
        code = "c-" + secrets.token_urlsafe(16)
        self.codes[code] = {
            "client": query["client_id"], "redirect": query["redirect_uri"],
            "challenge": query["code_challenge"], "scope": query.get("scope"),
            "user": query.get("login_hint") or self.set["user"], "grant": None,
            "expires": time.time() + self.set["code_seconds"]}
        return code

    # --- the device endpoint (RFC 8628)

    def device(self, form, client):
        code = "d-" + secrets.token_urlsafe(16)
        shown = "-".join("".join(secrets.choice("BCDFGHJKLMNPQRSTVWXZ") for _ in range(4))
                         for _ in range(2))
        self.devices[code] = {
            "client": client, "scope": form.get("scope"), "shown": shown, "approved": None,
            "polls": 0, "last": 0.0, "interval": self.set["device_interval"],
            "expires": time.time() + self.set["device_expires_in"]}
        return {"device_code": code, "user_code": shown, "interval": self.set["device_interval"],
                "verification_uri": self.issuer + "/device",
                "verification_uri_complete": self.issuer + "/device?user_code=" + shown,
                "expires_in": self.set["device_expires_in"]}

    def approve(self, shown, yes=True):
        for device in self.devices.values():
            if device["shown"] == shown:
                device["approved"] = yes
                return True
        return False

    def poll(self, form, client):
        device = self.devices.get(form.get("device_code"))
        if not device or device["client"] != client:
            raise Failed("invalid_grant", "unknown device_code")
        now, last = time.time(), device["last"]
        device["last"] = now
        device["polls"] += 1
        polls = device["polls"] - self.set["device_slow_down"]
        if now > device["expires"]:
            raise Failed("expired_token")
        if polls <= 0 or now - last < device["interval"] - 0.1:
            device["interval"] += 5
            raise Failed("slow_down")
        end = self.set["device"]
        if device["approved"] is None and (end == "wait" or polls <= self.set["device_pending"]):
            raise Failed("authorization_pending")
        if end == "deny" or device["approved"] is False:
            raise Failed("access_denied", "The person said no")
        if end == "expire":
            raise Failed("expired_token")
        del self.devices[form["device_code"]]
        return self.answer(self.grant(self.set["user"], client, device["scope"]))

    # --- the token endpoint

    def token(self, form, header):
        kind = form.get("grant_type")
        if kind == JWT_GRANT:
            return self.service_account(form)
        client = self.client(form, header)
        if kind not in self.clients[client][1]:
            raise Failed("unauthorized_client" if kind else "invalid_request")
        if kind == "authorization_code":
            return self.exchange(form, client)
        if kind == "refresh_token":
            return self.renew(form, client)
        if kind == DEVICE_GRANT:
            return self.poll(form, client)
        return self.answer(self.grant(client, client, form.get("scope")), refresh=False)

    def exchange(self, form, client):
        held = self.codes.get(form.get("code"))
        if not held or held["client"] != client:
            raise Failed("invalid_grant", "unknown code")
        if held["grant"] is not None:
            self.grants[held["grant"]]["live"] = False
            raise Failed("invalid_grant", "this code was used before")
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        if held["expires"] < time.time() or held["redirect"] != form.get("redirect_uri") or \
                assertion.encode(digest) != held["challenge"]:
            raise Failed("invalid_grant", "expired, another redirect_uri or code_verifier")
        held["grant"] = self.grant(held["user"], client, held["scope"])
        return self.answer(held["grant"])

    def renew(self, form, client):
        held = self.refresh.get(form.get("refresh_token"))
        grant = held and self.grants[held["grant"]]
        if not grant or grant["client"] != client:
            raise Failed("invalid_grant", "unknown refresh token")
        if held["used"]:
            grant["live"] = False
            raise Failed("invalid_grant", "this refresh token was used before: all is revoked")
        if not grant["live"]:
            raise Failed("invalid_grant", "revoked")
        held["used"] = self.set["rotate"]
        return self.answer(held["grant"], refresh=self.set["rotate"])

    def service_account(self, form):
        """RFC 7523 section 2.1, as Google has it: iss is the account, sub whom it acts for."""
        parts = form.get("assertion", "").split(".")
        try:
            name = assertion.json.loads(assertion.decode(parts[1]))["iss"]
        except (assertion.Refused, ValueError, LookupError) as error:
            raise Failed("invalid_grant", "no assertion") from error
        claims = self.checked(form["assertion"], name, "invalid_grant", 400)
        if not claims.get("scope") or "iat" not in claims:
            raise Failed("invalid_scope", "scope and iat are wanted")
        return self.answer(self.grant(claims.get("sub", name), name, claims["scope"]),
                           refresh=False)
