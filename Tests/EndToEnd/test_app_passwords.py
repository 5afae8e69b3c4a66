"""Passwords of single mail clients: made, used within their scopes, revoked while in use."""
import imaplib
import smtplib

import pytest
from platform_process import ADMIN, PASSWORD, wait_until

PATH = "/api/users/me/app-passwords"


@pytest.fixture(scope="module")
def token(platform):
    status, _, body = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})
    assert status == 200, body
    return body["access_token"]


def make(platform, token, name, scopes=("imap", "smtp")):
    status, headers, made = platform.http("POST", PATH, {"name": name, "scopes": list(scopes)}, token)
    assert status == 201, made
    assert headers["Location"] == f"{PATH}/{made['id']}"
    return made


def test_one_is_made_used_and_shown_without_its_secret(platform, token):
    made = make(platform, token, "Phone")
    assert len(made["password"].split("-")) == 4
    platform.imap(password=made["password"]).logout()
    platform.imap(password=made["password"].replace("-", "").upper()).logout()
    with platform.submission(password=made["password"]) as client:
        client.sendmail(ADMIN, [ADMIN], f"From: {ADMIN}\r\nSubject: by phone\r\n\r\nx\r\n")
    status, _, body = platform.http("GET", PATH, token=token)
    shown = {one["id"]: one for one in body["app_passwords"]}[made["id"]]
    assert status == 200 and "password" not in shown
    assert shown["name"] == "Phone" and shown["scopes"] == ["imap", "smtp"]
    assert shown["last_used_at"] and shown["last_used_from"] == "127.0.0.1"
    assert platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": made["password"]})[0] == 401
    assert made["password"] not in platform.log.read_text()


def test_it_is_good_for_its_scopes_only(platform, token):
    sender = make(platform, token, "Printer", ["smtp"])
    platform.submission(password=sender["password"]).quit()
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        platform.imap(password=sender["password"])


def test_revoking_ends_its_sessions_wherever_it_is_done(platform, token):
    made = make(platform, token, "Tablet")
    by_tablet, by_owner = platform.imap(password=made["password"]), platform.imap()
    sending = platform.submission(password=made["password"])
    by_tablet.send(b"i IDLE\r\n")
    assert by_tablet.readline().startswith(b"+")
    # Another process than the one that has the sessions.
    platform.cli("app-password", "revoke", ADMIN, str(made["id"]))
    assert b"* BYE" in by_tablet.readline()
    wait_until(lambda: sending.docmd("NOOP")[0] == 421)
    assert by_owner.noop()[0] == "OK"
    by_owner.logout()
    with pytest.raises(smtplib.SMTPAuthenticationError):
        platform.submission(password=made["password"])
    assert platform.http("DELETE", f"{PATH}/{made['id']}", token=token)[0] == 404


def test_suspending_an_account_ends_its_sessions(platform):
    person = platform.add_account("leaving@apps.test")
    session = platform.imap(person)
    session.send(b"i IDLE\r\n")
    assert session.readline().startswith(b"+")
    platform.cli("account", "suspend", person)
    assert b"* BYE" in session.readline()


def test_the_command_makes_and_lists_them(platform):
    person = platform.add_account("ann@apps.test")
    secret = platform.cli("app-password", "add", person, "--name", "Phone", "--scope", "imap").stdout.strip()
    platform.imap(person, secret).logout()
    listed = platform.json("app-password", "list", person)
    assert [(one["name"], one["scopes"], "password" in one) for one in listed] == [("Phone", ["imap"], False)]
    assert platform.cli("app-password", "add", person, "--name", "Phone", check=False).returncode == 4
    assert platform.cli("app-password", "revoke", person, "999999", check=False).returncode == 3


@pytest.mark.parametrize("body, status", [
    ({"name": ""}, 422), ({"name": "x", "scopes": ["root"]}, 422), ({"name": "x", "scopes": []}, 422), ({"name": "x", "colour": "red"}, 422),
    ({"name": "a\r\nb"}, 422), ({}, 422),
])
def test_what_cannot_be_is_refused(platform, token, body, status):
    assert platform.http("POST", PATH, body, token)[0] == status


def test_others_neither_see_nor_revoke_mine(platform, token):
    mine = make(platform, token, "Mine")
    other = platform.add_account("other@apps.test")
    theirs = platform.http("POST", "/api/auth/login", {"email": other, "password": PASSWORD})[2]["access_token"]
    assert platform.http("GET", PATH, token=theirs)[2] == {"app_passwords": []}
    assert platform.http("DELETE", f"{PATH}/{mine['id']}", token=theirs)[0] == 404
    assert platform.http("GET", PATH)[0] == 401
    platform.imap(password=mine["password"]).logout()
