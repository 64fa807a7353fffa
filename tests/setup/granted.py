"""The cases in which access is granted by OAuth2 on the way to an account."""

from discovery import TOKENS
from home import SCRIPT, case, expect

ADDRESS = "ann@tokens.open.example"


def words(room, *more):
    return (ADDRESS, "--oauth", room.tokens.issuer, "--oauth-client-id", "public", "--oauth-scope",
            "mail", "--oauth-trust", room.tokens.trust, "--token-store", "file", *more)


def screen(room):
    return {"DISPLAY": ":77", "BROWSER": str(room.dir / "browser"), "TRUST": room.tokens.trust}


def kept(room):
    """The files that hold a refresh token which is good."""
    tokens = room.tokens.set()["refresh"]
    files = [p for p in room.home.rglob("*") if p.is_file() and p.name[0] != "."]
    return [p for p in files if any(t in p.read_text(errors="replace") for t in tokens)]


def logins(room):
    return room.servers[TOKENS][0].log


def shows_nothing(room, text):
    for token in room.tokens.grants.issued:
        expect(token not in text, "a token was shown:\n%s", text)


@case("OAuth2 in a browser, by options")
def browser(r):
    done = r.run(*words(r, "--browser", "--test-to", "bob@example.net", "--timer=no"), **screen(r))
    s = r.settings()
    expect(s["oauth"] == r.tokens.issuer and s["oauth-client-id"] == "public", "%s", s)
    expect(s["user"] == ADDRESS and s["host"] == "smtp.tokens.open.example", "%s", s)
    expect(not any(key.startswith("password") or key == "browser" for key in s), "%s", s)
    expect("Access for account default is granted" in done.stderr, done.stderr)
    expect(len(kept(r)) == 1 and kept(r)[0].stat().st_mode & 0o777 == 0o600, "%s", kept(r))
    expect(logins(r) and logins(r)[-1] == (ADDRESS, r.tokens.grants.issued[-1]), "%s", logins(r))
    expect(r.servers[TOKENS][0].messages == 1, "no message came: %s", done.stderr)
    shows_nothing(r, done.stderr + done.stdout)


@case("OAuth2 by a code, by options, under the name that is wanted")
def device(r):
    r.put(".config/sendoff/config", "[account plain]\nhost = h.example\n")
    done = r.run(*words(r, "--device", "--account", "work", *SCRIPT))
    expect("Access for account work is granted" in done.stderr, done.stderr)
    expect("[account work]" in r.config.read_text() and len(kept(r)) == 1, r.config.read_text())
    expect(r.tokens.requests("/device_authorization"), "it was another way")
    r.tokens.set(device="deny")
    done = r.run(*words(r, "--device", "--account", "other", *SCRIPT), status=77)
    r.tokens.set(device="approve")
    expect("not granted" in done.stderr and "[account other]" not in r.config.read_text(),
           done.stderr)
    expect(len(kept(r)) == 1, "the account that is there has lost its access")


@case("OAuth2 where nothing else is taken, at a terminal")
def person(r):
    text = r.talk(["ann@tokens.open.example", "--oauth-trust", r.tokens.trust, "--device",
                   "--token-store", "file", *SCRIPT],
                  ("Is smtp.tokens|Name for the login", ""), ("Client id", "public"),
                  ("enter this code", ""), ("Name that recipients see", "-"), ("Write it", ""))
    s = r.settings()
    expect(s["oauth"] == r.tokens.issuer and s["user"] == ADDRESS, "%s", s)
    expect("Password for" not in text and len(kept(r)) == 1, text)
    expect("Access for account default is granted" in text, text)


@case("OAuth2: what was granted is given up with the account")
def given_up(r):
    text = r.talk([*words(r, "--device", *SCRIPT)], ("Name for the login", ""),
                  ("enter this code", ""), ("Name that recipients see", "-"),
                  ("Write it", "no"), status=77)
    expect("is granted" in text and not kept(r), text)
    r.nothing()
    done = r.run(*words(r, "--device", "--user", "bob@example.org", *SCRIPT), status=77)
    expect("this program" not in done.stderr and logins(r), done.stderr)
    expect(not kept(r), "access is kept for an account that there is not")
    r.nothing()
    r.tokens.set(outage="503")
    done = r.run(*words(r, "--device", *SCRIPT), status=75)
    r.tokens.set(outage=None)
    r.nothing()


@case("OAuth2: without a client id, and offline")
def unasked(r):
    done = r.run(ADDRESS, *SCRIPT, status=64)
    expect("takes no passwords" in done.stderr and "--oauth-client-id" in done.stderr, done.stderr)
    r.nothing()
    r.run(*words(r, "--offline", "--host", "smtp.tokens.open.example", "--user", ADDRESS, *SCRIPT))
    expect(r.settings()["oauth"] == r.tokens.issuer and not kept(r), "%s", r.settings())
    expect(not logins(r), "it was tried")
