"""Every way of signing in on the OpenID provider's own pages: passkeys, identity providers of domains, a factor set up on the way."""
import html
import http.server
import json
import re
import threading
import time
import urllib.parse

import conftest
import pytest
from hostile_provider import HostileProvider
from platform_process import PASSWORD, wait_until
from soft_authenticator import SoftAuthenticator
from test_client_registration import Program, register
from test_openid import Browser, Party, imap, oauthbearer
from test_passkeys import CREATE, browser, login, options  # noqa: F401
from test_second_factor import code
from test_sign_in_policies import Tenant, enrol
from test_single_sign_on import House, ask, provider  # noqa: F401

KEYS = "/api/users/me/passkeys"


@pytest.fixture(scope="module")
def hostile():
    running = HostileProvider()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    """A platform whose pages are at the host that passkeys are bound to, and that providers send browsers back to."""
    running = conftest.Platform(
        tmp_path_factory.mktemp("pages"), OONRUMAIL_LOCKOUT_FAILURES_PER_ADDRESS="100000", OONRUMAIL_PASSKEY_RP_ID="localhost",
        **conftest.PROVIDERS,
    )
    base = f"http://localhost:{running.ports['http']}"
    running.settings["OONRUMAIL_OIDC_ISSUER"] = base
    running.settings["OONRUMAIL_SSO_CALLBACK"] = f"{base}/api/auth/sso/callback"
    running.start()
    yield running
    running.stop()


def device_of(platform):
    return SoftAuthenticator(platform.issuer, "localhost")


def with_passkey(platform, address, device, password=PASSWORD):
    """Registers one for the account; its recovery codes."""
    token = login(platform, address, password)[2]["access_token"]
    made = device.create(options(platform, token, password=password))
    status, _, kept = platform.http("POST", KEYS, {"name": "Phone", "credential": made}, token)
    assert status == 201, kept
    return kept["recovery_codes"]


def asked_of(page):
    """What the page's script hands to the browser."""
    return json.loads(html.unescape(re.search(r'data-options="([^"]*)"', page)[1]))


def fields_of(given):
    """What the script puts into the form."""
    names = {"clientDataJSON": "client", "authenticatorData": "authenticator", "signature": "signature", "userHandle": "handle",
             "attestationObject": "attestation"}
    answer = {names[name]: value for name, value in given["response"].items() if name in names}
    return answer | {"credential": given["id"]}


def answer_passkey(visitor, page, device, step="passkey", **changes):
    return visitor.send(page, step, **(fields_of(device.get(asked_of(page))) | changes))


class Provided(House):
    """A domain with a connection, and browsers of its people at the sign-in pages."""

    def go(self, visitor, page, email=None, click=ask, step="provider"):
        """From the page to the provider and back; the page that the visitor comes to."""
        values = {"email": email, "way": "provider"} if step == "sign-in" else {}
        status, page = visitor.send(page, step, **values)
        assert status == 200, page
        return self.follow(visitor, self.start(page), click)

    @staticmethod
    def start(page):
        place = html.unescape(re.search(r'http-equiv="refresh" content="0;url=([^"]*)"', page)[1])
        assert f'<a href="{html.escape(place)}">' in page
        return place

    @staticmethod
    def away(visitor, start, click=ask):
        """To the provider; where it sends the browser back to."""
        status, _ = visitor.open(start)
        assert status == 302, status
        status, headers = click(visitor.headers["Location"])
        assert status == 302, status
        return headers["Location"]

    @classmethod
    def follow(cls, visitor, start, click=ask):
        assert visitor.open(cls.away(visitor, start, click))[0] == 302
        return cls.arrive(visitor, visitor.headers["Location"])

    @staticmethod
    def arrive(visitor, place):
        status, page = visitor.open(place)
        if status != 303:
            return status, page
        assert visitor.headers["Location"].startswith(("/oauth2/authorize?", "/device"))
        return visitor.open(visitor.headers["Location"])


def mail_program(platform, scope="openid email offline_access imap smtp", port=49152):
    return Program(platform, register(platform), f"http://127.0.0.1:{port}/", scope=scope)


# MARK: Passkeys


