"""Policies of organisations for signing in: passwords by the organisation's rules, and a second factor that is demanded."""
import hashlib
import imaplib
import json
import re
import smtplib

import pytest
from hostile_provider import HostileProvider
from platform_process import PASSWORD
from soft_authenticator import SoftAuthenticator
from test_openid import Browser, Party, imap as imap_by_token, smtp as smtp_by_token
from test_people import Company
from test_recovery import token_in
from test_second_factor import PATH, code, complete, login
from test_single_sign_on import House

LONG = "a much longer horse than that one"
NEEDED = "/problems/second-factor-needed"


class Tenant(Company):
    def __init__(self, platform, domain):
        super().__init__(platform, domain)
        self.domain, self.path = domain, f"/api/organisations/{self.organisation}/sign-in-policy"

    def policy(self, role="owner", etag=None, **change):
        headers = {"If-Match": etag} if etag else None
        return self.platform.http("PATCH", self.path, change, self.tokens[role], headers)

    def add(self, name, password=PASSWORD):
        address = f"{name}@{self.domain}"
        self.platform.cli("account", "add", address, "--password-stdin", stdin=password + "\n")
        return address


def session(platform, user, password=PASSWORD):
    status, _, tokens = login(platform, user, password)
    assert status == 200, tokens
    return tokens


def enrol(platform, token):
    """Takes up codes; the secret and the recovery codes."""
    status, _, made = platform.http("POST", PATH, {"password": PASSWORD}, token)
    assert status == 201, made
    status, _, confirmed = platform.http("POST", f"{PATH}/confirm", {"code": code(made["secret"], -1)}, token)
    assert status == 200, confirmed
    return made["secret"], confirmed["recovery_codes"]


def test_managers_read_and_set_it_and_nobody_else(platform):
    house, other = Tenant(platform, "policy-a.test"), Tenant(platform, "policy-b.test")
    status, headers, shown = platform.http("GET", house.path, token=house.tokens["admin"])
    assert status == 200 and headers["ETag"] == '"v0"' and shown == {
        "version": 0, "breached_list": False, "second_factor": "optional",
        "in_force": {"minimum_length": 8, "history": 5, "breached_list": False},
    }
    assert house.policy("member", minimum_length=12)[0] == 403
    assert other.policy("owner")[0] == 200
    assert platform.http("PATCH", house.path, {"minimum_length": 12}, other.tokens["owner"])[0] == 404
    assert platform.http("GET", house.path, token=other.tokens["owner"])[0] == 404
    assert platform.http("GET", house.path)[0] == 401
    # Never weaker than the platform; a list that there is none of cannot be asked.
    for change in (
        {"minimum_length": 7}, {"minimum_length": 129}, {"history": 4}, {"history": 25}, {"breached_list": True},
        {"second_factor": "sometimes"},
    ):
        status, _, problem = house.policy("owner", **change)
        assert status == 422 and problem["errors"][0]["pointer"] == f"#/{next(iter(change))}", problem
    assert house.policy("owner", minimum_length="12")[0] in (400, 422)
    status, headers, shown = house.policy("admin", etag='"v0"', minimum_length=12, history=9)
    assert status == 200 and headers["ETag"] == '"v1"' and shown["in_force"] == {
        "minimum_length": 12, "history": 9, "breached_list": False}
    assert house.policy("owner", etag='"v0"', minimum_length=13)[0] == 412
    # What is not given stays; null is the platform's.
    status, _, shown = house.policy("owner", etag='"v1"', history=None)
    assert status == 200 and shown["minimum_length"] == 12 and "history" not in shown and shown["in_force"]["history"] == 5
    trail = platform.http("GET", "/api/audit?action=organisation.sign_in_policy", token=house.tokens["owner"])[2]["events"]
    assert [one["actor"] for one in trail] == ["owner@policy-a.test", "admin@policy-a.test"]
    assert json.loads(trail[1]["detail"]) == {
        "minimum_length": {"before": "platform", "after": "12"}, "history": {"before": "platform", "after": "9"}}
    assert platform.http("GET", "/api/audit?action=organisation.sign_in_policy", token=other.tokens["owner"])[2]["events"] == []
    shown = platform.json("organisation", "sign-in-policy", str(house.organisation), "--minimum-length", "14", "--history", "platform")
    assert (shown["minimum_length"], shown["version"], shown["second_factor"]) == (14, 3, False)
    assert platform.cli("organisation", "sign-in-policy", str(house.organisation), "--minimum-length", "3", check=False).returncode != 0


