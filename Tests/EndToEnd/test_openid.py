"""The platform as an OpenID provider: a relying party of others signs people in, and mail protocols take its tokens."""
import base64
import hashlib
import html
import html.parser
import http.client
import json
import re
import urllib.parse

from authlib.integrations.requests_client import OAuth2Session
from authlib.jose import JsonWebKey, JsonWebToken
from authlib.oidc.core import CodeIDToken
from platform_process import PASSWORD, wait_until

REDIRECT = "https://app.example.test/callback"
ALL = "openid,email,profile,offline_access,imap,smtp"


class Parts(html.parser.HTMLParser):
    """Scripts of a page, and elements and attributes that the pages do not have."""

    TAGS = set("html head meta title style body main h1 p form input label button ul li code a footer script".split())
    PLACES = ("/oauth2/", "/device", "http://", "https://", "otpauth://totp/")

    def __init__(self):
        super().__init__()
        self.scripts, self.strange, self.inside = [], [], None

    def handle_starttag(self, tag, attributes):
        self.inside = tag
        self.strange += [tag] if tag not in self.TAGS else []
        for name, value in attributes:
            places = name in ("href", "action", "src", "formaction")
            if name.startswith("on") or name == "style" or places and not value.startswith(self.PLACES):
                self.strange.append((tag, name, value))

    def handle_endtag(self, tag):
        self.inside = None

    def handle_data(self, data):
        if self.inside == "script":
            self.scripts.append(data)


class Browser:
    """A browser without scripts: follows forms, keeps cookies, stops at addresses of others."""

    def __init__(self, issuer):
        self.issuer, self.cookies, self.headers = issuer, {}, {}
        # The address that it comes from; None for the usual one.
        self.source = None
        self.netloc = urllib.parse.urlsplit(issuer).netloc

    @property
    def cookie(self):
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def ask(self, method, place, form=None):
        source = (self.source, 0) if self.source else None
        connection = http.client.HTTPConnection(self.netloc, timeout=30, source_address=source)
        headers = {"Cookie": self.cookie} if self.cookie else {}
        body = None
        if form is not None:
            headers["Content-Type"], body = "application/x-www-form-urlencoded", urllib.parse.urlencode(form)
        connection.request(method, place, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        self.headers = answer.headers
        for field in self.headers.get_all("Set-Cookie", []):
            assert field.startswith("__Host-") and "Path=/" in field and field.endswith("; Secure; HttpOnly; SameSite=Lax")
            name, value = field.split(";")[0].split("=", 1)
            self.cookies.pop(name, None)
            if "Max-Age=0;" not in field:
                self.cookies[name] = value
        if "text/html" in (self.headers["Content-Type"] or ""):
            policy = self.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy and "unsafe" not in policy
            self.check_scripts(policy, text)
        return answer.status, text

    @staticmethod
    def check_scripts(policy, page):
        """The policy takes the page's one script by its hash, and no other."""
        parts = Parts()
        parts.feed(page)
        allowed = re.findall(r"script-src ([^;]*);", policy)
        hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in parts.scripts]
        assert allowed == [f"'sha256-{one}'" for one in hashes] and len(hashes) <= 1
        assert not parts.strange, parts.strange

    def open(self, url):
        parts = urllib.parse.urlsplit(url)
        return self.ask("GET", parts.path + ("?" + parts.query if parts.query else ""))

    @staticmethod
    def form(page, step):
        """Where the page's form of that step goes, and its fields."""
        for action, inner in re.findall(r'<form method="post" action="([^"]*)">(.*?)</form>', page, re.S):
            names = r'<input[^>]*name="([^"]*)"[^>]*value="([^"]*)"'
            fields = {name: html.unescape(value) for name, value in re.findall(names, inner)}
            if fields.get("step") == step:
                return html.unescape(action), fields
        raise AssertionError(f"no form {step} in {page}")

    def send(self, page, step, **values):
        action, fields = self.form(page, step)
        return self.ask("POST", action, fields | values)

    def sign_in(self, page, person, password=PASSWORD):
        return self.send(page, "sign-in", email=person, password=password)

    @property
    def answer(self):
        """What the client is sent."""
        place = self.headers["Location"]
        return {name: values[0] for name, values in urllib.parse.parse_qs(urllib.parse.urlsplit(place).query).items()}