def test_a_passkey_alone_lets_a_mail_program_in(platform):
    person, device = platform.add_account("ann@pages.test"), device_of(platform)
    with_passkey(platform, person, device)
    program, visitor = mail_program(platform), Browser(platform.issuer)
    status, page = visitor.open(program.url())
    assert status == 200 and asked_of(page)["userVerification"] == "required" and asked_of(page)["allowCredentials"] == []
    assert re.search(r'<button type="button"[^>]* hidden>Sign in with a passkey</button>', page)
    before = visitor.cookie
    status, page = answer_passkey(visitor, page, device)
    assert status == 200 and "calls itself" in page and person in page and visitor.cookie != before
    assert visitor.send(page, "consent", decision="allow")[0] == 303
    status, tokens = program.redeem(visitor.answer["code"])
    claims = program.claims(tokens["id_token"])
    assert claims["amr"] == ["pop", "user", "mfa"] and claims["acr"] == "aal2"
    client = platform.imap(None)
    client.authenticate("OAUTHBEARER", lambda _: oauthbearer(person, tokens["access_token"]))
    assert client.select("INBOX")[0] == "OK"
    client.logout()


def test_an_answer_is_good_once_for_its_form_and_its_browser(platform):
    person, device = platform.add_account("bob@pages.test"), device_of(platform)
    with_passkey(platform, person, device)
    program, visitor, thief = mail_program(platform), Browser(platform.issuer), Browser(platform.issuer)
    _, page = visitor.open(program.url())
    _, other = visitor.open(program.url())
    _, foreign = thief.open(program.url())
    action, fields = Browser.form(page, "passkey")
    good = fields_of(device.get(asked_of(page)))
    # Another browser's form, another challenge than the form's, another step's token, another request.
    assert thief.send(foreign, "passkey", **good)[0] == 401
    assert thief.send(foreign, "passkey", **good, asked=fields["asked"])[0] == 403
    assert thief.ask("POST", action, fields | good)[0] == 403
    assert visitor.send(other, "passkey", **good)[0] == 401
    assert visitor.ask("POST", action, fields | good | {"token": Browser.form(page, "sign-in")[1]["token"]})[0] == 403
    assert visitor.ask("POST", action, fields | good | {"step": "second-passkey"})[0] == 403
    assert visitor.ask("POST", action, fields | good | {"step": "enrol-passkey"})[0] == 403
    assert visitor.ask("POST", action + "&x=1", fields | good)[0] == 403
    for changed in ({"signature": good["signature"][::-1]}, {"handle": ""}, {"client": "e30"}, {"credential": "%%%"}):
        assert visitor.ask("POST", action, fields | good | changed)[0] == 401, changed
    before = dict(visitor.cookies)
    assert visitor.ask("POST", action, fields | good)[0] == 200
    # Replayed where somebody is signed in by now, and by a browser that kept what it had before.
    assert visitor.ask("POST", action, fields | good)[0] == 403
    for _ in range(4):
        visitor.cookies = dict(before)
        assert visitor.ask("POST", action, fields | good)[0] == 401
    for change in ({"origin": "https://evil.test"}, {"host": "evil.test"}, {"flags": 0x01}):
        wrong = device_of(platform)
        wrong.key, wrong.id, wrong.handle = device.key, device.id, device.handle
        for name, value in change.items():
            setattr(wrong, name, value)
        clean = Browser(platform.issuer)
        status, page = answer_passkey(clean, clean.open(program.url())[1], wrong)
        assert status == 401 and "not accepted" in page, change


def test_a_passkey_is_the_second_step_of_a_password(platform):
    person, device = platform.add_account("cy@pages.test"), device_of(platform)
    recovery = with_passkey(platform, person, device)
    party, visitor = Party(platform, "Second"), Browser(platform.issuer)
    _, page = visitor.open(party.url())
    status, page = visitor.sign_in(page, person)
    assert status == 200 and "Use your passkey, or give a recovery code." in page
    assert len(asked_of(page)["allowCredentials"]) == 1
    stranger = device_of(platform)
    stranger.handle = device.handle
    status, page = answer_passkey(visitor, page, stranger, "second-passkey")
    assert status == 401 and "Second step" in page
    # The challenge of the password belongs to the form too.
    other = visitor.sign_in(visitor.open(party.url())[1], person)[1]
    moved = Browser.form(other, "second-passkey")[1]["challenge"]
    assert moved != Browser.form(page, "second-passkey")[1]["challenge"]
    assert answer_passkey(visitor, page, device, "second-passkey", challenge=moved)[0] == 403
    # A touch is enough beside a password.
    device.flags = 0x01
    status, page = answer_passkey(visitor, page, device, "second-passkey")
    assert status == 200 and "consent" in page
    visitor.send(page, "consent", decision="allow")
    claims = party.claims(party.redeem(visitor.answer["code"])[1]["id_token"])
    assert claims["amr"] == ["pwd", "pop", "user", "mfa"] and claims["acr"] == "aal2"
    # Without a script: a recovery code.
    plain = Browser(platform.issuer)
    _, page = plain.sign_in(plain.open(party.url())[1], person)
    assert plain.send(page, "code", code=recovery[0])[0] == 303


