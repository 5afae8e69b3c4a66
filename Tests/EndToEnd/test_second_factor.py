"""Second factors: enrolled, asked for, spent; what mail protocols say then."""
import base64
import hashlib
import hmac
import imaplib
import smtplib
import struct
import time

import pytest
from platform_process import PASSWORD

PATH = "/api/users/me/second-factor"


def code(secret, steps=0):
    """RFC 6238, by another implementation than the platform's."""
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30 + steps), hashlib.sha1).digest()
    number = struct.unpack_from(">I", digest, digest[19] & 15)[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def login(platform, user, password=PASSWORD):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": password})


def complete(platform, challenge, given):
    return platform.http("POST", "/api/auth/second-factor", {"challenge": challenge, "code": given})


class Person:
    def __init__(self, platform, name):
        self.address = platform.add_account(f"{name}@factor.test")
        self.token = login(platform, self.address)[2]["access_token"]
        status, _, made = platform.http("POST", PATH, {"password": PASSWORD}, self.token)
        assert status == 201 and made["uri"].startswith("otpauth://totp/"), made
        self.secret = made["secret"]
        status, _, confirmed = platform.http("POST", f"{PATH}/confirm", {"code": code(self.secret, -1)}, self.token)
        assert status == 200, confirmed
        self.recovery = confirmed["recovery_codes"]


def test_a_code_completes_the_sign_in_once(platform):
    person = Person(platform, "ann")
    status, _, asked = login(platform, person.address)
    assert status == 202 and "access_token" not in asked and asked["factors"] == ["totp", "recovery_code"]
    assert platform.http("GET", "/api/users/me", token=asked["challenge"])[0] == 401
    given = code(person.secret)
    status, _, tokens = complete(platform, asked["challenge"], given)
    assert status == 200, tokens
    assert platform.http("GET", "/api/users/me", token=tokens["access_token"])[2]["email"] == person.address
    # Another process may get the replay.
    for _ in range(4):
        assert complete(platform, asked["challenge"], given)[0] == 401
    assert complete(platform, asked["challenge"], person.recovery[0])[0] == 200
    assert complete(platform, asked["challenge"], person.recovery[0])[0] == 401
    assert platform.http("GET", PATH, token=person.token)[2] == {"is_enabled": True, "recovery_codes_left": 9, "is_required": False}
    assert person.secret not in platform.log.read_text() and given not in platform.log.read_text()


def test_mail_clients_need_an_app_password(platform):
    person = Person(platform, "bob")
    with pytest.raises(imaplib.IMAP4.error, match=r"\[AUTHENTICATIONFAILED\].*app password"):
        platform.imap(person.address)
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        platform.submission(person.address)
    assert refused.value.smtp_code == 534 and b"5.7.9" in refused.value.smtp_error
    # Who does not know the password learns nothing.
    with pytest.raises(imaplib.IMAP4.error, match="address or the password"):
        platform.imap(person.address, "wrong horse")
    secret = platform.http("POST", "/api/users/me/app-passwords", {"name": "Phone"}, person.token)[2]["password"]
    platform.imap(person.address, secret).logout()
    platform.submission(person.address, secret).quit()


def test_it_ends_with_password_and_code_or_by_the_operator(platform):
    person = Person(platform, "cy")
    wrong = {"password": "wrong horse", "code": person.recovery[0]}
    assert platform.http("POST", f"{PATH}/disable", wrong, person.token)[0] == 422
    assert platform.http("POST", f"{PATH}/disable", {"password": PASSWORD, "code": "nonsense"}, person.token)[0] == 422
    assert platform.http("POST", PATH, {"password": PASSWORD}, person.token)[0] == 409
    right = {"password": PASSWORD, "code": person.recovery[0]}
    assert platform.http("POST", f"{PATH}/disable", right, person.token)[0] == 204
    assert login(platform, person.address)[0] == 200
    lost = Person(platform, "dee")
    assert platform.json("second-factor", "show", lost.address)["is_enabled"] is True
    platform.cli("second-factor", "disable", lost.address)
    assert login(platform, lost.address)[0] == 200
    assert platform.cli("second-factor", "disable", lost.address, check=False).returncode == 3


def test_enrolment_wants_the_password(platform):
    person = platform.add_account("eve@factor.test")
    token = login(platform, person)[2]["access_token"]
    assert platform.http("POST", PATH, {"password": "wrong horse"}, token)[0] == 422
    assert platform.http("POST", PATH, {}, token)[0] == 422
    assert platform.http("POST", PATH, {"password": PASSWORD})[0] == 401
    assert platform.http("POST", f"{PATH}/confirm", {"code": "123456"}, token)[0] == 404
