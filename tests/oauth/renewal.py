"""Access is renewed: in order, once, and not lost whatever happens."""

import json
import os
import re
import subprocess
import threading
import time

from cases import case
from flows import Stage
from place import SANITIZED, SKIPPED, Wrong, expect

KILLAT = os.environ.get("KILLAT", "")


def record(room):
    return json.loads(room.stored()[0][1])


def age(room, **changes):
    """Makes what is kept look like that; the access token has expired unless it says otherwise."""
    path, text = room.stored()[0]
    kept = json.loads(text)
    kept.update({"expires": int(time.time()) - 10, **changes})
    path.write_text(json.dumps(kept))
    return kept


def renewals(tokens):
    return [one for one in tokens.requests("/token")
            if one["form"].get("grant_type") == "refresh_token"]


@case("an access token is used while it is good, renewed two minutes before it is not")
def fresh():
    with Stage() as (tokens, room):
        room.login("--browser")
        first = room.token()
        age(room, expires=int(time.time()) + 150)
        expect(room.token() == first and not renewals(tokens), "renewed too early")
        age(room, expires=int(time.time()) + 110)
        second = room.token()
        expect(second != first and len(renewals(tokens)) == 1, "not renewed")
        expect(room.token() == second and len(renewals(tokens)) == 1, "renewed again")
        kept = record(room)
        expect(kept["refresh_token"] in tokens.set()["refresh"] and kept["access_token"] == second,
               "%s", kept)


@case("a refresh token that stays the same, one that rotates, none at all")
def rotation():
    with Stage() as (tokens, room):
        tokens.set(rotate=False)
        room.login("--browser")
        one = age(room)["refresh_token"]
        room.token()
        expect(record(room)["refresh_token"] == one, "another refresh token")
        tokens.set(rotate=True)
        for _ in range(3):
            age(room)
            room.token()
        kept = record(room)["refresh_token"]
        expect(kept != one and tokens.set()["refresh"] == [kept], "%s", tokens.set())
        room.command("logout", "work")
        tokens.set(refresh=False)
        done = room.login("--browser")
        expect("no refresh token" in done.err, "%s", done)
        room.token()
        age(room)
        expect("sendoff login work" in room.token(77), "it had none")


@case("outage, 503, 429, garbage, a page, too much, nothing: 75, and nothing is lost")
def outage():
    with Stage() as (tokens, room):
        room.login("--browser")
        before = age(room)
        for what in ("503", "429", "garbage", "html", "huge", "empty", "close", "http",
                     "json:[]", 'json:{"access_token": "a", "token_type": "mac"}',
                     'json:{"error": "unheard_of"}', 'json:{"access_token": "a\\u0000b"}'):
            tokens.set(next=[what])
            expect("account work" in room.token(75), "%s", what)
            expect(record(room)["refresh_token"] == before["refresh_token"], "lost after %s", what)
        tokens.set(outage="refuse")
        room.token(75)
        done = room.command("login", "--refresh-all")
        expect(done.status == 75 and "account work" in done.err, "%s", done)
        tokens.set(outage=None)
        room.token()


@case("the grant is gone: 77 and what to do; the client is wrong: 78 and which key; scope: 78")
def gone():
    with Stage() as (tokens, room):
        room.login("--browser")
        for error, status, words in (("invalid_grant", 77, "run sendoff login work"),
                                     ("interaction_required", 77, "run sendoff login work"),
                                     ("invalid_client", 78, "oauth-client-id"),
                                     ("unauthorized_client", 78, "oauth-client-id"),
                                     ("invalid_scope", 78, "oauth-scope"),
                                     ("temporarily_unavailable", 75, "")):
            before = age(room)
            tokens.set(next=["error:" + error])
            expect(words in room.token(status), "%s", error)
            expect(record(room) == before, "what was kept has changed: %s", error)
        tokens.set(next=[])
        room.token()
        age(room)
        tokens.set(revoke=True)
        expect("access for account work has ended" in room.token(77), "revoked")
        done = room.command("login", "--refresh-all")
        expect(done.status == 77 and "sendoff login work" in done.err and not done.out, "%s", done)
        room.login("--browser")
        room.token()


