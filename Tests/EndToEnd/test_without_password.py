"""Accounts without a password: invited by a passkey, taken away and set again, and what an attacker tries."""
import concurrent.futures
import imaplib
import smtplib

import pytest
from platform_process import ADMIN, PASSWORD, wait_until
from soft_authenticator import SoftAuthenticator
from test_passkeys import HOST, PATH, login, options, sign_in, sign_in_options
from test_recovery import token_in
from test_single_sign_on import House as Provided, hostile  # noqa: F401

OWN = "/api/users/me/password"
ACCEPT = "/api/auth/invitations/accept"
NEW = "quite another horse"


def device():
    return SoftAuthenticator(f"https://{HOST}", HOST)


def proof(platform, token, authenticator):
    return authenticator.get(options(platform, token, "confirm"))


def enter(platform, authenticator):
    """Signs in by the passkey alone."""
    status, _, tokens = sign_in(platform, authenticator.get(sign_in_options(platform)))
    assert status == 200, tokens
    return tokens["access_token"]


def me(platform, token):
    status, _, body = platform.http("GET", "/api/users/me", token=token)
    assert status == 200, body
    return body


class Person:
    """Somebody with a password and one passkey."""

    def __init__(self, platform, name, domain="keyless.test"):
        self.platform, self.address = platform, platform.add_account(f"{name}@{domain}")
        self.token = login(platform, self.address)[2]["access_token"]
        self.device, self.codes = device(), []
        self.passkey = self.add(self.device, "Phone", password=PASSWORD)

    def add(self, authenticator, name, **confirmation):
        made = authenticator.create(options(self.platform, self.token, **confirmation))
        status, _, body = self.platform.http("POST", PATH, {"name": name, "credential": made}, self.token)
        assert status == 201, body
        self.codes += body.get("recovery_codes", [])
        return body["id"]

    def ask(self, method, path, body=None, token=None):
        status, _, answer = self.platform.http(method, path, body, token or self.token)
        return status, answer

    def prove(self, authenticator=None):
        return proof(self.platform, self.token, authenticator or self.device)

    def take_away(self):
        status, body = self.ask("DELETE", OWN, {"passkey": self.prove()})
        assert status == 204, body


def trail(platform, address, action):
    admin = login(platform, ADMIN)[2]["access_token"]
    return platform.http("GET", f"/api/audit?subject={address}&action={action}", token=admin)[2]["events"]


def test_a_person_gives_up_the_password_and_takes_one_again(platform):
    person = Person(platform, "ann")
    secret = person.ask("POST", "/api/users/me/app-passwords", {"name": "Phone"})[1]["password"]
    other = enter(platform, person.device)
    assert me(platform, person.token)["has_password"] is True
    person.take_away()
    assert me(platform, person.token)["has_password"] is False
    # Other sessions end, as with a change of it.
    assert platform.http("GET", "/api/users/me", token=other)[0] == 401
    assert login(platform, person.address)[0] == 401
    person.token = enter(platform, person.device)
    # Mail clients go on.
    platform.imap(person.address, secret).logout()
    assert person.ask("DELETE", OWN, {"passkey": person.prove()})[0] == 404
    # What wanted the password takes the passkey.
    begun = person.ask("POST", "/api/users/me/second-factor", {"passkey": person.prove()})
    assert begun[0] == 201 and begun[1]["secret"]
    codes = person.ask("POST", "/api/users/me/second-factor/recovery-codes", {"passkey": person.prove()})
    assert codes[0] == 200 and len(codes[1]["recovery_codes"]) == 10
    recovery = {"address": "private@elsewhere.test", "passkey": person.prove()}
    assert person.ask("PUT", "/api/users/me/recovery-address", recovery)[0] in (202, 422)
    # A new one: not without showing who is there, and not an earlier one.
    assert person.ask("PUT", OWN, {"new_password": NEW})[0] == 422
    assert person.ask("PUT", OWN, {"new_password": NEW, "old_password": PASSWORD})[0] == 422
    assert person.ask("PUT", OWN, {"new_password": "short", "passkey": person.prove()})[0] == 422
    both = {"new_password": NEW, "old_password": PASSWORD, "passkey": person.prove()}
    assert person.ask("PUT", OWN, both)[0] == 422
    assert person.ask("PUT", OWN, {"new_password": NEW, "passkey": person.prove()})[0] == 204
    assert me(platform, person.token)["has_password"] is True
    assert login(platform, person.address, NEW)[0] == 202
    person.ask("POST", f"{PATH}/{person.passkey}/delete", {"passkey": person.prove()})
    assert login(platform, person.address, NEW)[0] == 200
    assert len(trail(platform, person.address, "account.password_remove")) == 1
    assert len(trail(platform, person.address, "account.password")) == 1


