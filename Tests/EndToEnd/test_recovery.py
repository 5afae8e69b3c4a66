"""Recovery addresses, new passwords by mail, and invitations: with the mails as they arrive."""
import email
import email.policy
import re
import time

import pytest
from platform_process import PASSWORD, wait_until

NEW = "quite another horse"


def login(platform, user, password=PASSWORD):
    status, _, tokens = platform.http("POST", "/api/auth/login", {"email": user, "password": password})
    return tokens["access_token"] if status == 200 else None


def mails(platform, user, password=PASSWORD):
    return [email.message_from_bytes(raw, policy=email.policy.default) for raw in platform.messages(user, password=password)]


def token_in(platform, user, count=1):
    wait_until(lambda: len(mails(platform, user)) >= count)
    return re.search(r"^([\w-]{43})\s*$", mails(platform, user)[-1].get_content(), re.M)[1]


@pytest.fixture(scope="module")
def owner(platform):
    platform.cli("domain", "add", "recover.test", "--organisation", "Recover Ltd")
    platform.cli("account", "add", "owner@recover.test", "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    token = login(platform, "owner@recover.test")
    return token, platform.http("GET", "/api/users/me", token=token)[2]["organisation_id"]


def test_a_proved_address_gets_a_new_password(platform, owner):
    person, other = platform.add_account("lost@recover.test"), platform.add_account("private@elsewhere-mail.test")
    token = login(platform, person)
    path = "/api/users/me/recovery-address"
    assert platform.http("PUT", path, {"address": other, "password": "wrong"}, token)[0] == 422
    for bad in ("no address", person, "a\r\nb@x.test"):
        status, _, problem = platform.http("PUT", path, {"address": bad, "password": PASSWORD}, token)
        assert status == 422 and problem["errors"][0]["pointer"] == "#/address", problem
    assert platform.http("PUT", path, {"address": other, "password": PASSWORD}, token)[0] == 202
    proof = token_in(platform, other)
    mail = mails(platform, other)[0]
    # Signed by the domain that it comes from.
    assert mail["From"].endswith("<postmaster@recover.test>") and "d=recover.test" in mail["DKIM-Signature"]
    assert platform.http("GET", path, token=token)[2] == {}
    assert platform.http("POST", path + "/confirm", {"token": "x" * 43}, token)[0] == 422
    assert platform.http("POST", path + "/confirm", {"token": proof}, token)[2]["address"] == other
    assert platform.http("POST", path + "/confirm", {"token": proof}, token)[0] == 422

    began = time.monotonic()
    assert platform.http("POST", "/api/auth/password-reset", {"email": person})[0] == 202
    known = time.monotonic() - began
    began = time.monotonic()
    unknown = platform.http("POST", "/api/auth/password-reset", {"email": "nobody@recover.test"})
    assert unknown[0] == 202 and unknown[2] == {"status": "accepted"}
    assert known >= 0.5 and time.monotonic() - began >= 0.5
    secret = token_in(platform, other, 2)
    open_mail = platform.imap(person)
    open_mail.send(b"i IDLE\r\n")
    assert open_mail.readline().startswith(b"+")
    complete = "/api/auth/password-reset/complete"
    status, _, problem = platform.http("POST", complete, {"token": secret, "new_password": "short"})
    assert status == 422 and problem["errors"][0]["pointer"] == "#/new_password"
    assert platform.http("POST", complete, {"token": proof, "new_password": NEW})[0] == 422
    assert platform.http("POST", complete, {"token": secret, "new_password": NEW})[0] == 204
    assert b"* BYE" in open_mail.readline()
    assert platform.http("POST", complete, {"token": secret, "new_password": NEW + "!"})[0] == 422
    assert platform.http("GET", "/api/users/me", token=token)[0] == 401
    assert login(platform, person) is None and login(platform, person, NEW)
    # The account is told.
    assert "was reset" in mails(platform, person, NEW)[-1]["Subject"]
    # More than are mailed changes nothing for the caller, and mails nothing.
    for _ in range(4):
        assert platform.http("POST", "/api/auth/password-reset", {"email": person})[0] == 202
    assert len(mails(platform, other)) <= 2 + 3


def test_an_administrator_sets_a_password(platform, owner):
    token, _ = owner
    person = platform.add_account("reset@recover.test")
    path = f"/api/accounts/{platform.json('account', 'show', person)['id']}/password"
    session = login(platform, person)
    assert platform.http("PUT", path, {"new_password": NEW}, session)[0] == 403
    assert platform.http("PUT", path, {"new_password": "short"}, token)[2]["errors"][0]["pointer"] == "#/new_password"
    assert platform.http("PUT", path, {"new_password": NEW}, token)[0] == 204
    assert platform.http("GET", "/api/users/me", token=session)[0] == 401 and login(platform, person, NEW)
    own = f"/api/accounts/{platform.json('account', 'show', 'owner@recover.test')['id']}/password"
    assert platform.http("PUT", own, {"new_password": NEW}, token)[0] == 403


def test_an_invited_person_chooses_the_password(platform, owner):
    token, organisation = owner
    contact = platform.add_account("contact@elsewhere-mail.test")
    path = f"/api/organisations/{organisation}/invitations"
    accept = "/api/auth/invitations/accept"

    def invite(**body):
        status, _, answer = platform.http("POST", path, body, token)
        return status, answer

    assert invite(email="new@recover.test", role="platform-admin")[0] == 403
    assert invite(email="new@elsewhere-mail.test")[0] == 422
    assert invite(email="owner@recover.test")[0] == 409
    assert invite(email="new@recover.test", display_name="a\r\nb")[1]["errors"][0]["pointer"] == "#/display_name"
    assert platform.http("GET", "/api/organisations/1/invitations", token=token)[0] == 404
    status, made = invite(email="new@recover.test", contact=contact, display_name="Neo", role="admin")
    assert status == 201 and "token" not in made
    assert invite(email="new@recover.test")[0] == 409
    status, _, listed = platform.http("GET", path, token=token)
    assert [one["id"] for one in listed["invitations"]] == [made["id"]]
    secret = token_in(platform, contact)
    assert "Recover Ltd" in mails(platform, contact)[0].get_content()
    assert platform.http("POST", accept, {"token": secret, "password": "short"})[0] == 422
    status, _, account = platform.http("POST", accept, {"token": secret, "password": NEW})
    assert status == 201 and account["email"] == "new@recover.test" and account["role"] == "admin"
    assert login(platform, "new@recover.test", NEW)
    assert platform.http("POST", accept, {"token": secret, "password": NEW})[0] == 422
    # Handed over, and revoked.
    status, made = invite(email="two@recover.test")
    assert status == 201 and len(made["token"]) == 43
    assert platform.http("DELETE", f"{path}/{made['id']}", token=token)[0] == 204
    assert platform.http("POST", accept, {"token": made["token"], "password": NEW})[0] == 422
    made = platform.json("invitation", "add", "three@recover.test")
    assert platform.http("POST", accept, {"token": made["token"], "password": NEW})[0] == 201


def test_an_invitation_is_sent_again(platform, owner):
    token, organisation = owner
    path, accept = f"/api/organisations/{organisation}/invitations", "/api/auth/invitations/accept"
    first, second = platform.add_account("first@elsewhere-mail.test"), platform.add_account("second@elsewhere-mail.test")

    def again(number, body=None, by=token):
        status, _, answer = platform.http("POST", f"{path}/{number}/send", body or {}, by)
        return status, answer

    made = platform.http("POST", path, {"email": "again@recover.test", "contact": first}, token)[2]
    old = token_in(platform, first)
    status, sent = again(made["id"])
    assert status == 200 and sent["id"] == made["id"] and "token" not in sent and sent["expires_at"] > made["expires_at"]
    assert token_in(platform, first, 2) != old
    # To somebody else's eyes, and then it is theirs alone.
    assert again(made["id"], {"contact": second})[1]["contact"] == second
    secret = token_in(platform, second)
    for void in (old, token_in(platform, first, 2)):
        assert platform.http("POST", accept, {"token": void, "password": NEW})[0] == 422
    for contact, code in (("again@recover.test", 409), ("nobody@recover.test", 422), ("no address", 422)):
        status, problem = again(made["id"], {"contact": contact})
        assert status == code and (code == 409 or problem["errors"][0]["pointer"] == "#/contact"), problem
    again(made["id"], {"contact": second})
    secret = token_in(platform, second, 2)
    assert platform.http("POST", accept, {"token": secret, "password": NEW})[0] == 201
    assert again(made["id"])[0] == 404
    # Handed over, where nobody is written to; by those alone who could have invited.
    made = platform.http("POST", path, {"email": "handed@recover.test", "role": "owner"}, token)[2]
    status, sent = again(made["id"])
    assert status == 200 and sent["token"] != made["token"]
    platform.cli("account", "add", "admin@recover.test", "--role", "admin", "--password-stdin", stdin=PASSWORD + "\n")
    platform.add_account("member@recover.test")
    assert again(made["id"], by=login(platform, "admin@recover.test"))[0] == 404
    assert again(made["id"], by=login(platform, "member@recover.test"))[0] == 403
    assert again(made["id"], by=login(platform, first))[0] in (403, 404)
    renewed = platform.json("invitation", "renew", str(organisation), str(made["id"]))
    assert platform.http("POST", accept, {"token": sent["token"], "password": NEW})[0] == 422
    assert platform.http("POST", accept, {"token": renewed["token"], "password": NEW})[0] == 201


def test_an_imported_person_is_invited_again(platform, owner):
    token, organisation = owner
    made = platform.json("account", "add", "import@recover.test", "--without-password")
    listed = platform.http("GET", f"/api/organisations/{organisation}/invitations?text=import@", token=token)[2]["invitations"]
    number = listed[0]["id"]
    contact = platform.add_account("third@elsewhere-mail.test")
    path = f"/api/organisations/{organisation}/invitations/{number}/send"
    assert platform.http("POST", path, {"contact": contact}, token)[0] == 200
    secret = token_in(platform, contact)
    accept = "/api/auth/invitations/accept"
    assert platform.http("POST", accept, {"token": made["token"], "password": NEW})[0] == 422
    assert platform.http("POST", accept, {"token": secret, "password": NEW})[0] == 201
    assert login(platform, "import@recover.test", NEW)


@pytest.mark.one_machine("settings of its own")
def test_tokens_are_not_guessed(start_platform):
    platform = start_platform(OONRUMAIL_PASSWORD_RESET_REQUESTS="3")
    guess = {"token": "A" * 43, "new_password": NEW}
    answers = [platform.http("POST", "/api/auth/password-reset/complete", guess) for _ in range(4)]
    assert [status for status, _, _ in answers] == [422, 422, 422, 429]
    assert int(answers[-1][1]["Retry-After"]) > 0
    asked = [platform.http("POST", "/api/auth/password-reset", {"email": "nobody@recover.test"})[0] for _ in range(4)]
    assert asked == [202, 202, 202, 429]