class Party:
    """A relying party by Authlib, configured by discovery alone."""

    def __init__(self, platform, name, *options, scope=ALL, redirect=REDIRECT):
        made = platform.cli("oauth-client", "add", name, "--redirect-uri", redirect, "--scope", scope, "--json", *options)
        self.client, self.redirect = json.loads(made.stdout), redirect
        self.platform, self.issuer = platform, platform.issuer
        status, _, self.metadata = platform.http("GET", "/.well-known/openid-configuration")
        assert status == 200 and self.metadata["issuer"] == self.issuer
        self.id, self.secret = self.client["client_id"], self.client.get("client_secret")
        method = "client_secret_basic" if self.secret else "none"
        self.session = OAuth2Session(
            self.id, self.secret, scope=scope.replace(",", " "), redirect_uri=redirect, code_challenge_method="S256",
            token_endpoint_auth_method=method,
        )
        self.verifier = "v" * 43 + base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")

    def url(self, **more):
        place, self.state = self.session.create_authorization_url(
            self.metadata["authorization_endpoint"], code_verifier=self.verifier, **({"nonce": "n-1"} | more)
        )
        return place

    def code(self, browser, person, **more):
        status, page = browser.open(self.url(**more))
        if status == 200 and 'value="sign-in"' in page:
            status, page = browser.sign_in(page, person)
        if status == 200:
            status, page = browser.send(page, "consent", decision="allow")
        assert status == 303, page
        assert browser.answer["state"] == self.state and browser.answer["iss"] == self.issuer, browser.answer
        return browser.answer["code"]

    def ask(self, endpoint, auth=None, **form):
        """An endpoint octet by octet."""
        if self.secret:
            form = {"client_id": self.id, "client_secret": self.secret} | form
        else:
            form = {"client_id": self.id} | form
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.issuer).netloc, timeout=30)
        connection.request(
            "POST", urllib.parse.urlsplit(self.metadata[endpoint]).path, urllib.parse.urlencode(form),
            {"Content-Type": "application/x-www-form-urlencoded"},
        )
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text else None

    def redeem(self, code, /, **more):
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.redirect, "code_verifier": self.verifier}
        return self.ask("token_endpoint", **(form | more))

    def tokens(self, browser, person, **more):
        status, tokens = self.redeem(self.code(browser, person, **more))
        assert status == 200, tokens
        return tokens

    def claims(self, token, nonce="n-1"):
        keys = JsonWebKey.import_key_set(self.platform.http("GET", "/.well-known/jwks.json")[2])
        options = {"iss": {"values": [self.issuer]}, "aud": {"values": [self.id]}}
        claims = JsonWebToken(["ES256", "RS256"]).decode(
            token, keys, claims_cls=CodeIDToken, claims_options=options, claims_params={"nonce": nonce, "client_id": self.id})
        claims.validate()
        return claims

    def information(self, token):
        return self.platform.http("GET", "/oauth2/userinfo", token=token)


def oauthbearer(person, token):
    return f"n,a={person},\1auth=Bearer {token}\1\1".encode()


def xoauth2(person, token):
    return f"user={person}\1auth=Bearer {token}\1\1".encode()


def imap(platform, person, token):
    """Signs in by XOAUTH2; the reason of a refusal."""
    client = platform.imap(None)
    reasons = []

    def respond(challenge):
        if challenge:
            reasons.append(json.loads(challenge))
            return b""
        return xoauth2(person, token)

    try:
        client.authenticate("XOAUTH2", respond)
        assert client.select("INBOX")[0] == "OK"
        return None
    except client.error:
        return reasons[0] if reasons else {}
    finally:
        client.logout()