def test_it_does_not_go_without_a_passkey_of_ones_own(platform):
    person, stranger = Person(platform, "bob"), Person(platform, "eve")
    for body in ({}, {"password": PASSWORD}, {"passkey": {}}, {"passkey": None}):
        assert person.ask("DELETE", OWN, body)[0] in (400, 422)
    assert platform.http("DELETE", OWN, token=person.token)[0] in (400, 411, 415, 422)
    # Another's passkey, by one's own challenge and by theirs.
    assert person.ask("DELETE", OWN, {"passkey": person.prove(stranger.device)})[0] == 422
    assert person.ask("DELETE", OWN, {"passkey": stranger.prove()})[0] == 422
    # Who only touched it was not verified.
    person.device.flags = 0x01
    assert person.ask("DELETE", OWN, {"passkey": person.prove()})[0] == 422
    person.device.flags = 0x05
    # Once, and only an answer to that question.
    used = person.prove()
    assert person.ask("POST", f"{PATH}/options", {"passkey": used})[0] == 200
    assert person.ask("DELETE", OWN, {"passkey": used})[0] == 422
    assert person.ask("DELETE", OWN, {"passkey": person.device.get(sign_in_options(platform))})[0] == 422
    assert platform.http("DELETE", OWN, {"passkey": person.prove()})[0] == 401
    assert me(platform, person.token)["has_password"] is True
    nobody = platform.add_account("nokey@keyless.test")
    token = login(platform, nobody)[2]["access_token"]
    assert platform.http("POST", f"{PATH}/confirm", {}, token)[0] == 404
    assert platform.http("DELETE", OWN, {"passkey": person.prove()}, token)[0] == 422


def test_who_acts_as_a_person_does_not_touch_it(platform):
    person = Person(platform, "gil")
    number = platform.json("account", "show", person.address)["id"]
    operator = login(platform, ADMIN)[2]["access_token"]
    status, _, body = platform.http("POST", f"/api/accounts/{number}/act", {"reason": "see"}, operator)
    assert status == 201, body
    acting = body["access_token"]
    given = person.prove()
    for method, body in (("DELETE", {"passkey": given}), ("PUT", {"passkey": given, "new_password": NEW})):
        status, answer = person.ask(method, OWN, body, acting)
        assert status == 403 and answer["type"] == "/problems/not-while-acting"
    person.take_away()


def refusals(platform, user):
    """What each protocol answers a password with."""
    web = platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})
    with pytest.raises(smtplib.SMTPAuthenticationError) as mail:
        platform.submission(user)
    with pytest.raises(imaplib.IMAP4.error) as box:
        platform.imap(user)
    return web[0], web[2]["detail"], web[2]["type"], mail.value.smtp_code, mail.value.smtp_error, str(box.value)


def test_refusals_are_those_of_a_wrong_password(platform):
    person, other = Person(platform, "cy"), platform.add_account("other@keyless.test", "some other horse")
    person.take_away()
    counts = [platform.metric("oonrumail_auth_attempts_total")]
    answers = []
    for user in (person.address, other, "nobody@keyless.test"):
        answers.append(refusals(platform, user))
        counts.append(platform.metric("oonrumail_auth_attempts_total"))
    assert answers[0] == answers[1] == answers[2], answers
    # Counted alike; a client of submission tries several mechanisms.
    assert counts[1] - counts[0] == counts[2] - counts[1] == counts[3] - counts[2] >= 3, counts
    wrong = person.ask("PUT", OWN, {"new_password": NEW, "old_password": PASSWORD})[1]
    assert wrong["errors"][0]["pointer"] == "#/old_password"