def test_where_the_host_is_another_the_pages_do_not_ask(start_platform):
    platform = start_platform()
    person = platform.add_account("dee@elsewhere-pages.test")
    device = SoftAuthenticator("https://mail.example.test", "mail.example.test")
    recovery = with_passkey(platform, person, device)
    party, visitor = Party(platform, "Elsewhere"), Browser(platform.issuer)
    _, page = visitor.open(party.url())
    assert "passkey" not in page and "script" not in visitor.headers["Content-Security-Policy"]
    _, page = visitor.sign_in(page, person)
    assert "cannot be asked for" in page and "data-passkey" not in page
    assert visitor.send(page, "code", code=recovery[0])[0] == 200
    warned = platform.json("config", "check")["warnings"]
    assert any("do not ask for passkeys" in one for one in warned), warned


# MARK: A factor that is demanded


def demanding(platform, domain):
    house = Tenant(platform, domain)
    person = house.add("ann")
    enrol(platform, house.tokens["owner"])
    assert house.policy(second_factor="required")[0] == 200
    return person


def test_a_demanded_factor_is_set_up_on_the_way(platform):
    person = demanding(platform, "pages-must.test")
    party, visitor = Party(platform, "Enrol"), Browser(platform.issuer)
    _, page = visitor.sign_in(visitor.open(party.url(prompt="login"))[1], person)
    secret = Browser.form(page, "enrol-code")[1]["secret"]
    assert f"<code>{secret}</code>" in page and f"secret={secret}" in page
    status, page = visitor.send(page, "enrol-code", code="000000")
    assert status == 401 and Browser.form(page, "enrol-code")[1]["secret"] == secret
    action, fields = Browser.form(page, "enrol-code")
    assert visitor.ask("POST", action, fields | {"secret": "A" * 32, "code": code(secret)})[0] == 403
    status, page = visitor.send(page, "enrol-code", code=code(secret, -1))
    recovery = re.findall(r"<li>([^<]*)</li>", page)
    assert status == 200 and len(recovery) == 10 and "Keep these codes" in page
    # On to the very request, though it wants people asked anew.
    place = html.unescape(re.search(r'<a href="([^"]*)">Go on', page)[1])
    status, page = visitor.open(platform.issuer + place)
    assert status == 200 and "consent" in page
    visitor.send(page, "consent", decision="allow")
    claims = party.claims(party.redeem(visitor.answer["code"])[1]["id_token"])
    assert claims["amr"] == ["pwd", "otp", "mfa"] and claims["acr"] == "aal2"
    # The form is no way to a second one beside it.
    assert visitor.ask("POST", action, fields | {"code": code(secret)})[0] == 403
    clean = Browser(platform.issuer)
    _, page = clean.sign_in(clean.open(party.url())[1], person)
    assert "enrol" not in page and clean.send(page, "code", code=recovery[0])[0] == 303


def test_whoever_has_a_factor_by_now_enrols_none_by_an_old_form(platform):
    person = demanding(platform, "pages-late.test")
    party, visitor, device = Party(platform, "Late"), Browser(platform.issuer), device_of(platform)
    _, page = visitor.sign_in(visitor.open(party.url())[1], person)
    secret = Browser.form(page, "enrol-code")[1]["secret"]
    made = fields_of(device.create(asked_of(page)))
    with_passkey(platform, person, device_of(platform))
    for step, values in (("enrol-code", {"code": code(secret)}), ("enrol-passkey", made)):
        status, answer = visitor.send(page, step, **values)
        assert status == 200 and "took too long" in answer, step


def test_a_demanded_passkey_is_made_on_the_way(platform):
    person = demanding(platform, "pages-key.test")
    party, visitor, device = Party(platform, "Make"), Browser(platform.issuer), device_of(platform)
    _, page = visitor.sign_in(visitor.open(party.url())[1], person)
    made = fields_of(device.create(asked_of(page)))
    assert visitor.send(page, "enrol-passkey", **made, asked=Browser.form(page, "enrol-code")[1]["challenge"])[0] == 403
    status, answer = visitor.send(page, "enrol-passkey", **(made | {"attestation": "AAAA"}))
    assert status == 401
    status, page = visitor.send(page, "enrol-passkey", **made, transports="internal hybrid")
    assert status == 200 and len(re.findall(r"<li>", page)) == 10
    clean = Browser(platform.issuer)
    status, page = answer_passkey(clean, clean.open(party.url())[1], device)
    assert status == 200 and "consent" in page