def smtp(platform, person, token):
    """Signs in by OAUTHBEARER; the reply's code, and the reason of a refusal."""
    with platform.submission(None) as client:
        client.ehlo()
        code, text = client.docmd("AUTH", "OAUTHBEARER " + base64.b64encode(oauthbearer(person, token)).decode())
        reason = None
        if code == 334:
            reason = json.loads(base64.b64decode(text))
            code, _ = client.docmd(base64.b64encode(b"\1").decode())
        return code, reason


def test_a_relying_party_signs_a_person_in_and_reads_mail(platform):
    person = platform.add_account("ann@openid.test")
    party, browser = Party(platform, "Calendar <b>\"'́"), Browser(platform.issuer)
    status, page = browser.open(party.url(login_hint=person))
    assert status == 200 and person in page and browser.cookie.startswith("__Host-")
    # Who has allowed it before is led on to the program by this form, and browsers hold redirects of forms to the policy.
    assert "form-action 'self' https://app.example.test;" in browser.headers["Content-Security-Policy"] + ";"
    status, page = browser.sign_in(page, person, "wrong password")
    assert status == 401 and "wrong" in page
    before = browser.cookie
    status, page = browser.sign_in(page, person)
    assert status == 200 and browser.cookie != before
    assert "<b>" not in page and "Calendar &lt;b&gt;&quot;" in page and "Read, change and delete all your mail" in page
    status, _ = browser.send(page, "consent", decision="allow")
    answer = browser.headers["Location"]
    assert status == 303 and answer.startswith(REDIRECT + "?")
    party.session.fetch_token(
        party.metadata["token_endpoint"], authorization_response=answer, state=party.state, code_verifier=party.verifier)
    tokens = party.session.token
    claims = party.claims(tokens["id_token"])
    assert claims["amr"] == ["pwd"] and claims["acr"] == "aal1" and claims["sub"] and claims["auth_time"] <= claims["iat"]
    status, _, known = party.information(tokens["access_token"])
    assert status == 200 and known["email"] == person and known["sub"] == claims["sub"]
    # Mail by the token, and nothing else of the platform.
    assert imap(platform, person, tokens["access_token"]) is None
    assert smtp(platform, person, tokens["access_token"])[0] == 235
    assert platform.http("GET", "/api/users/me", token=tokens["access_token"])[0] == 401
    for token in (tokens["id_token"], tokens["refresh_token"]):
        assert platform.http("GET", "/api/users/me", token=token)[0] == 401
        assert imap(platform, person, token)["status"] == "401"
    assert platform.http("POST", "/api/auth/refresh", {"refresh_token": tokens["refresh_token"]})[0] == 401
    # The person sees it among the sessions, by the program's name.
    own = platform.http("POST", "/api/auth/login", {"email": person, "password": PASSWORD})[2]["access_token"]
    assert party.information(own)[0] == 401
    sessions = platform.http("GET", "/api/users/me/sessions", token=own)[2]["sessions"]
    assert "Calendar <b>\"'́" in [one["device"] for one in sessions]
    # A second program needs no password, a third time none and no question.
    second = Party(platform, "Notes")
    assert second.tokens(browser, person)["access_token"]
    assert browser.open(party.url(prompt="none"))[0] == 303 and "code" in browser.answer
    # Refreshed, then revoked: what it gave is over, mail too.
    fresh = party.session.refresh_token(party.metadata["token_endpoint"], refresh_token=tokens["refresh_token"])
    assert imap(platform, person, fresh["access_token"]) is None
    party.session.revoke_token(party.metadata["revocation_endpoint"], token=fresh["refresh_token"])
    assert party.information(fresh["access_token"])[0] == 401
    assert imap(platform, person, fresh["access_token"])["status"] == "401"
    assert smtp(platform, person, fresh["access_token"])[0] == 535
    assert party.ask("token_endpoint", grant_type="refresh_token", refresh_token=fresh["refresh_token"])[1]["error"] == "invalid_grant"