def test_failures_lock_an_account_without_a_password_too(start_platform):
    platform = start_platform(OONRUMAIL_LOCKOUT_FAILURES="3")
    person = Person(platform, "lou")
    person.take_away()
    assert [login(platform, person.address)[0] for _ in range(5)] == [401, 401, 401, 429, 429]
    assert [login(platform, "nobody@keyless.test")[0] for _ in range(5)] == [401, 401, 401, 429, 429]
    # The passkey is no guess.
    enter(platform, person.device)


def test_the_last_passkey_stays(platform):
    person = Person(platform, "dee")
    touch = device()
    touch.flags = 0x01
    second = person.add(touch, "Touch", password=PASSWORD)
    shown = person.ask("GET", PATH)[1]["passkeys"]
    assert [one["verifies_user"] for one in shown] == [True, False]
    person.take_away()
    status, problem = person.ask("POST", f"{PATH}/{person.passkey}/delete", {"passkey": person.prove()})
    assert status == 409 and "no password" in problem["detail"], problem
    refused = platform.cli("passkey", "remove", person.address, str(person.passkey), check=False)
    assert refused.returncode != 0 and "no password" in refused.stderr + refused.stdout
    assert person.ask("POST", f"{PATH}/{second}/delete", {"passkey": person.prove()})[0] == 204
    enter(platform, person.device)
    platform.cli("passkey", "remove", person.address, str(person.passkey), "--force")
    # Nobody signs in now; a password from the operator or an administrator is the rescue.
    assert login(platform, person.address)[0] == 401
    platform.cli("account", "password", person.address, "--password-stdin", stdin=NEW + "\n")
    assert login(platform, person.address, NEW)[0] == 200


def test_of_two_passkeys_that_go_at_once_one_stays(platform):
    for round_number in range(3):
        person = Person(platform, f"race{round_number}")
        second = device()
        keys = [person.passkey, person.add(second, "Key", password=PASSWORD)]
        person.take_away()
        proofs = [person.prove(), person.prove(second)]

        def remove(place):
            return person.ask("POST", f"{PATH}/{keys[place]}/delete", {"passkey": proofs[place]})[0]

        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            assert sorted(pool.map(remove, range(2))) == [204, 409]
        left = person.ask("GET", PATH)[1]["passkeys"]
        assert len(left) == 1
        enter(platform, person.device if left[0]["name"] == "Phone" else second)


def test_the_password_and_the_last_passkey_do_not_both_go(platform):
    for round_number in range(3):
        person = Person(platform, f"both{round_number}")
        proofs = [person.prove(), person.prove()]
        asks = [
            lambda: person.ask("DELETE", OWN, {"passkey": proofs[0]})[0],
            lambda: person.ask("POST", f"{PATH}/{person.passkey}/delete", {"passkey": proofs[1]})[0],
        ]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(lambda ask: ask(), asks))
        # The passkey went first: its proof is nobody's any more, or it is no way in.
        assert statuses in ([204, 409], [409, 204], [422, 204]), statuses