# MARK: Identity providers


@pytest.mark.parametrize("enforced", [False, True])
def test_a_whole_authorization_by_the_domain_s_provider(platform, hostile, enforced):
    house = Provided(platform, f"pages-sso-{enforced}.test".lower())
    assert house.connect(hostile.issuer("right"), makes_accounts=True, enforced=enforced)[0] == 200
    person = f"ann@{house.domain}"
    hostile.claims = {"sub": f"pages-{enforced}", "email": person, "email_verified": True, "name": "Ann"}
    program, visitor = mail_program(platform), Browser(platform.issuer)
    # By the address alone; the account is made on the way.
    _, page = visitor.open(program.url())
    before = visitor.cookies["__Host-oonrumail"]
    status, page = house.go(visitor, page, person, step="sign-in")
    assert status == 200 and "calls itself" in page and person in page, page
    assert visitor.cookies["__Host-oonrumail"] != before and set(visitor.cookies) == {"__Host-oonrumail"}
    assert visitor.send(page, "consent", decision="allow")[0] == 303
    status, tokens = program.redeem(visitor.answer["code"])
    claims = program.claims(tokens["id_token"])
    assert "amr" not in claims and claims["acr"] == "aal1" and imap(platform, person, tokens["access_token"]) is None
    fresh = program.ask("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])[1]
    assert imap(platform, person, fresh["access_token"]) is None
    # Whom the program expects is asked at the provider by one click, and what it is told of how is passed on.
    hostile.claims["amr"] = ["pwd", "otp", "mfa", "fed", "<b>"]
    second = Browser(platform.issuer)
    _, page = second.open(program.url(login_hint=person))
    assert "Sign in with 127.0.0.1" in page
    status, page = house.go(second, page)
    second.send(page, "consent", decision="allow")
    claims = program.claims(program.redeem(second.answer["code"])[1]["id_token"])
    assert claims["amr"] == ["pwd", "otp", "mfa"] and claims["acr"] == "aal2"


def test_a_password_of_an_enforced_domain_leads_to_its_provider(platform, hostile):
    house = Provided(platform, "pages-forced.test")
    person = platform.add_account("ann@pages-forced.test")
    assert house.connect(hostile.issuer("right"), enforced=True)[0] == 200
    hostile.claims = {"sub": "forced-1", "email": person, "email_verified": True}
    party, visitor = Party(platform, "Forced"), Browser(platform.issuer)
    for given in (person, "nobody@pages-forced.test"):
        status, page = visitor.sign_in(visitor.open(party.url())[1], given)
        assert status == 200 and "organisation's sign-in page".replace("'", "&#39;") in page
    status, page = house.follow(visitor, house.start(page))
    assert status == 200 and "consent" in page and person in page
    # A passkey of theirs leads there too.
    device = device_of(platform)
    assert house.connect(hostile.issuer("right"))[0] == 200
    with_passkey(platform, person, device)
    assert house.connect(hostile.issuer("right"), enforced=True)[0] == 200
    clean = Browser(platform.issuer)
    status, page = answer_passkey(clean, clean.open(party.url())[1], device)
    assert status == 200 and "consent" not in page and house.start(page)
    status, page = house.follow(clean, house.start(page))
    assert status == 200 and "consent" in page
    # Where there is none, people are told.
    status, page = clean.send(clean.open(party.url(prompt="login"))[1], "sign-in", email="x@no-provider.test", way="provider")
    assert status == 404 and "no sign-in page" in page


def test_a_device_is_let_in_by_the_provider(platform, hostile):
    house = Provided(platform, "pages-device.test")
    assert house.connect(hostile.issuer("right"), makes_accounts=True)[0] == 200
    person = "ann@pages-device.test"
    hostile.claims = {"sub": "device-1", "email": person, "email_verified": True}
    party = Party(platform, "Television", "--public", scope="openid,imap", redirect="http://127.0.0.1/done")
    asked = party.ask("device_authorization_endpoint", scope="openid imap")[1]
    visitor = Browser(platform.issuer)
    _, page = visitor.open(asked["verification_uri_complete"])
    status, page = house.go(visitor, page, person, step="sign-in")
    assert status == 200 and asked["user_code"] in page
    _, page = visitor.send(page, "find")
    status, page = visitor.send(page, "consent", decision="allow")
    assert status == 200 and "go back to your device" in page
    grant = "urn:ietf:params:oauth:grant-type:device_code"
    status, tokens = party.ask("token_endpoint", grant_type=grant, device_code=asked["device_code"])
    assert status == 200 and imap(platform, person, tokens["access_token"]) is None


@pytest.mark.parametrize("case, status, sentence", [
    ("denied", 403, "did not let you in"), ("other-key", 403, "opens no account here"), ("unverified", 403, "opens no account here"),
    ("keys-huge", 503, "cannot be asked now"), ("metadata-huge", 503, "cannot be asked now"),
])
def test_what_goes_wrong_at_the_provider_is_a_sentence_on_the_page(platform, hostile, case, status, sentence):
    house = Provided(platform, f"pages-{case}.test")
    assert house.connect(hostile.issuer(case), makes_accounts=True)[0] == 200
    hostile.claims = {"sub": f"p-{case}", "email": f"ann@{house.domain}", "email_verified": True}
    party, visitor = Party(platform, "Wrong"), Browser(platform.issuer)
    _, page = visitor.send(visitor.open(party.url())[1], "sign-in", email=f"ann@{house.domain}", way="provider")
    if case == "metadata-huge":
        assert visitor.open(house.start(page))[0] == 302
        given = house.arrive(visitor, visitor.headers["Location"])
    else:
        given = house.follow(visitor, house.start(page))
    assert given[0] == status and sentence in given[1] and "sign-in" in given[1], given
    assert "form-action 'self' https://app.example.test;" in visitor.headers["Content-Security-Policy"] + ";"
    # Once: the page is as ever when it is opened again.
    again, page = visitor.open(party.url())
    assert again == 200 and sentence not in page


def test_a_session_by_a_provider_needs_no_factor_of_the_platform(platform, hostile):
    platform.cli("domain", "add", "pages-factor.test", "--organisation", "Pages factor")
    house = Provided(platform, "pages-factor.test")
    assert house.connect(hostile.issuer("right"), makes_accounts=True)[0] == 200
    hostile.claims = {"sub": "pages-factor", "email": "ann@pages-factor.test", "email_verified": True}
    number = house.me(house.sign_in())["organisation_id"]
    platform.cli("organisation", "sign-in-policy", str(number), "--second-factor", "on")
    program, visitor = mail_program(platform), Browser(platform.issuer)
    status, page = house.go(visitor, visitor.open(program.url())[1], "ann@pages-factor.test", step="sign-in")
    visitor.send(page, "consent", decision="allow")
    status, tokens = program.redeem(visitor.answer["code"])
    assert status == 200 and imap(platform, "ann@pages-factor.test", tokens["access_token"]) is None
    fresh = program.ask("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])[1]
    assert imap(platform, "ann@pages-factor.test", fresh["access_token"]) is None


def test_what_the_program_wishes_is_passed_on_and_checked(platform, hostile):
    house = Provided(platform, "pages-wish.test")
    person = platform.add_account("ann@pages-wish.test")
    assert house.connect(hostile.issuer("right"))[0] == 200
    hostile.claims = {"sub": "wish-1", "email": person, "email_verified": True}
    party, visitor, seen = Party(platform, "Wishes"), Browser(platform.issuer), []

    def click(address):
        seen.append(dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(address).query)))
        return ask(address)

    def try_it(auth_time=None, **wish):
        hostile.claims.pop("auth_time", None)
        if auth_time is not None:
            hostile.claims["auth_time"] = int(time.time()) + auth_time
        _, page = visitor.open(party.url(login_hint=person, **wish))
        return house.go(visitor, page, click=click)

    assert "consent" in try_it(prompt="login")[1] and seen[-1]["prompt"] == "login" and seen[-1]["login_hint"] == person
    assert "max_age" not in seen[-1]
    # Signed in, and asked anew all the same.
    assert "consent" in try_it(prompt="login select_account", auth_time=-1)[1] and seen[-1]["prompt"] == "login select_account"
    status, page = try_it(prompt="login", auth_time=-3600)
    assert status == 403 and "did not ask you" in page
    # What the page wished for is not to be taken out of the address on the way.
    _, page = visitor.send(visitor.open(party.url(login_hint=person, prompt="login"))[1], "provider")
    status, page = house.follow(visitor, house.start(page).replace("&prompt=login", ""))
    assert status == 403 and "did not ask you" in page
    visitor = Browser(platform.issuer)
    status, page = try_it(max_age="600", auth_time=-300)
    assert status == 200 and seen[-1]["max_age"] == "600" and "prompt" not in seen[-1]
    visitor.send(page, "consent", decision="allow")
    claims = party.claims(party.redeem(visitor.answer["code"])[1]["id_token"])
    assert abs(claims["auth_time"] - (time.time() - 300)) < 30
    # The session is as old as the provider says.
    assert "consent" not in visitor.open(party.url(max_age="100"))[1]
    assert visitor.open(party.url(max_age="600"))[0] == 303
    status, page = try_it(max_age="100", auth_time=-300)
    assert status == 403 and "did not ask you" in page
    # Nobody is led anywhere without being asked.
    clean = Browser(platform.issuer)
    assert clean.open(party.url(prompt="none", login_hint=person))[0] == 303 and clean.answer["error"] == "login_required"
    for query in ("prompt=none", "prompt=consent", "max_age=-1", "max_age=x"):
        place = f"{house.base}/api/auth/sso/start?domain={house.domain}&challenge={'A' * 43}&{query}"
        assert ask(place)[0] == 400, query


