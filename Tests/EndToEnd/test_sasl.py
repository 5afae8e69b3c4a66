"""Signing in to mail protocols by SCRAM and by token, with real clients and octet by octet."""
import base64
import hashlib
import hmac
import imaplib
import os
import re
import subprocess

import pytest
from platform_process import ADMIN, PASSWORD, wait_until


@pytest.fixture(scope="module")
def session(platform):
    """A signed-in session of a person of its own."""
    person = platform.add_account("ann@sasl.test")
    status, _, body = platform.http("POST", "/api/auth/login", {"email": person, "password": PASSWORD})
    assert status == 200, body
    return person, body["access_token"], body["refresh_token"]


@pytest.fixture(scope="module")
def secret(platform, session):
    return platform.cli("app-password", "add", session[0], "--name", "Phone", "--scope", "imap,smtp").stdout.strip()


class Scram:
    """A client of RFC 5802; checks the server's own proof."""

    def __init__(self, user, password):
        self.password, self.nonce = password.encode(), base64.b64encode(os.urandom(18)).decode()
        self.bare, self.signature = f"n={user},r={self.nonce}", None

    def __call__(self, challenge):
        if not challenge:
            return f"n,,{self.bare}".encode()
        if challenge.startswith(b"v="):
            assert challenge == b"v=" + base64.b64encode(self.signature)
            return b""
        server = challenge.decode()
        nonce, salt, rounds = (part[2:] for part in server.split(","))
        assert nonce.startswith(self.nonce) and len(nonce) > len(self.nonce) + 20
        salted = hashlib.pbkdf2_hmac("sha256", self.password, base64.b64decode(salt), int(rounds))

        def code(key, text):
            return hmac.digest(key, text, "sha256")

        final = f"c=biws,r={nonce}"
        message = f"{self.bare},{server},{final}".encode()
        key = code(salted, b"Client Key")
        proof = bytes(a ^ b for a, b in zip(key, code(hashlib.sha256(key).digest(), message)))
        self.signature = code(code(salted, b"Server Key"), message)
        return f"{final},p={base64.b64encode(proof).decode()}".encode()


def bearer(user, token):
    return f"n,a={user},\1host=mail.example.test\1port=993\1auth=Bearer {token}\1\1".encode()


def curl(platform, session, url, *options):
    return subprocess.run(
        ["curl", "-sSk", "--user", f"{session[0]}:", "--oauth2-bearer", session[1], *options, url],
        capture_output=True, text=True, timeout=60)


def test_what_is_announced_is_what_clients_can_use(platform):
    client = platform.imap(None)
    assert {"AUTH=PLAIN", "AUTH=OAUTHBEARER", "AUTH=XOAUTH2", "SASL-IR"} <= set(client.capabilities)
    assert "AUTH=SCRAM-SHA-256" not in client.capabilities
    client.logout()
    with platform.submission(None) as client:
        client.ehlo()
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN", "OAUTHBEARER", "XOAUTH2"]
    plain = imaplib.IMAP4("127.0.0.1", platform.ports["imap"], timeout=60)
    assert "LOGINDISABLED" in plain.capabilities and not any(name.startswith("AUTH=") for name in plain.capabilities)
    plain.logout()


def test_scram_proves_an_app_password(platform, session, secret):
    person = session[0]
    client = platform.imap(None)
    assert client.authenticate("SCRAM-SHA-256", Scram(person, secret))[0] == "OK"
    assert client.select("INBOX")[0] == "OK"
    client.logout()
    with platform.submission(None) as client:
        client.ehlo()
        scram = Scram(person, secret)
        assert client.auth("SCRAM-SHA-256", lambda challenge=None: scram(challenge or b"").decode())[0] == 235
        client.sendmail(person, [person], f"From: {person}\r\nSubject: proven\r\n\r\nx\r\n")
    client = platform.imap(None)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.authenticate("SCRAM-SHA-256", Scram(person, PASSWORD))


@pytest.mark.one_machine("a setting that all listeners read alike")
def test_where_scram_is_announced_clients_choose_it(start_platform):
    platform = start_platform(OONRUMAIL_SASL_ANNOUNCE_SCRAM="true")
    client = platform.imap(None)
    assert "AUTH=SCRAM-SHA-256" in client.capabilities
    client.logout()
    with platform.submission(None) as client:
        client.ehlo()
        assert client.esmtp_features["auth"].split()[0] == "SCRAM-SHA-256"


def test_curl_reads_and_sends_by_token(platform, session, tmp_path):
    person, token, _ = session
    for mechanism in ("OAUTHBEARER", "XOAUTH2"):
        letter = tmp_path / mechanism
        letter.write_bytes(f"From: {person}\r\nTo: {person}\r\nSubject: by {mechanism}\r\n\r\nx\r\n".encode())
        sent = curl(platform, session, f"smtp://127.0.0.1:{platform.ports['submission']}", "--ssl-reqd", "--mail-from", person,
                    "--mail-rcpt", person, "--login-options", f"AUTH={mechanism}", "-T", str(letter))
        assert sent.returncode == 0, sent.stderr
        read = curl(platform, session, f"imaps://127.0.0.1:{platform.ports['imaps']}/INBOX?SUBJECT%20{mechanism}",
                    "--login-options", f"AUTH={mechanism}")
        assert read.returncode == 0 and re.search(r"SEARCH \d+", read.stdout), read.stderr
    assert token not in platform.log.read_text()


def test_a_refused_token_is_explained_and_then_refused(platform, session):
    person, token, _ = session
    seen = []

    def answer(first):
        def say(challenge):
            seen.append(challenge)
            return first if not challenge else b"\1"
        return say

    for wrong in (bearer(person, token[:-4] + "AAAA"), bearer(ADMIN, token)):
        client = platform.imap(None)
        with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
            client.authenticate("OAUTHBEARER", answer(wrong))
    place = platform.issuer + "/.well-known/openid-configuration"
    reason = f'{{"status":"invalid_token","scope":"imap","openid-configuration":"{place}"}}'
    assert seen == [b"", reason.encode()] * 2
    with platform.submission(None) as client:
        client.ehlo()
        code, text = client.docmd("AUTH", "XOAUTH2 " + base64.b64encode(f"user={person}\1auth=Bearer x\1\1".encode()).decode())
        assert (code, base64.b64decode(text)) == (334, b'{"status":"401","schemes":"bearer","scope":"smtp"}')
        assert client.docmd("")[0] == 535
        assert client.docmd("AUTH", "OAUTHBEARER " + base64.b64encode(bearer(person, token)).decode())[0] == 235


def test_the_end_of_a_session_ends_what_signed_in_by_its_token(platform, session):
    person, token, refresh = session
    client = platform.imap(None)
    assert client.authenticate("OAUTHBEARER", lambda _: bearer(person, token))[0] == "OK"
    by_password = platform.imap(person)
    sending = platform.submission(None)
    sending.ehlo()
    assert sending.docmd("AUTH", "OAUTHBEARER " + base64.b64encode(bearer(person, token)).decode())[0] == 235
    client.send(b"i IDLE\r\n")
    assert client.readline().startswith(b"+")
    assert platform.http("POST", "/api/auth/logout", {"refresh_token": refresh})[0] == 204
    assert b"* BYE" in client.readline()
    wait_until(lambda: sending.docmd("NOOP")[0] == 421)
    assert by_password.noop()[0] == "OK"
    by_password.logout()
    client = platform.imap(None)
    with pytest.raises(imaplib.IMAP4.error, match="AUTHENTICATIONFAILED"):
        client.authenticate("OAUTHBEARER", lambda challenge: bearer(person, token) if not challenge else b"\1")
