"""An authorization server, and a mail server that takes its tokens, both of the oauth suite, whose
room is not this one's."""

import importlib.util
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "oauth"
if str(FOLDER) not in sys.path:
    sys.path.append(str(FOLDER))

import server  # noqa: E402


class Tokens:
    """`server` gives them out, `mail` takes mail for them."""

    def __init__(self, directory):
        spec = importlib.util.spec_from_file_location("oauth_room", FOLDER / "room.py")
        theirs = importlib.util.module_from_spec(spec)
        before = list(sys.path)
        spec.loader.exec_module(theirs)
        sys.path[:] = before
        directory.mkdir()
        self.server = server.Server(str(directory))
        self.mail = theirs.Mail(self.server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.mail.__exit__()
        self.server.__exit__()

    def settings(self):
        """Lines of a configuration that logs in with tokens."""
        return ("host = 127.0.0.1", "port = %d" % self.mail.port, "tls = none",
                "allow-cleartext-auth = yes", "remember = no", "user = alice@example.org",
                "from = alice@example.org", "oauth = " + self.server.issuer,
                "oauth-client-id = public", "oauth-trust = %s" % self.server.trust,
                "oauth-scope = mail", "secret-cache = none")

    def renewals(self):
        return [one for one in self.server.requests("/token")
                if one["form"].get("grant_type") == "refresh_token"]