def test_steps_belong_to_the_browser_and_the_session_that_began(platform, hostile):
    house = Provided(platform, "pages-steps.test")
    person = platform.add_account("ann@pages-steps.test")
    assert house.connect(hostile.issuer("right"))[0] == 200
    hostile.claims = {"sub": "steps-1", "email": person, "email_verified": True}
    party = Party(platform, "Steps")

    def begin():
        visitor = Browser(platform.issuer)
        _, page = visitor.send(visitor.open(party.url(login_hint=person))[1], "provider")
        return visitor, house.start(page)

    (ann, start), (eve, other) = begin(), begin()
    # Eve's answer of the provider in Ann's browser, and Eve's code.
    back = house.away(eve, other)
    house.away(ann, start)
    assert ann.open(back)[0] == 400
    assert eve.open(back)[0] == 302
    code_of_eve = eve.headers["Location"]
    status, page = house.arrive(ann, code_of_eve)
    assert status == 403 and "consent" not in page and "took too long" in page
    # The step is over with that; Eve's own browser goes on, once.
    assert ann.open(code_of_eve)[0] == 400
    kept = dict(eve.cookies)
    status, page = house.arrive(eve, code_of_eve)
    assert status == 200 and "consent" in page
    assert eve.open(code_of_eve)[0] == 400
    # Not even with the cookies of before: the code is spent, and nobody is signed in.
    eve.cookies = kept
    status, page = house.arrive(eve, code_of_eve)
    assert status == 403 and "consent" not in page
    # Somebody signs in meanwhile: what began before is not theirs.
    ann, start = begin()
    back = house.away(ann, start)
    assert ann.open(back)[0] == 302
    place = ann.headers["Location"]
    bob = platform.add_account("bob@pages-steps.test")
    assert ann.sign_in(ann.open(party.url())[1], bob)[0] == 200
    assert ann.open(place)[0] == 400
    assert bob in ann.open(party.url())[1]
    # Without a cookie, and with one that was changed.
    ann, start = begin()
    assert ann.open(house.away(ann, start))[0] == 302
    place, good = ann.headers["Location"], dict(ann.cookies)
    for changed in ({}, {"__Host-oonrumail-step": good["__Host-oonrumail-step"]}, {"__Host-oonrumail": good["__Host-oonrumail"]},
                    good | {"__Host-oonrumail-step": good["__Host-oonrumail-step"][:-4] + "AAAA"},
                    good | {"__Host-oonrumail-step": kept.get("__Host-oonrumail-sso", "x")}):
        ann.cookies = dict(changed)
        status, page = ann.open(place)
        assert status == 400 and "not this browser" in page, changed
    ann.cookies = dict(good)
    assert house.arrive(ann, place)[0] == 200