def test_every_way_to_a_password_goes_by_it(platform):
    house = Tenant(platform, "policy-words.test")
    person, elsewhere = house.add("ann"), platform.add_account("contact@policy-contact.test")
    token = session(platform, person)["access_token"]
    assert platform.http("PUT", "/api/users/me/recovery-address", {"address": elsewhere, "password": PASSWORD}, token)[0] == 202
    proof = token_in(platform, elsewhere)
    assert platform.http("POST", "/api/users/me/recovery-address/confirm", {"token": proof}, token)[0] == 200
    assert house.policy(minimum_length=30, history=7)[0] == 200

    def refused(answer, member):
        status, _, problem = answer
        assert status == 422 and problem["errors"] == [
            {"pointer": f"#/{member}", "detail": problem["errors"][0]["detail"]}] and "30" in problem["errors"][0]["detail"], problem

    short = "twenty-nine characters, these"
    assert len(short) == 29

    def change(old, new):
        return platform.http("PUT", "/api/users/me/password", {"old_password": old, "new_password": new}, token)

    # One's own.
    refused(change(PASSWORD, short), "new_password")
    assert change(PASSWORD, LONG)[0] == 204
    # By an administrator.
    account = platform.http("GET", "/api/users/me", token=token)[2]["id"]
    path = f"/api/accounts/{account}/password"
    refused(platform.http("PUT", path, {"new_password": short}, house.tokens["admin"]), "new_password")
    assert platform.http("PUT", path, {"new_password": LONG + " 2"}, house.tokens["admin"])[0] == 204
    # By a token from the recovery address.
    assert platform.http("POST", "/api/auth/password-reset", {"email": person})[0] == 202
    secret, complete_reset = token_in(platform, elsewhere, 2), "/api/auth/password-reset/complete"
    refused(platform.http("POST", complete_reset, {"token": secret, "new_password": short}), "new_password")
    assert platform.http("POST", complete_reset, {"token": secret, "new_password": LONG + " 3"})[0] == 204
    # By invitation.
    body = {"email": f"invited@{house.domain}", "role": "member", "contact": elsewhere}
    status, _, made = platform.http("POST", f"/api/organisations/{house.organisation}/invitations", body, house.tokens["owner"])
    assert status == 201, made
    secret = token_in(platform, elsewhere, 3)
    refused(platform.http("POST", "/api/auth/invitations/accept", {"token": secret, "password": short}), "password")
    assert platform.http("POST", "/api/auth/invitations/accept", {"token": secret, "password": LONG})[0] == 201
    # Made by an administrator, and at the command line.
    made = {"email": f"new@{house.domain}", "password": short}
    refused(platform.http("POST", f"/api/domains/{house.domain}/accounts", made, house.tokens["owner"]), "password")
    done = platform.cli("account", "add", f"cli@{house.domain}", "--password-stdin", stdin=short + "\n", check=False)
    assert done.returncode != 0 and "30" in done.stderr
    done = platform.cli("account", "password", person, "--password-stdin", stdin=short + "\n", check=False)
    assert done.returncode != 0 and "30" in done.stderr
    # Seven earlier ones are refused, where the platform asks for five.
    for number in range(4, 9):
        platform.cli("account", "password", person, "--password-stdin", stdin=f"{LONG} {number}\n")
    done = platform.cli("account", "password", person, "--password-stdin", stdin=LONG + "\n", check=False)
    assert done.returncode != 0 and "in use before" in done.stderr
    assert house.policy(history=None)[0] == 200
    platform.cli("account", "password", person, "--password-stdin", stdin=LONG + "\n")
    # Other organisations go by their own.
    platform.cli("account", "password", elsewhere, "--password-stdin", stdin=short + "\n")


def test_the_list_is_asked_for_the_organisations_that_say_so(start_platform, tmp_path):
    words = [f"password number {number}" for number in range(300)]
    path = tmp_path / "breached.txt"
    path.write_text("".join(f"{one}\n" for one in sorted(hashlib.sha1(word.encode()).hexdigest().upper() for word in words)))
    platform = start_platform(OONRUMAIL_BREACHED_PASSWORDS=path, OONRUMAIL_BREACHED_PASSWORDS_ASKED="policy")
    house, other = Tenant(platform, "listed.test"), Tenant(platform, "unlisted.test")
    status, _, shown = house.policy(breached_list=True)
    assert status == 200 and shown["in_force"]["breached_list"] is True

    def add(tenant, name):
        made = {"email": f"{name}@{tenant.domain}", "password": words[7]}
        return platform.http("POST", f"/api/domains/{tenant.domain}/accounts", made, tenant.tokens["owner"])[0]

    assert add(house, "ann") == 422 and add(other, "ann") == 201