class House:
    def __init__(self, platform, domain):
        self.platform, self.domain = platform, domain
        platform.cli("domain", "add", domain, "--organisation", domain)
        platform.cli("account", "add", f"owner@{domain}", "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
        self.token = login(platform, f"owner@{domain}")[2]["access_token"]
        self.organisation = me(platform, self.token)["organisation_id"]

    def invite(self, name, **more):
        path = f"/api/organisations/{self.organisation}/invitations"
        status, _, made = self.platform.http("POST", path, {"email": f"{name}@{self.domain}", **more}, self.token)
        assert status == 201, made
        return made.get("token")


@pytest.fixture(scope="module")
def house(platform):
    return House(platform, "keyhouse.test")


def accept_options(platform, token):
    status, _, body = platform.http("POST", ACCEPT + "/options", {"token": token})
    assert status == 200, body
    return body["public_key"]


def test_an_invitation_is_accepted_by_a_passkey(platform, house):
    token = house.invite("neo", display_name="Neo", role="admin")
    asked = accept_options(platform, token)
    assert asked["authenticatorSelection"]["userVerification"] == "required" and asked["rp"]["id"] == HOST
    assert asked["user"]["name"] == "neo@keyhouse.test" and asked["user"]["displayName"] == "Neo"
    # The same number whenever it is asked, and nobody is there yet.
    assert accept_options(platform, token)["user"]["id"] == asked["user"]["id"]
    phone = device()
    made = {"token": token, "name": "Phone", "credential": phone.create(asked)}
    status, _, body = platform.http("POST", ACCEPT, made)
    assert status == 201 and body["role"] == "admin" and len(body["recovery_codes"]) == 10, body
    for _ in range(3):
        assert platform.http("POST", ACCEPT, made)[0] == 422
    entered = enter(platform, phone)
    known = me(platform, entered)
    assert known["id"] == body["id"] and known["has_password"] is False and known["role"] == "admin"
    person = platform.http("GET", f"/api/accounts/{body['id']}", token=house.token)[2]
    assert person["has_password"] is False
    listed = platform.json("account", "list", "--domain", house.domain)
    assert {one["email"]: one["has_password"] for one in listed} == {"neo@keyhouse.test": False, "owner@keyhouse.test": True}
    assert "by" in trail(platform, "neo@keyhouse.test", "invitation.accept")[0]["detail"]
    # An administrator's rescue.
    path = f"/api/accounts/{body['id']}/password"
    assert platform.http("PUT", path, {"new_password": NEW}, house.token)[0] == 204
    status, _, challenge = login(platform, "neo@keyhouse.test", NEW)
    assert status == 202
    code = {"challenge": challenge["challenge"], "code": body["recovery_codes"][0]}
    assert platform.http("POST", "/api/auth/second-factor", code)[0] == 200


def test_hostile_acceptances_make_nobody(platform, house):
    token, other = house.invite("mal"), house.invite("mel")
    asked, foreign = accept_options(platform, token), accept_options(platform, other)
    person = Person(platform, "ivy")
    registering = options(platform, person.token, passkey=person.prove())

    def accept(given, change=None, **members):
        made = device()
        for name, value in (change or {}).items():
            setattr(made, name, value)
        body = {"token": token, "name": "Key", "credential": made.create(given), **members}
        return platform.http("POST", ACCEPT, {name: value for name, value in body.items() if value is not None})[0]

    # Not verified, another origin, another's challenge, one of another purpose, and half an answer.
    assert accept(asked, {"flags": 0x01}) == 422
    assert accept(asked, {"origin": "https://evil.test"}) == 422
    assert accept(asked, {"host": "evil.test"}) == 422
    assert accept(foreign) == accept(registering) == accept(sign_in_options(platform) | {"user": asked["user"]}) == 422
    assert accept(asked, name=None) == accept(asked, name="a\r\nb") == accept(asked, password=NEW) == 422
    assert accept(asked, token="x" * 43) == accept(asked, credential=None) == 422
    # And the other way round: a challenge of an invitation registers nothing elsewhere.
    new = {"name": "Key", "credential": device().create(asked)}
    assert person.ask("POST", PATH, new)[0] == 422
    for bad in ("x" * 43, "", "ä"):
        assert platform.http("POST", ACCEPT + "/options", {"token": bad})[0] == 422
    # All that spent nothing.
    assert accept(asked) == 201
    assert platform.http("POST", ACCEPT, {"token": other, "password": NEW})[0] == 201
    assert login(platform, "mel@keyhouse.test", NEW)[0] == 200
    assert platform.http("POST", ACCEPT + "/options", {"token": token})[0] == 422


def test_one_token_is_good_for_one_of_many(platform, house):
    token = house.invite("many")
    devices = [device() for _ in range(4)]
    bodies = [{"token": token, "name": "Key", "credential": one.create(accept_options(platform, token))} for one in devices]
    bodies.append({"token": token, "password": NEW})
    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        statuses = list(pool.map(lambda body: platform.http("POST", ACCEPT, body)[0], bodies))
    assert sorted(statuses) == [201] + [422] * 4, statuses


def test_where_passkeys_alone_are_off(platform):
    house = House(platform, "offkey.test")
    token = house.invite("neo")
    asked = accept_options(platform, token)
    person = Person(platform, "ann", "offkey.test")
    person.take_away()
    waiting = Person(platform, "bob", "offkey.test")
    number = str(house.organisation)
    platform.cli("flag", "set", "passkey-sign-in", "0", "--organisation", number)
    try:
        # Every process reads the flags for itself.
        wait_until(lambda: all(platform.http("POST", ACCEPT + "/options", {"token": token})[0] == 409 for _ in range(4)))
        body = {"token": token, "name": "Key", "credential": device().create(asked)}
        assert platform.http("POST", ACCEPT, body)[0] == 409
        assert waiting.ask("DELETE", OWN, {"passkey": waiting.prove()})[0] == 409
        # It shuts out nobody who has nothing else.
        enter(platform, person.device)
        assert sign_in(platform, waiting.device.get(sign_in_options(platform)))[0] == 401
    finally:
        platform.cli("flag", "clear", "passkey-sign-in", "--organisation", number)


def test_a_demanded_factor_is_the_passkey(platform):
    house = House(platform, "strictkey.test")
    platform.cli("organisation", "sign-in-policy", str(house.organisation), "--second-factor", "on")
    phone = device()
    # The owner, who has no factor, may do nothing else now: the operator invites.
    made = platform.json("account", "add", "neo@strictkey.test", "--without-password")
    asked = accept_options(platform, made["token"])
    body = {"token": made["token"], "name": "Phone", "credential": phone.create(asked)}
    assert platform.http("POST", ACCEPT, body)[0] == 201
    token = enter(platform, phone)
    assert platform.http("GET", "/api/users/me/app-passwords", token=token)[0] == 200
    keys = platform.http("GET", PATH, token=token)[2]["passkeys"]
    given = {"passkey": proof(platform, token, phone)}
    assert platform.http("POST", f"{PATH}/{keys[0]['id']}/delete", given, token)[0] == 409


def test_new_passwords_by_mail_are_the_rescue(platform):
    person, other = Person(platform, "fay"), platform.add_account("private@rescue-mail.test")
    path = "/api/users/me/recovery-address"
    person.take_away()
    assert person.ask("PUT", path, {"address": other})[0] == 422
    assert person.ask("PUT", path, {"address": other, "passkey": person.prove()})[0] == 202
    assert person.ask("POST", path + "/confirm", {"token": token_in(platform, other)})[0] == 200
    assert platform.http("POST", "/api/auth/password-reset", {"email": person.address})[0] == 202
    reset = {"token": token_in(platform, other, 2), "new_password": NEW}
    assert platform.http("POST", "/api/auth/password-reset/complete", reset)[0] == 204
    assert platform.http("GET", "/api/users/me", token=person.token)[0] == 401
    # The mailbox elsewhere is not enough: the second factor stays.
    status, _, asked = login(platform, person.address, NEW)
    assert status == 202 and "access_token" not in asked
    code = {"challenge": asked["challenge"], "code": person.codes[0]}
    status, _, tokens = platform.http("POST", "/api/auth/second-factor", code)
    assert status == 200
    person.token = tokens["access_token"]
    assert person.ask("POST", path + "/remove", {"passkey": person.prove()})[0] == 204
    # A token that waits is void once the password is taken away.
    assert person.ask("PUT", path, {"address": other, "password": NEW})[0] == 202
    assert person.ask("POST", path + "/confirm", {"token": token_in(platform, other, 3)})[0] == 200
    assert platform.http("POST", "/api/auth/password-reset", {"email": person.address})[0] == 202
    late = {"token": token_in(platform, other, 4), "new_password": "one more horse"}
    person.take_away()
    assert platform.http("POST", "/api/auth/password-reset/complete", late)[0] == 422


def test_an_identity_provider_is_a_way_in(platform, hostile):  # noqa: F811
    house = Provided(platform, "sso-keyless.test")
    assert house.connect(hostile.issuer("right-keyless"), makes_accounts=True)[0] == 200
    hostile.claims = {"sub": "keyless-1", "email": "new@sso-keyless.test", "email_verified": True}
    assert house.me(house.sign_in())["has_password"] is False
    person = Person(platform, "ann", "sso-keyless.test")
    person.take_away()
    last = f"{PATH}/{person.passkey}/delete"
    assert person.ask("POST", last, {"passkey": person.prove()})[0] == 409
    hostile.claims = {"sub": "keyless-2", "email": person.address, "email_verified": True}
    person.token = house.sign_in()["access_token"]
    # Where it is demanded nobody of the domain sets a password.
    assert house.connect(hostile.issuer("right-keyless"), enforced=True)[0] == 200
    asked = {"passkey": person.prove(), "new_password": NEW}
    assert person.ask("PUT", OWN, asked)[1]["type"] == "/problems/identity-provider-needed"
    # The provider signs the account in: its last passkey may go.
    assert person.ask("POST", last, {"passkey": person.prove()})[0] == 204
    assert house.me(house.sign_in())["email"] == person.address


def test_the_command_line(platform):
    platform.cli("domain", "add", "typed.test", "--organisation", "Typed Ltd")
    made = platform.json("account", "add", "neo@typed.test", "--without-password", "--name", "Neo", "--role", "owner")
    assert made["has_password"] is False and len(made["token"]) == 43
    assert platform.json("account", "show", "neo@typed.test")["has_password"] is False
    assert login(platform, "neo@typed.test")[0] == 401
    again = platform.cli("account", "add", "neo@typed.test", "--without-password", check=False)
    assert again.returncode != 0 and "taken" in again.stderr + again.stdout
    for wrong in (("--shared", "--without-password"), ("--without-password", "--password-stdin")):
        assert platform.cli("account", "add", "two@typed.test", *wrong, check=False).returncode != 0
    # The address takes mail before its person has chosen.
    with platform.smtp() as client:
        client.sendmail("sender@elsewhere.test", ["neo@typed.test"], b"Subject: Welcome\r\n\r\nHello.\r\n")
    phone = device()
    body = {"token": made["token"], "name": "Phone", "credential": phone.create(accept_options(platform, made["token"]))}
    assert platform.http("POST", ACCEPT, body)[2]["id"] == made["id"]
    assert me(platform, enter(platform, phone))["role"] == "owner"
    assert [one["action"] for one in trail(platform, "neo@typed.test", "account.add")] == ["account.add"]
    assert len(trail(platform, "neo@typed.test", "invitation.add")) == 1

    platform.cli("account", "add", "ann@typed.test", "--password-stdin", stdin=PASSWORD + "\n")
    refused = platform.cli("account", "password", "ann@typed.test", "--remove", check=False)
    assert refused.returncode != 0 and "only way in" in refused.stderr + refused.stdout
    assert login(platform, "ann@typed.test")[0] == 200
    assert platform.cli("account", "password", "ann@typed.test", "--force", check=False).returncode != 0
    platform.cli("account", "password", "ann@typed.test", "--remove", "--force")
    assert login(platform, "ann@typed.test")[0] == 401
    assert platform.cli("account", "password", "ann@typed.test", "--remove", check=False).returncode == 3
    assert trail(platform, "ann@typed.test", "account.password_remove")[0]["actor"] == "cli"
    person = Person(platform, "bea", "typed.test")
    platform.cli("account", "password", person.address, "--remove")
    assert platform.http("GET", "/api/users/me", token=person.token)[0] == 401
    enter(platform, person.device)
    listed = platform.cli("account", "list", "--domain", "typed.test").stdout
    assert "PASSWORD" in listed