def test_nobody_is_sent_elsewhere(platform, hostile):
    house = Provided(platform, "pages-places.test")
    person = platform.add_account("ann@pages-places.test")
    assert house.connect(hostile.issuer("right"))[0] == 200
    hostile.claims = {"sub": "places-1", "email": person, "email_verified": True}
    party, visitor = Party(platform, "Places"), Browser(platform.issuer)
    _, page = visitor.send(visitor.open(party.url(login_hint=person))[1], "provider")
    start = house.start(page)
    own = urllib.parse.quote(platform.issuer + "/oauth2/return", safe="")
    assert own in start
    for place in ("https://evil.test/", platform.issuer + "/oauth2/return/x", platform.issuer + ".evil.test/oauth2/return",
                  platform.issuer + "/oauth2/return?next=https://evil.test", platform.issuer.replace("http", "https") + "/oauth2/return"):
        assert visitor.open(start.replace(own, urllib.parse.quote(place, safe="")))[0] == 400, place
    # What the return page is given beside leads nowhere.
    house.away(visitor, start)
    for query in ("error=%3Cscript%3Ealert(1)%3C/script%3E", "error=refused&return_to=https://evil.test/&next=//evil.test"):
        clean = Browser(platform.issuer)
        clean.cookies = dict(visitor.cookies)
        status, page = house.arrive(clean, f"{platform.issuer}/oauth2/return?{query}")
        assert status == 403 and "opens no account here" in page and "<script>alert" not in page
    # A path that browsers would read as another host's is none of the page's.
    odd = Browser(platform.issuer)
    status, page = odd.ask("GET", "//oauth2/authorize?" + urllib.parse.urlsplit(party.url()).query)
    assert status == 404 or 'action="/oauth2/authorize?' in page and 'action="//' not in page
    # Requests that are too long for the way are told so.
    status, page = visitor.send(visitor.open(party.url(nonce="n" * 1024, login_hint="l" * 1000, x="y" * 1500))[1], "sign-in", email=person, way="provider")
    assert status == 400 and "too long" in page


