"""One's own sessions and password: shown, ended, changed."""
import hashlib

import pytest
from platform_process import PASSWORD

SESSIONS = "/api/users/me/sessions"
OWN_PASSWORD = "/api/users/me/password"
NEW = "quite another horse"


def login(platform, user, password=PASSWORD):
    status, _, tokens = platform.http("POST", "/api/auth/login", {"email": user, "password": password})
    assert status == 200, tokens
    return tokens


def sessions(platform, tokens):
    status, _, body = platform.http("GET", SESSIONS, token=tokens["access_token"])
    assert status == 200, body
    return body["sessions"]


def test_sessions_are_listed_and_ended_one_by_one(platform):
    person = platform.add_account("ann@sessions.test")
    here, there = login(platform, person), login(platform, person)
    shown = sessions(platform, here)
    assert len(shown) == 2 and [one["is_current"] for one in shown].count(True) == 1
    assert all(one["device"].startswith("Python-urllib") and one["last_used_from"] == "127.0.0.1" for one in shown)
    other = next(one["id"] for one in shown if not one["is_current"])
    assert platform.http("DELETE", f"{SESSIONS}/{other}", token=here["access_token"])[0] == 204
    assert platform.http("DELETE", f"{SESSIONS}/{other}", token=here["access_token"])[0] == 404
    assert platform.http("GET", SESSIONS, token=there["access_token"])[0] == 401
    assert platform.http("POST", "/api/auth/refresh", {"refresh_token": there["refresh_token"]})[0] == 401
    for _ in range(3):
        login(platform, person)
    ended = platform.http("POST", f"{SESSIONS}/revoke-others", {}, here["access_token"])
    assert ended[0] == 200 and ended[2] == {"revoked": 3}
    assert len(sessions(platform, here)) == 1
    platform.cli("session", "revoke", person, "--all")
    assert platform.http("GET", SESSIONS, token=here["access_token"])[0] == 401
    assert platform.json("session", "list", person) == []


def test_nobody_sees_or_ends_anothers(platform):
    mine, theirs = (login(platform, platform.add_account(f"{name}@sessions.test")) for name in ("bob", "cy"))
    identity = sessions(platform, mine)[0]["id"]
    assert identity not in [one["id"] for one in sessions(platform, theirs)]
    assert platform.http("DELETE", f"{SESSIONS}/{identity}", token=theirs["access_token"])[0] == 404
    assert platform.http("GET", SESSIONS)[0] == 401


def test_a_new_password_ends_what_the_old_one_began(platform):
    person = platform.add_account("dee@sessions.test")
    here, there = login(platform, person), login(platform, person)
    mail = platform.imap(person)
    mail.send(b"i IDLE\r\n")
    assert mail.readline().startswith(b"+")

    def change(old, new):
        return platform.http("PUT", OWN_PASSWORD, {"old_password": old, "new_password": new}, here["access_token"])

    status, _, problem = change("wrong horse", NEW)
    assert status == 422 and problem["errors"][0]["pointer"] == "#/old_password"
    for bad in ("short", PASSWORD, person):
        status, _, problem = change(PASSWORD, bad)
        assert status == 422 and problem["errors"][0]["pointer"] == "#/new_password", problem
    assert change(PASSWORD, NEW)[0] == 204
    assert b"* BYE" in mail.readline()
    assert platform.http("GET", SESSIONS, token=there["access_token"])[0] == 401
    assert len(sessions(platform, here)) == 1
    assert platform.http("POST", "/api/auth/login", {"email": person, "password": PASSWORD})[0] == 401
    platform.imap(person, NEW).logout()


@pytest.fixture(scope="module")
def breached(tmp_path_factory):
    """A list as Have I Been Pwned offers it."""
    words = [f"password number {number}" for number in range(2_000)]
    lines = sorted(f"{hashlib.sha1(word.encode()).hexdigest().upper()}:{number}" for number, word in enumerate(words))
    path = tmp_path_factory.mktemp("lists") / "breached.txt"
    path.write_text("\r\n".join(lines) + "\r\n")
    by_hash = {hashlib.sha1(word.encode()).hexdigest().upper(): word for word in words}
    return path, [by_hash[line[:40]] for line in lines]


@pytest.mark.one_machine("the operator's command reads the list itself")
def test_passwords_that_attackers_know_are_refused(platform, breached):
    path, words = breached
    person = platform.add_account("eve@sessions.test")
    platform.settings["OONRUMAIL_BREACHED_PASSWORDS"] = str(path)
    try:
        # The first and last lines, and some between.
        for word in [words[0], words[1], words[777], words[-2], words[-1]]:
            done = platform.cli("account", "password", person, "--password-stdin", stdin=word + "\n", check=False)
            assert done.returncode == 1 and "attackers know" in done.stderr, word
        for word in ["password number 2000", "another horse 7", "another horse 8"]:
            platform.cli("account", "password", person, "--password-stdin", stdin=word + "\n")
        platform.settings["OONRUMAIL_BREACHED_PASSWORDS"] = "/nonexistent"
        assert platform.cli("account", "list", check=False).returncode != 0
    finally:
        del platform.settings["OONRUMAIL_BREACHED_PASSWORDS"]