def test_without_a_factor_a_session_does_nothing_but_enrol_one(platform):
    house = Tenant(platform, "factor-must.test")
    person = house.add("ann")
    before = session(platform, person)
    assert "limited_to" not in before
    open_mail = platform.imap(person)
    open_mail.send(b"i IDLE\r\n")
    assert open_mail.readline().startswith(b"+")
    # Managers who have one themselves demand it of everybody.
    secret, _ = enrol(platform, house.tokens["owner"])
    assert house.policy(second_factor="required")[2]["second_factor"] == "required"
    # What was open is over or limited.
    assert b"* BYE" in open_mail.readline()
    assert platform.http("GET", "/api/users/me/sessions", token=before["access_token"])[2]["type"] == NEEDED
    tokens = session(platform, person)
    assert tokens["limited_to"] == "second-factor-enrolment"
    token = tokens["access_token"]
    everything = platform.http("GET", "/openapi.json")[2]["paths"]
    allowed = {
        ("GET", "/api/users/me"), ("GET", PATH), ("POST", PATH), ("POST", f"{PATH}/confirm"), ("GET", "/api/users/me/passkeys"),
        ("POST", "/api/users/me/passkeys"), ("POST", "/api/users/me/passkeys/options"),
    }
    asked = 0
    for place, operations in everything.items():
        for method, operation in operations.items():
            if operation.get("security") == [] or place.startswith("/oauth2/"):
                continue
            status, _, answer = platform.http(method.upper(), re.sub(r"\{\w+\}", "1", place), {}, token)
            if (method.upper(), place) in allowed:
                assert status != 403, (method, place, answer)
            else:
                assert status == 403 and answer["type"] == NEEDED, (method, place, status, answer)
                asked += 1
    assert asked > 60
    # It stays so when it is refreshed.
    status, _, fresh = platform.http("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})
    assert status == 200 and fresh["limited_to"] == "second-factor-enrolment"
    token = fresh["access_token"]
    assert platform.http("GET", "/api/users/me/sessions", token=token)[0] == 403
    assert platform.http("GET", "/api/users/me", token=token)[2]["email"] == person
    assert platform.http("GET", PATH, token=token)[2] == {"is_enabled": False, "recovery_codes_left": 0, "is_required": True}
    # Mail programs are told to use an app password; the session's token is not good for them either.
    with pytest.raises(imaplib.IMAP4.error, match=r"\[AUTHENTICATIONFAILED\].*app password"):
        platform.imap(person)
    with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
        platform.submission(person)
    assert refused.value.smtp_code == 534 and b"5.7.9" in refused.value.smtp_error
    assert imap_by_token(platform, person, token) is not None and smtp_by_token(platform, person, token)[0] == 535
    with pytest.raises(imaplib.IMAP4.error, match="address or the password"):
        platform.imap(person, "wrong horse")
    # Once enrolled, the same session is a full one.
    _, recovery = enrol(platform, token)
    assert platform.http("GET", "/api/users/me/sessions", token=token)[0] == 200
    made = platform.http("POST", "/api/users/me/app-passwords", {"name": "Phone"}, token)[2]["password"]
    platform.imap(person, made).logout()
    platform.submission(person, made).quit()
    assert imap_by_token(platform, person, token) is None
    # The last factor stays, unless an operator takes it away for who has lost it.
    status, _, problem = platform.http("POST", f"{PATH}/disable", {"password": PASSWORD, "code": recovery[0]}, token)
    assert status == 409 and "demands" in problem["detail"]
    status, _, challenged = login(platform, person)
    assert status == 202 and complete(platform, challenged["challenge"], recovery[1])[0] == 200
    platform.cli("second-factor", "disable", person)
    assert session(platform, person)["limited_to"] == "second-factor-enrolment"
    # App passwords that were made before are taken, as for everybody who has a factor.
    platform.imap(person, made).logout()
    # No longer demanded: nothing is limited.
    assert platform.http("GET", house.path, token=house.tokens["owner"])[0] == 200
    assert house.policy(second_factor="optional")[0] == 200
    assert "limited_to" not in session(platform, person)
    platform.imap(person).logout()


def test_a_passkey_is_two_factors_and_the_last_one_stays(platform):
    house = Tenant(platform, "factor-key.test")
    person = house.add("ann")
    enrol(platform, house.tokens["owner"])
    assert house.policy(second_factor="required")[0] == 200
    token = session(platform, person)["access_token"]
    device = SoftAuthenticator("https://mail.example.test", "mail.example.test")
    keys = "/api/users/me/passkeys"
    asked = platform.http("POST", f"{keys}/options", {"password": PASSWORD}, token)[2]["public_key"]
    made = {"name": "Phone", "credential": device.create(asked)}
    status, _, passkey = platform.http("POST", keys, made, token)
    assert status == 201, passkey
    options = platform.http("POST", "/api/auth/passkey/options", {})[2]["public_key"]
    status, _, tokens = platform.http("POST", "/api/auth/passkey/verify", {"credential": device.get(options)})
    assert status == 200 and "limited_to" not in tokens
    token = tokens["access_token"]
    status, _, problem = platform.http("POST", f"{keys}/{passkey['id']}/delete", {"password": PASSWORD}, token)
    assert status == 409 and "demands" in problem["detail"]
    secret, recovery = enrol(platform, token)
    # One of two goes, the other stays.
    assert platform.http("POST", f"{keys}/{passkey['id']}/delete", {"password": PASSWORD}, token)[0] == 204
    assert platform.http("POST", f"{PATH}/disable", {"password": PASSWORD, "code": recovery[0]}, token)[0] == 409


def test_the_provider_s_pages_and_devices_are_no_way_around(platform):
    house = Tenant(platform, "factor-oidc.test")
    person = house.add("ann")
    party, browser = Party(platform, "Pages"), Browser(platform.issuer)
    tokens = party.tokens(browser, person)
    assert imap_by_token(platform, person, tokens["access_token"]) is None
    waiting = party.code(browser, person)
    enrol(platform, house.tokens["owner"])
    assert house.policy(second_factor="required")[0] == 200
    # What was given before is worth nothing: the token, its successor, a code, the browser's session.
    assert party.information(tokens["access_token"])[0] == 401
    assert imap_by_token(platform, person, tokens["access_token"]) is not None
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert party.ask("token_endpoint", **again)[1]["error"] == "invalid_grant"
    assert party.redeem(waiting)[1]["error"] == "invalid_grant"
    status, page = browser.open(party.url())
    assert status == 200 and 'value="sign-in"' in page
    # Nor does signing in anew by the password lead on.
    status, page = browser.sign_in(page, person)
    assert status == 200 and "enrol-code" in page and "consent" not in page and browser.open(party.url())[1].count("sign-in")
    asked = party.ask("device_authorization_endpoint", scope="openid imap")[1]
    status, page = browser.open(asked["verification_uri_complete"])
    status, page = browser.sign_in(page, person)
    assert status == 200 and "enrol-code" in page and "consent" not in page
    # By the factor it does, and sessions from before it stay over.
    token = session(platform, person)["access_token"]
    secret, recovery = enrol(platform, token)
    assert party.information(tokens["access_token"])[0] == 401
    assert party.ask("token_endpoint", **again)[1]["error"] == "invalid_grant"
    status, page = browser.open(party.url())
    status, page = browser.sign_in(page, person)
    status, page = browser.send(page, "code", code=recovery[0])
    assert status == 303, page
    status, fresh = party.redeem(browser.answer["code"])
    assert status == 200 and imap_by_token(platform, person, fresh["access_token"]) is None


def test_who_signs_in_by_an_identity_provider_is_its_affair(platform):
    provider = HostileProvider()
    try:
        platform.cli("domain", "add", "factor-sso.test", "--organisation", "Factor by provider")
        house = House(platform, "factor-sso.test")
        assert house.connect(provider.issuer("right"), makes_accounts=True)[0] == 200
        provider.claims = {"sub": "factor-1", "email": "ann@factor-sso.test", "email_verified": True, "name": "Ann"}
        number = house.me(house.sign_in())["organisation_id"]
        platform.cli("organisation", "sign-in-policy", str(number), "--second-factor", "on")
        tokens = house.sign_in()
        assert "limited_to" not in tokens
        assert platform.http("GET", "/api/users/me/sessions", token=tokens["access_token"])[0] == 200
        status, _, fresh = platform.http("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})
        assert status == 200 and "limited_to" not in fresh
        # By the password it is not.
        platform.cli("account", "password", "ann@factor-sso.test", "--password-stdin", stdin=LONG + "\n")
        assert session(platform, "ann@factor-sso.test", LONG)["limited_to"] == "second-factor-enrolment"
    finally:
        provider.stop()