def test_nothing_that_others_say_becomes_part_of_the_page(platform, hostile):
    evil = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>"
    house = Provided(platform, "pages-evil.test")
    assert house.connect(hostile.issuer("right"))[0] == 200
    party, visitor = Party(platform, evil), Browser(platform.issuer)
    # Browser.ask checks every page: no script but the one that the policy names.
    for hint in (evil, f"{evil}@pages-evil.test", "ann@pages-evil.test\"'><script>x</script>", "a\u0301\"\u0301<\u0301script>"):
        status, page = visitor.open(party.url(login_hint=hint, state=evil))
        assert status == 200 and "<img" not in page and "alert(1)</script>" not in page
        status, page = visitor.send(page, "sign-in", email=hint, way="provider")
        assert status in (200, 404) and "<img" not in page
        status, page = visitor.send(visitor.open(party.url())[1], "sign-in", email=hint, password=evil)
        assert status == 401 and "<img" not in page
    person = platform.add_account("ann@pages-evil-2.test")
    status, page = visitor.sign_in(visitor.open(party.url())[1], person)
    assert "&lt;img" in page and "<img" not in page
    if 'value="sign-in"' in page:
        raise AssertionError(page)


def test_where_there_is_no_provider_its_addresses_say_so(tmp_path):
    (tmp_path / "none").mkdir()
    running = conftest.Platform(tmp_path / "none")
    del running.settings["OONRUMAIL_OIDC_ISSUER"]
    running.start()
    try:
        places = {
            ("GET", "/oauth2/authorize"), ("POST", "/oauth2/authorize"), ("GET", "/device"), ("POST", "/oauth2/register"),
            ("POST", "/oauth2/token"), ("POST", "/oauth2/revoke"), ("POST", "/oauth2/introspect"), ("POST", "/oauth2/device_authorization"),
            ("GET", "/oauth2/userinfo"), ("GET", "/oauth2/return"), ("GET", "/.well-known/openid-configuration"),
            ("GET", "/.well-known/oauth-authorization-server"), ("GET", "/api/oauth/clients"), ("DELETE", "/api/oauth/clients/1"),
            ("GET", "/api/users/me/applications"),
        }
        for method, place in places:
            status, headers, answer = running.http(method, place, {} if method == "POST" else None)
            assert status == 404 and headers["Content-Type"] == "application/problem+json", (method, place)
            assert "no OpenID provider" in answer["detail"] and "OONRUMAIL_OIDC_ISSUER" in answer["detail"]
        # Signing in by a domain's provider is there all the same, and takes no page that is not.
        place = f"http://127.0.0.1:{running.ports['http']}/api/auth/sso/start?domain=x.test&challenge={'A' * 43}"
        assert ask(f"{place}&return_to=http://127.0.0.1:{running.ports['http']}/oauth2/return")[0] == 400
    finally:
        running.stop()


# MARK: In a browser


class Caught(http.server.BaseHTTPRequestHandler):
    """A mail program's own listener."""

    def do_GET(self):
        if self.path.startswith("/?"):
            self.server.caught.append(dict(urllib.parse.parse_qsl(self.path[2:])))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>Program</title>You can close this.")

    def log_message(self, *_):
        pass


@pytest.fixture
def listener():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Caught)
    server.caught = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def press(driver, text):
    """Presses a button that people see."""
    from selenium.common.exceptions import WebDriverException
    from selenium.webdriver.common.by import By

    def press_one():
        try:
            for one in driver.find_elements(By.TAG_NAME, "button"):
                if one.text == text and one.is_displayed():
                    one.click()
                    return True
        except WebDriverException:
            # The page changes right now, for which the driver has more than one word.
            return False

    wait_until(press_one, seconds=20)