@case("--refresh-all renews what is good still, and prints nothing")
def refresh_all():
    with Stage() as (tokens, room):
        room.login("--browser")
        for count in (1, 2):
            done = room.command("login", "--refresh-all")
            expect(done.status == 0 and not done.out and not done.err, "%s", done)
            expect(len(renewals(tokens)) == count, "%s", renewals(tokens))


@case("two and ten processes at once: one renewal, the same token for all")
def together():
    for count in (2, 10):
        with Stage() as (tokens, room):
            room.login("--browser")
            age(room)
            tokens.set(slow=0.3)
            got = []
            threads = [threading.Thread(target=lambda: got.append(room.command("token", "work")))
                       for _ in range(count)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            expect(all(one.status == 0 for one in got), "%s", "\n".join(map(str, got)))
            expect(len({one.out for one in got}) == 1, "different tokens")
            expect(len(renewals(tokens)) == 1, "%d renewals", len(renewals(tokens)))


@case("a clock that jumps: back, and years ahead")
def clock():
    with Stage() as (tokens, room):
        room.login("--browser")
        now = int(time.time())
        # what was issued tomorrow is not believed to be good
        age(room, issued=now + 86400, expires=now + 90000)
        room.token()
        expect(len(renewals(tokens)) == 1, "a token from the future was used")
        age(room, issued=now - 10 ** 8, expires=now - 10 ** 8 + 3600)
        room.token()
        expect(len(renewals(tokens)) == 2 and record(room)["expires"] > now, "not renewed")


@case("another client, provider or user than the grant is for: log in again, nothing is sent")
def other_settings():
    with Stage() as (tokens, room):
        room.login("--browser")
        age(room)
        room.set(oauth_client_id="confidential", oauth_client_secret_command="echo x")
        expect("sendoff login work" in room.token(77), "another client")
        expect(not renewals(tokens), "a refresh token was sent for another client")


@case("what is kept is damaged, or readable by others: told, not used, mended by a login")
def damaged():
    with Stage() as (tokens, room):
        room.login("--browser")
        path, text = room.stored()[0]
        for content in ("", "{", "[]", '{"version": 2}', text[:40], "\0" * 100):
            path.write_text(content)
            done = room.command("token", "work")
            expect(done.status in (77, 78) and "sendoff login work" in done.err, "%r: %s", content,
                   done)
        path.write_text(text)
        path.chmod(0o644)
        expect(room.command("token", "work").status == 78, "others could read it")
        room.login("--browser")
        room.token()


@case("a store that cannot be written: the provider is not asked, the old token lives on")
def unwritable():
    if not os.geteuid():
        SKIPPED.append("root writes everywhere")
        return
    with Stage() as (tokens, room):
        room.login("--browser")
        age(room)
        room.stored()[0][0].parent.chmod(0o500)
        try:
            room.command("token", "work")
            expect(not renewals(tokens), "the refresh token was risked")
        finally:
            room.stored()[0][0].parent.chmod(0o700)


@case("killed at any system call: no token is used whose renewal is not kept, nothing is torn")
def killed():
    if not KILLAT or SANITIZED:
        SKIPPED.append("there is no killat")
        return
    with Stage() as (tokens, room):
        room.login("--browser")

        def trial(number):
            age(room)
            if not [one for one in tokens.set()["refresh"] if one == record(room)["refresh_token"]]:
                # the answer was lost with the process, and the old token with it
                room.login("--browser")
                age(room)
            listing = room.home / "calls"
            words = ["--at", str(number)] if number else ["--list", str(listing)]
            done = subprocess.run([KILLAT, *words, "--", *room.argv("sendoff", ("token", "work"))],
                                  capture_output=True, timeout=60, env=room.environment(),
                                  check=False)
            kept = record(room)
            if done.stdout:
                expect(done.stdout.decode().strip() == kept["access_token"],
                       "call %s: the token that was printed is not kept", number)
                expect(kept["refresh_token"] in tokens.set()["refresh"],
                       "call %s: the refresh token that is kept is dead", number)
            return listing.read_text().splitlines() if not number else []

        calls = trial(0)
        total = len(calls)
        last = max(number for number, line in enumerate(calls, 1)
                   if line.split()[-1] in ("rename", "renameat", "renameat2"))
        numbers = {*range(1, total, max(1, total // 25)), *range(max(1, last - 12), total + 1)}
        for number in sorted(numbers)[-70:]:
            trial(number)
        room.command("logout", "work")