def test_a_token_is_good_for_the_protocols_that_were_allowed(platform):
    person = platform.add_account("bob@openid.test")
    party = Party(platform, "Reader", "--public", scope="openid,imap", redirect="http://127.0.0.1/done")
    # RFC 8252 §7.3: the port of a loopback address is the program's choice.
    party.redirect = party.session.redirect_uri = "http://127.0.0.1:49152/done"
    tokens = party.tokens(Browser(platform.issuer), person)
    assert "refresh_token" not in tokens
    assert imap(platform, person, tokens["access_token"]) is None
    code, reason = smtp(platform, person, tokens["access_token"])
    assert code == 535 and reason == {
        "status": "insufficient_scope", "scope": "smtp",
        "openid-configuration": platform.issuer + "/.well-known/openid-configuration",
    }
    other = platform.add_account("other@openid.test")
    assert imap(platform, other, tokens["access_token"])["status"] == "401"
    assert "email" not in party.information(tokens["access_token"])[2]
    # Suspended: everything is over.
    platform.cli("account", "suspend", person)
    assert party.information(tokens["access_token"])[0] == 401
    assert imap(platform, person, tokens["access_token"])["status"] == "401"


def test_a_code_is_good_once_for_its_client_its_address_and_its_proof(platform):
    person = platform.add_account("cy@openid.test")
    browser, party, other = Browser(platform.issuer), Party(platform, "Code"), Party(platform, "Thief")
    for wrong in (
        {"code_verifier": "w" * 43}, {"code_verifier": ""}, {"redirect_uri": REDIRECT + "/"}, {"redirect_uri": ""},
        {"code": "x" * 43},
    ):
        status, answer = party.redeem(party.code(browser, person), **wrong)
        assert (status, answer["error"]) == (400, "invalid_grant"), wrong
    code = party.code(browser, person)
    assert other.redeem(code, code_verifier=party.verifier)[1]["error"] == "invalid_grant"
    assert party.redeem(code)[1]["error"] == "invalid_grant"
    # A verifier for a code that was asked for without a challenge.
    place = re.sub(r"&code_challenge(_method)?=[^&]*", "", party.url())
    assert browser.open(place)[0] == 303
    assert party.redeem(browser.answer["code"])[1]["error"] == "invalid_grant"
    # Used twice: what the first use gave is over.
    code = party.code(browser, person)
    tokens = party.redeem(code)[1]
    assert party.information(tokens["access_token"])[0] == 200
    assert party.redeem(code)[1]["error"] == "invalid_grant"
    assert party.information(tokens["access_token"])[0] == 401
    # A refresh token used twice ends the session.
    tokens = party.tokens(browser, person)
    fresh = party.ask("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])[1]
    assert other.ask("token_endpoint", grant_type="refresh_token", refresh_token=fresh["refresh_token"])[0] == 400
    assert party.information(fresh["access_token"])[0] == 200
    assert party.ask("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])[0] == 400
    assert party.information(fresh["access_token"])[0] == 401
    wrong = party.ask("token_endpoint", grant_type="refresh_token", refresh_token="x", client_secret="wrong")
    assert wrong == (401, {"error": "invalid_client", "error_description": "the client or its secret is not known"})


def test_what_is_wrong_with_a_request_is_told_to_who_may_know(platform):
    party, browser = Party(platform, "Asker", "--public"), Browser(platform.issuer)

    def ask(**changes):
        parts = urllib.parse.urlsplit(party.url())
        query = {name: values[0] for name, values in urllib.parse.parse_qs(parts.query).items()} | changes
        return browser.ask("GET", parts.path + "?" + urllib.parse.urlencode({k: v for k, v in query.items() if v is not None}))

    # Nobody is sent to an address that is not registered.
    for changes in (
        {"client_id": "unknown"}, {"redirect_uri": None}, {"redirect_uri": "https://evil.example.test/"},
        {"redirect_uri": REDIRECT + "/.."}, {"redirect_uri": REDIRECT.replace("app", "APP")}, {"redirect_uri": REDIRECT + "#x"},
    ):
        status, page = ask(**changes)
        assert status == 400 and "Location" not in browser.headers, changes
    for changes, error in (
        ({"response_type": "token"}, "unsupported_response_type"), ({"code_challenge": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"), ({"code_challenge_method": None}, "invalid_request"),
        ({"scope": "openid jmap"}, "invalid_scope"), ({"scope": ""}, "invalid_scope"), ({"prompt": "none login"}, "invalid_request"),
        ({"request": "x"}, "request_not_supported"), ({"prompt": "none"}, "login_required"), ({"max_age": "-1"}, "invalid_request"),
    ):
        status, page = ask(**changes)
        assert status == 303, (changes, page)
        assert browser.answer["error"] == error and browser.answer["iss"] == platform.issuer and browser.answer["state"]


def test_a_form_is_good_for_its_browser_its_step_and_its_request(platform):
    person = platform.add_account("dee@openid.test")
    party, browser, thief = Party(platform, "Forms"), Browser(platform.issuer), Browser(platform.issuer)
    _, page = browser.open(party.url())
    _, foreign = thief.open(party.url())
    action, fields = Browser.form(foreign, "sign-in")
    assert browser.ask("POST", action, fields | {"email": person, "password": PASSWORD})[0] == 403
    _, page = browser.sign_in(page, person)
    action, fields = Browser.form(page, "consent")
    for changed in (
        fields | {"token": ""}, fields | {"token": fields["token"][::-1]}, fields | {"step": "leave"}, fields | {"step": "code"},
    ):
        assert browser.ask("POST", action, changed | {"decision": "allow"})[0] == 403
    assert browser.ask("POST", action + "&x=1", fields | {"decision": "allow"})[0] == 403
    assert thief.ask("POST", action, fields | {"decision": "allow"})[0] == 403
    assert browser.ask("POST", action, fields | {"decision": "deny"})[0] == 303 and browser.answer["error"] == "access_denied"
    # Asked anew: by prompt, and when the sign-in is too old.
    for more in ({"prompt": "login"}, {"max_age": "0"}, {"login_hint": platform.add_account("eve@openid.test")}):
        wait_until(lambda: 'value="sign-in"' in browser.open(party.url(**more))[1])
    # Signing out of the pages ends the session that the person sees.
    _, page = browser.open(party.url(prompt="consent"))
    assert browser.send(page, "leave")[0] == 200
    assert browser.open(party.url(prompt="none"))[0] == 303 and browser.answer["error"] == "login_required"


def test_a_device_is_let_in_by_its_code(platform):
    person = platform.add_account("fay@openid.test")
    party, browser = Party(platform, "Television", "--public", redirect="https://tv.example.test/"), Browser(platform.issuer)
    status, asked = party.ask("device_authorization_endpoint", scope="openid imap")
    assert status == 200 and re.fullmatch(r"[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}", asked["user_code"])
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": asked["device_code"]}
    impatient = form | {"device_code": party.ask("device_authorization_endpoint", scope="openid")[1]["device_code"]}
    assert party.ask("token_endpoint", **impatient)[1]["error"] == "authorization_pending"
    assert party.ask("token_endpoint", **impatient)[1]["error"] == "slow_down"
    _, page = browser.open(asked["verification_uri_complete"])
    _, page = browser.sign_in(page, person)
    assert asked["user_code"] in page
    for _ in range(9):
        status, _ = browser.send(page, "find", user_code="BBBB-BBBB")
        assert status == 400
    _, page2 = browser.send(page, "find", user_code=asked["user_code"].lower().replace("-", " "))
    assert "Television" in page2
    status, done = browser.send(page2, "consent", decision="allow")
    assert status == 200 and "back to your device" in done
    # What was found gave no more guesses.
    assert browser.send(page, "find", user_code="BBBB-BBBB")[0] == 400
    assert browser.send(page, "find", user_code="BBBB-BBBB")[0] == 429

    other = Party(platform, "Other set", "--public", redirect="https://tv.example.test/")
    assert other.ask("token_endpoint", **form)[1]["error"] == "invalid_grant"
    status, tokens = party.ask("token_endpoint", **form)
    assert status == 200, tokens
    assert imap(platform, person, tokens["access_token"]) is None
    assert party.ask("token_endpoint", **form)[1]["error"] == "invalid_grant"


def test_a_new_password_ends_what_was_allowed_and_not_fetched(platform):
    person = platform.add_account("hal@openid.test")
    party, browser = Party(platform, "Projector", "--public", redirect="https://tv.example.test/"), Browser(platform.issuer)
    asked = party.ask("device_authorization_endpoint", scope="openid imap")[1]
    _, page = browser.sign_in(browser.open(asked["verification_uri_complete"])[1], person)
    _, page = browser.send(page, "find", user_code=asked["user_code"])
    assert browser.send(page, "consent", decision="allow")[0] == 200
    own = platform.http("POST", "/api/auth/login", {"email": person, "password": PASSWORD})[2]["access_token"]
    change = {"old_password": PASSWORD, "new_password": "another good long one 7"}
    assert platform.http("PUT", "/api/users/me/password", change, own)[0] == 204
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": asked["device_code"]}
    assert party.ask("token_endpoint", **form)[1]["error"] == "invalid_grant"


def test_keys_rotate_and_both_tokens_are_good(start_platform):
    platform = start_platform(OONRUMAIL_TOKEN_KEY_PUBLISH="1", OONRUMAIL_TOKEN_KEY_INTERVAL="200ms")
    person = platform.add_account("gil@rotation.test")
    party, browser = Party(platform, "Rotating", "--id-token-algorithm", "RS256"), Browser(platform.issuer)
    first = party.tokens(browser, person)
    own = platform.http("POST", "/api/auth/login", {"email": person, "password": PASSWORD})[2]

    def header(token):
        return json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))

    assert header(first["id_token"])["alg"] == "RS256" and header(first["access_token"])["typ"] == "at+jwt"
    rows = json.loads(platform.cli("token-key", "rotate", "--json").stdout)
    # A key is published for a second before it signs, which may be over when they are listed.
    assert sorted(row["state"] for row in rows) in (["published"] * 2 + ["signing"] * 2, ["retired"] * 2 + ["signing"] * 2)
    old = header(first["access_token"])["kid"]

    def rotated():
        tokens = party.tokens(browser, person)
        return header(tokens["access_token"])["kid"] != old and header(tokens["id_token"])["kid"] and tokens
    second = wait_until(rotated)
    for tokens in (first, second):
        assert party.information(tokens["access_token"])[0] == 200
        assert imap(platform, person, tokens["access_token"]) is None
        assert party.claims(tokens["id_token"])["sub"]
    assert platform.http("GET", "/api/users/me", token=own["access_token"])[0] == 200
    assert len(platform.http("GET", "/.well-known/jwks.json")[2]["keys"]) == 4
    # Keys that others may know: what they signed is worth nothing.
    platform.cli("token-key", "rotate", "--immediately")
    wait_until(lambda: party.information(second["access_token"])[0] == 401)
    wait_until(lambda: imap(platform, person, second["access_token"]) == {"status": "401", "schemes": "bearer", "scope": "imap"})
    third = party.tokens(browser, person)
    assert imap(platform, person, third["access_token"]) is None and party.claims(third["id_token"])