def fill(driver, name, value):
    from selenium.webdriver.common.by import By
    wait_until(lambda: driver.find_elements(By.NAME, name), seconds=20)[0].send_keys(value)


def caught(listener, program):
    wait_until(lambda: listener.caught, seconds=20)
    answer = listener.caught.pop()
    assert answer["state"] == program.state and answer["iss"] == program.issuer, answer
    status, tokens = program.redeem(answer["code"])
    assert status == 200, tokens
    return tokens, program.claims(tokens["id_token"])


def test_a_browser_lets_a_mail_program_in_by_a_passkey(platform, browser, listener):  # noqa: F811
    person = demanding(platform, "pages-browser.test")
    program = mail_program(platform, port=listener.server_port)
    browser.get(program.url(login_hint=person))
    # A passkey is made by the page's own script, and then asked for by it, alone and as the second step.
    fill(browser, "password", PASSWORD)
    press(browser, "Sign in")
    press(browser, "Make a passkey")
    wait_until(lambda: "Keep these codes" in browser.page_source, seconds=20)
    browser.find_element("link text", "Go on").click()
    press(browser, "Allow")
    tokens, claims = caught(listener, program)
    assert claims["amr"] == ["pwd", "pop", "user", "mfa"] and imap(platform, person, tokens["access_token"]) is None
    browser.delete_all_cookies()
    browser.get(program.url(prompt="login"))
    press(browser, "Sign in with a passkey")
    press(browser, "Allow")
    tokens, claims = caught(listener, program)
    assert claims["amr"] == ["pop", "user", "mfa"] and imap(platform, person, tokens["access_token"]) is None
    browser.get(program.url(prompt="login", login_hint=person))
    fill(browser, "password", PASSWORD)
    press(browser, "Sign in")
    press(browser, "Use a passkey")
    press(browser, "Allow")
    assert caught(listener, program)[1]["amr"] == ["pwd", "pop", "user", "mfa"]
    # Nothing of others runs: the policy turns away what a page is made to hold.
    browser.get(program.url(prompt="login", login_hint="\"><script>document.title='evil'</script>"))
    browser.execute_script(
        "const one = document.createElement('script'); one.textContent = \"document.title = 'evil'\"; document.body.append(one);"
        "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title = 1\">');")
    assert browser.title == "Sign in"
    # An authenticator that has none of ours: people are told, and may go on by their password.
    browser.execute_cdp_cmd("WebAuthn.disable", {})
    assert [one for one in browser.get_log("browser") if "Content Security Policy" in one["message"]]


def test_a_browser_without_scripts_signs_in_as_before(platform, listener, tmp_path):
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    chosen = webdriver.ChromeOptions()
    chosen.binary_location = "/usr/bin/chromium"
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", f"--user-data-dir={tmp_path}/plain"):
        chosen.add_argument(argument)
    chosen.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    driver = webdriver.Chrome(options=chosen, service=Service("/usr/bin/chromedriver"))
    try:
        person = platform.add_account("eli@pages.test")
        program = mail_program(platform, port=listener.server_port)
        driver.get(program.url(login_hint=person))
        assert "Sign in with a passkey" not in [one.text for one in driver.find_elements("tag name", "button") if one.is_displayed()]
        fill(driver, "password", PASSWORD)
        press(driver, "Sign in")
        press(driver, "Allow")
        assert caught(listener, program)[1]["amr"] == ["pwd"]
    finally:
        driver.quit()


def test_a_browser_lets_a_mail_program_in_by_the_domain_s_provider(platform, browser, listener, provider):  # noqa: F811
    house = Provided(platform, "sso-real.test")
    assert house.connect(provider, makes_accounts=True, enforced=True)[0] == 200
    program = mail_program(platform, port=listener.server_port)
    browser.get(program.url())
    fill(browser, "email", "ann@sso-real.test")
    press(browser, "My organisation signs me in")
    # The provider's own page, after a page of ours that goes on by itself.
    wait_until(lambda: browser.current_url.startswith(provider), seconds=20)
    fill(browser, "sub", "real-1")
    browser.find_element("css selector", "button, input[type=submit]").click()
    press(browser, "Allow")
    tokens, claims = caught(listener, program)
    assert "amr" not in claims and imap(platform, "ann@sso-real.test", tokens["access_token"]) is None
    # Signed in there and here: the program is let in by one click.
    browser.get(program.url(login_hint="ann@sso-real.test"))
    press(browser, "Allow")
    assert caught(listener, program)[1]["sub"] == claims["sub"]
