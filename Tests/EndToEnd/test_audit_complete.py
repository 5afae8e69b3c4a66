"""Whatever is changed over HTTP has its line: every operation of the documents that writes is done once, and its line looked for.

An operation that is in no document's story here, nor among those that change nothing, fails the test: so does a new one.
"""
import contextlib
import http.client
import json
import re
import urllib.parse
import urllib.request

import pytest
from hostile_provider import HostileProvider
from ldap_server import BASE, READER, SECRET, LDAPServer
from platform_process import ADMIN, PASSWORD, wait_until
from named_server import Named
from soft_authenticator import SoftAuthenticator
from test_branding import png
from test_dkim_rotation import pem
from test_new_operator import Outside
from test_openid import Browser, Party
from test_recovery import token_in
from test_second_factor import code
from test_single_sign_on import House
from test_webhooks import Receiver

NEW, LAST = PASSWORD + " and stable", PASSWORD + " at last"
# What a successful call of them leaves no line of, and why.
EXCEPTIONS = {
    "POST /api/auth/refresh": "goes on with a session that has its line; a token that is used again is an alarm",
    "POST /api/auth/passkey/options": "asks for a challenge",
    "POST /api/users/me/passkeys/options": "asks for a challenge",
    "POST /api/auth/invitations/accept/options": "asks for a challenge",
    "POST /api/registrations/verify/options": "asks for a challenge",
    "POST /api/auth/sign-up/verify/options": "asks for a challenge",
    "POST /api/users/me/passkeys/confirm": "asks for a challenge",
    "POST /api/users/me/second-factor": "keeps a secret that opens and demands nothing before it is confirmed",
    "POST /api/organisations/{id}/webhook/test": "sends an event that says nothing",
    "POST /api/domains/{name}/sso/check": "looks at the provider",
    "POST /api/domains/{name}/dns/connection/check": "looks at the name server",
    "POST /api/domains/{name}/directory/test": "asks the directory",
    "POST /api/certificates/{host}/check": "looks at the certificate",
    "POST /api/users/me/sieve/check": "reads a text and keeps nothing",
    "POST /api/users/me/composing/suggest": "proposes an address and keeps nothing",
    "POST /autodiscover/autodiscover.xml": "reads settings of mail programs",
    "POST /Autodiscover/Autodiscover.xml": "reads settings of mail programs",
    "POST /oauth2/introspect": "reads what a token is worth",
    "POST /oauth2/userinfo": "reads who somebody is",
    "POST /oauth2/device_authorization": "a device asks; who lets it in leaves the line",
    "POST /oauth2/register": "a known program gets its number; there is no row before somebody lets it in",
}


class Story:
    def __init__(self, platform):
        self.platform, self.told, self.tokens, self.faults = platform, set(), {}, []
        self.tokens[ADMIN] = self.login(ADMIN)
        self.last = self.lines()[0]["id"]

    def login(self, who, password=PASSWORD):
        status, _, tokens = self.platform.http("POST", "/api/auth/login", {"email": who, "password": password})
        assert status == 200, tokens
        return tokens["access_token"]

    def lines(self):
        status, _, page = self.platform.http("GET", "/api/audit?limit=200", token=self.tokens[ADMIN])
        assert status == 200, page
        return page["events"]

    @contextlib.contextmanager
    def watch(self, name, action, actor, subject):
        """Some new line must say that."""
        self.last = self.lines()[0]["id"]
        yield
        self.told.add(name)
        seen = []

        def line():
            seen[:] = [one for one in self.lines() if one["id"] > self.last]
            return any((one["action"], one["actor"], one["subject"]) == (action, actor, subject) for one in seen)

        try:
            wait_until(line, seconds=5)
        except AssertionError:
            self.faults.append((name, f"no line {action} of {subject} by {actor}", seen))

    def send(self, method, path, body=None, token=None, media="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.platform.ports["http"], timeout=60)
        headers = {"Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if body is not None:
            headers["Content-Type"] = media
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text and "json" in (answer.headers["Content-Type"] or "") else text

    def do(self, name, who, values, body, action, subject, actor=None, media="application/json", token=None):
        """One operation: as whom, what stands in its path, its body, and the line that it leaves."""
        method, path = name.split(" ")
        given = iter(values)
        place = re.sub(r"\{\w+\}", lambda _: urllib.parse.quote(str(next(given)), safe=""), path)
        if "?" in action:
            action, query = action.split("?")
            place += f"?{query}"
        with self.watch(name, action, actor or who, subject):
            status, answer = self.send(method, place, body, token or self.tokens.get(who), media)
            assert 200 <= status < 300, (name, status, answer)
        return answer


class Any(str):
    """A subject whose number nobody knows before: equal to what begins so, and to nothing that is empty."""

    def __eq__(self, other):
        return bool(other) and other.startswith(str(self))

    __hash__ = str.__hash__


def documents(platform):
    """Every operation that writes, of every service."""
    found = set()
    for port in platform.http_ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=20) as answer:
            for path, methods in json.load(answer)["paths"].items():
                found |= {f"{method.upper()} {path}" for method in methods if method in ("post", "put", "patch", "delete")}
    return found


# The story, a part of the platform at a time. OWNER and MEMBER are of one organisation; ADMIN is the platform's operator.

SHOP, OWNER, MEMBER = "shop.test", "owner@shop.test", "member@shop.test"


def organisations(story, outside):
    made = story.do("POST /api/organisations", ADMIN, [], {"name": "Mill"}, "organisation.add", Any("organisation "))
    one, subject = made["id"], f"organisation {made['id']}"
    story.do("PATCH /api/organisations/{id}", ADMIN, [one], {"name": "Mill Ltd"}, "organisation.rename", subject)
    story.do("POST /api/organisations/{id}/suspend", ADMIN, [one], {"reason": "unpaid"}, "organisation.suspend", subject)
    story.do("POST /api/organisations/{id}/restore", ADMIN, [one], {}, "organisation.restore", subject)
    rules = {"minimum_length": 9}
    story.do("PATCH /api/organisations/{id}/sign-in-policy", ADMIN, [one], rules, "organisation.sign_in_policy", subject)
    limits = {"hard_bytes": 10**10}
    story.do("PUT /api/organisations/{id}/quota", ADMIN, [one], limits, "quota.set", subject)
    waiting = []
    for name in ("neo", "eve"):
        address = f"{name}@outside.test"
        wish = {"organisation": f"{name} Ltd", "email": address, "password": PASSWORD}
        story.do("POST /api/auth/sign-up", None, [], wish, "sign_up.request", "sign-up", actor="-")
        proof = {"token": outside.token(address)}
        story.do("POST /api/auth/sign-up/verify", None, [], proof, "sign_up.verified", Any("sign-up "), actor=address)
        waiting = story.platform.http("GET", "/api/sign-ups", token=story.tokens[ADMIN])[2]["sign_ups"]
    story.do("POST /api/sign-ups/{id}/approve", ADMIN, [waiting[0]["id"]], {}, "sign_up.approve", Any("organisation "))
    story.do(
        "POST /api/sign-ups/{id}/refuse", ADMIN, [waiting[1]["id"]], {"reason": "no company"}, "sign_up.refuse", Any("sign-up "))
    story.platform.cli("domain", "add", SHOP, "--organisation", "Shop")
    for who in (OWNER, MEMBER):
        role = who.split("@")[0]
        story.platform.cli("account", "add", who, "--role", role, "--password-stdin", stdin=PASSWORD + "\n")
        story.tokens[who] = story.login(who)


def domains(story, dns):
    story.do("POST /api/domains", ADMIN, [], {"name": "plain.test"}, "domain.add", "plain.test")
    claim = story.do("POST /api/domains", OWNER, [], {"name": "new.test"}, "domain.claim", "new.test")["challenge"]
    claim = story.do("POST /api/domains/{name}/challenge", OWNER, ["new.test"], {}, "domain.challenge", "new.test")["challenge"]
    dns.publish(claim["name"], "TXT", claim["txt"])
    story.do("POST /api/domains/{name}/verify", OWNER, ["new.test"], {}, "domain.verify", "new.test")
    story.do("POST /api/domains/{name}/suspend", ADMIN, ["new.test"], {"reason": "x"}, "domain.suspend", "new.test")
    story.do("POST /api/domains/{name}/resume", ADMIN, ["new.test"], {}, "domain.resume", "new.test")
    story.do("DELETE /api/domains/{name}", OWNER, ["new.test"], None, "domain.delete", "new.test")
    story.do("POST /api/domains/{name}/restore", OWNER, ["new.test"], {}, "domain.restore", "new.test")
    story.do(
        "PUT /api/domains/{name}/alias-of", OWNER, ["new.test"], {"domain": SHOP}, "domain.alias", "new.test")
    story.do("DELETE /api/domains/{name}/alias-of", OWNER, ["new.test"], None, "domain.alias", "new.test")
    person = {"email": f"ann@{SHOP}", "password": PASSWORD}
    story.do("POST /api/domains/{name}/accounts", OWNER, [SHOP], person, "account.add", f"ann@{SHOP}")
    number = story.platform.json("account", "show", MEMBER)["id"]
    one = "/api/domains/{name}/permissions/{account}"
    story.do(f"PUT {one}", OWNER, [SHOP, number], {"permissions": ["users"]}, "domain.permissions", SHOP)
    story.do(f"DELETE {one}", OWNER, [SHOP, number], None, "domain.permissions", SHOP)
    story.do("PUT /api/domains/{name}/quota", OWNER, [SHOP], {"hard_bytes": 10**9}, "quota.set", SHOP)
    story.do(
        "PUT /api/domains/{name}/accounts/{email}/quota", OWNER, [SHOP, MEMBER], {"hard_bytes": 10**8}, "quota.set", MEMBER)
    story.do("PUT /api/domains/{name}/policy", OWNER, [SHOP], {"registration": "approval"}, "domain.policy", SHOP)
    look = {"product_name": "Shop Mail"}
    story.do("PUT /api/domains/{name}/branding", OWNER, [SHOP], look, "domain.branding", SHOP)
    signature = "/api/domains/{name}/signature"
    story.do(f"PUT {signature}", OWNER, [SHOP], {"text": "{name}"}, "domain.signature", SHOP)
    story.do(f"DELETE {signature}", OWNER, [SHOP], None, "domain.signature", SHOP)
    logo = "/api/domains/{name}/branding/logo"
    story.do(f"PUT {logo}", OWNER, [SHOP], png(), "domain.logo", SHOP, media="image/png")
    story.do(f"DELETE {logo}", OWNER, [SHOP], None, "domain.logo", SHOP)
    table = f"address,display_name\nbea@{SHOP},Bea\n".encode()
    story.do(
        "POST /api/domains/{name}/import", OWNER, [SHOP], table, "domain.import?kind=accounts", SHOP, media="text/csv")
    keys(story, dns)


def keys(story, dns):
    path = "/api/domains/{name}/dkim"
    made = story.do(f"POST {path}", OWNER, [SHOP], {"algorithm": "ed25519-sha256"}, "dkim.rotate", SHOP)
    old = next(one["selector"] for one in made["keys"] if one["state"] == "signing" and one["algorithm"].startswith("ed"))
    waits = next(one["selector"] for one in made["keys"] if one["state"] == "published")
    for record in story.platform.json("domain", "show", SHOP)["records"]:
        dns.publish(record["name"], record["type"], record["value"])
    story.do(f"POST {path}/{{selector}}/activate", OWNER, [SHOP, waits], {}, "dkim.activate", SHOP)
    assert old != waits
    story.do(f"POST {path}/{{selector}}/retire", OWNER, [SHOP, waits], {}, "dkim.retire", SHOP)
    known = {"selector": "old", "private_key": pem(2048)[1]}
    story.do(f"POST {path}/import", OWNER, ["plain.test"], known, "dkim.import", "plain.test", token=story.tokens[ADMIN], actor=ADMIN)
    story.do(f"POST {path}/delegate", ADMIN, [SHOP], {}, "dkim.delegate", SHOP)


def addresses(story):
    path, info = "/api/domains/{name}/aliases", f"info@{SHOP}"
    story.do(f"POST {path}", OWNER, [SHOP], {"address": info, "targets": [MEMBER]}, "alias.add", info)
    story.do(f"PUT {path}/{{address}}", OWNER, [SHOP, info], {"targets": [OWNER]}, "alias.change", info)
    story.do(f"DELETE {path}/{{address}}", OWNER, [SHOP, info], None, "alias.remove", info)
    story.do(
        "PUT /api/domains/{name}/catch-all", OWNER, [SHOP], {"action": "deliver", "target": OWNER}, "domain.catch_all", SHOP)
    story.do("PUT /api/domains/{name}/catch-all", OWNER, [SHOP], {"action": "reject"}, "domain.catch_all", SHOP)
    story.do("PUT /api/domains/{name}/subaddressing", OWNER, [SHOP], {"separator": "-"}, "domain.subaddressing", SHOP)
    path, team = "/api/domains/{name}/lists", f"team@{SHOP}"
    story.do(f"POST {path}", OWNER, [SHOP], {"address": team}, "list.add", team)
    one = f"{path}/{{address}}"
    story.do(f"PATCH {one}", OWNER, [SHOP, team], {"name": "Team"}, "list.change", team)
    story.do(f"POST {one}/members", OWNER, [SHOP, team], {"members": [MEMBER]}, "list.members.add", team)
    story.do(f"DELETE {one}/members/{{member}}", OWNER, [SHOP, team, MEMBER], None, "list.members.remove", team)
    story.do(f"PUT {one}/owners", OWNER, [SHOP, team], {"owners": [MEMBER]}, "list.owners", team)
    story.do(f"PUT {one}/senders", OWNER, [SHOP, team], {"senders": ["press@else.test"]}, "list.senders", team)
    story.do(f"DELETE {one}", OWNER, [SHOP, team], None, "list.remove", team)


def people(story):
    person = f"ann@{SHOP}"
    number, organisation = (story.platform.json("account", "show", person)[key] for key in ("id", "organisation_id"))
    story.do("PATCH /api/accounts/{id}", OWNER, [number], {"display_name": "Ann"}, "account.change", person)
    story.do("POST /api/accounts/{id}/suspend", OWNER, [number], {"reason": "leave"}, "account.suspend", person)
    story.do("POST /api/accounts/{id}/restore", OWNER, [number], {}, "account.restore", person)
    story.do("PUT /api/accounts/{id}/password", OWNER, [number], {"new_password": NEW}, "account.password", person)
    story.do("PUT /api/accounts/{id}/avatar", OWNER, [number], png(), "account.avatar", person, media="image/png")
    story.do("DELETE /api/accounts/{id}/avatar", OWNER, [number], None, "account.avatar", person)
    story.do("PUT /api/accounts/{id}/vacation", OWNER, [number], {"is_enabled": True, "text": "Away."}, "account.vacation", person)
    story.do("DELETE /api/accounts/{id}/vacation", OWNER, [number], None, "account.vacation", person)
    path, second = "/api/accounts/{id}/addresses", f"anna@{SHOP}"
    story.do(f"POST {path}", OWNER, [number], {"email": second}, "account.address.add", person)
    story.do(f"POST {path}/{{address}}/make-primary", OWNER, [number, second], {}, "account.address.primary", Any(""))
    story.do(f"POST {path}/{{address}}/make-primary", OWNER, [number, person], {}, "account.address.primary", Any(""))
    story.do(f"DELETE {path}/{{address}}", OWNER, [number, second], None, "account.address.remove", person)
    act = "/api/accounts/{id}/act"
    token = story.do(f"POST {act}", ADMIN, [number], {"reason": "Help"}, "account.act", person)["access_token"]
    with story.watch("PATCH /api/users/me", "account.act_request", ADMIN, person):
        assert story.send("PATCH", "/api/users/me", {"language": "de"}, token)[0] == 200
    story.do(f"DELETE {act}", ADMIN, [number], None, "account.act_end", person)
    story.do("DELETE /api/accounts/{id}", OWNER, [number], None, "account.delete", person)
    path, guest = "/api/organisations/{id}/invitations", f"guest@{SHOP}"
    made = story.do(f"POST {path}", OWNER, [organisation], {"email": guest}, "invitation.add", guest)
    story.do(f"POST {path}/{{invitation}}/send", OWNER, [organisation, made["id"]], {}, "invitation.send", guest)
    story.do(f"DELETE {path}/{{invitation}}", OWNER, [organisation, made["id"]], None, "invitation.revoke", guest)
    made = story.do(f"POST {path}", OWNER, [organisation], {"email": guest}, "invitation.add", guest)
    answer = {"token": made["token"], "password": PASSWORD}
    story.do("POST /api/auth/invitations/accept", None, [], answer, "invitation.accept", guest, actor=guest)
    story.do("PUT /api/flags/{name}", ADMIN, ["passkey-sign-in"], {"percentage": 100}, "flag.set", Any(""))
    story.do("DELETE /api/flags/{name}", ADMIN, ["passkey-sign-in"], None, "flag.clear", Any(""))
    ban = {"network": "192.0.2.9/24", "reason": "abuse", "seconds": 600}
    banned = story.do("POST /api/bans", ADMIN, [], ban, "ban.add", "192.0.2.0/24")
    story.do("DELETE /api/bans/{id}", ADMIN, [banned["id"]], None, "ban.lift", "192.0.2.0/24")
    team = {"email": f"desk@{SHOP}", "display_name": "Desk"}
    story.do("POST /api/shared-accounts", OWNER, [], team, "shared_account.add", team["email"])
    number = story.platform.json("account", "show", OWNER)["id"]
    boxes = story.platform.http("GET", f"/api/accounts/{number}/mailboxes", token=story.tokens[OWNER])[2]["mailboxes"]
    one = "/api/accounts/{id}/mailboxes/{mailbox}/rights/{identifier}"
    story.do(f"PUT {one}", OWNER, [number, boxes[0]["id"], MEMBER], {"rights": "lr"}, "mailbox.rights", OWNER)
    story.do(f"DELETE {one}", OWNER, [number, boxes[0]["id"], MEMBER], None, "mailbox.rights", OWNER)
    for path, who, wish in (
        ("/api/users/me/sending-grants", MEMBER, {"kind": "send-as", "to": OWNER}),
        ("/api/sending-grants", OWNER, {"kind": "send-as", "address": MEMBER, "to": OWNER}),
    ):
        made = story.do(f"POST {path}", who, [], wish, "sending_grant.add", MEMBER)
        story.do(f"DELETE {path}/{{id}}", who, [made["id"]], None, "sending_grant.revoke", MEMBER)


def own_things(story):
    story.do("PATCH /api/users/me", MEMBER, [], {"language": "fr"}, "account.profile", MEMBER)
    story.do("PUT /api/users/me/avatar", MEMBER, [], png(), "account.avatar", MEMBER, media="image/png")
    story.do("DELETE /api/users/me/avatar", MEMBER, [], None, "account.avatar", MEMBER)
    story.do("PUT /api/users/me/vacation", MEMBER, [], {"is_enabled": True, "text": "Away."}, "account.vacation", MEMBER)
    story.do("DELETE /api/users/me/vacation", MEMBER, [], None, "account.vacation", MEMBER)
    path = "/api/users/me/identities/{address}"
    story.do(f"PUT {path}", MEMBER, [MEMBER], {"name": "Me"}, "account.identity", MEMBER)
    story.do(f"DELETE {path}", MEMBER, [MEMBER], None, "account.identity", MEMBER)
    story.do("PUT /api/users/me/composing", MEMBER, [], {"signature": {"text": "Me"}}, "account.composing", MEMBER)
    path = "/api/users/me/sieve-scripts"
    story.do(f"PUT {path}/{{name}}", MEMBER, ["main"], {"text": "keep;"}, "sieve.put", MEMBER)
    story.do(f"POST {path}/{{name}}/activate", MEMBER, ["main"], {}, "sieve.activate", MEMBER)
    story.do(f"POST {path}/{{name}}/run", MEMBER, ["main"], {"is_dry_run": False}, "sieve.run", MEMBER)
    story.do("POST /api/users/me/sieve/deactivate", MEMBER, [], {}, "sieve.deactivate", MEMBER)
    story.do(f"DELETE {path}/{{name}}", MEMBER, ["main"], None, "sieve.remove", MEMBER)
    path = "/api/users/me/masked-addresses"
    made = story.do(f"POST {path}", MEMBER, [], {"label": "x"}, "masked_address.add", MEMBER)["address"]
    story.do(f"PATCH {path}/{{address}}", MEMBER, [made], {"label": "y"}, "masked_address.change", MEMBER)
    story.do(f"DELETE {path}/{{address}}", MEMBER, [made], None, "masked_address.remove", MEMBER)
    path = "/api/users/me/app-passwords"
    made = story.do(f"POST {path}", MEMBER, [], {"name": "Phone"}, "app_password.add", MEMBER)
    story.do(f"DELETE {path}/{{id}}", MEMBER, [made["id"]], None, "app_password.revoke", MEMBER)


def recovery(story, outside):
    path, elsewhere = "/api/users/me/recovery-address", "member@outside.test"
    wish = {"address": elsewhere, "password": PASSWORD}
    story.do(f"PUT {path}", MEMBER, [], wish, "recovery_address.request", MEMBER)
    story.do(f"POST {path}/confirm", MEMBER, [], {"token": outside.token(elsewhere)}, "recovery_address.set", MEMBER)
    story.do(
        "POST /api/auth/password-reset", None, [], {"email": MEMBER}, "password_reset.request", MEMBER, actor="-")
    answer = {"token": outside.token(elsewhere, 2), "new_password": NEW}
    story.do("POST /api/auth/password-reset/complete", None, [], answer, "password_reset.complete", MEMBER, actor="-")
    story.tokens[MEMBER] = story.login(MEMBER, NEW)
    story.do(f"POST {path}/remove", MEMBER, [], {"password": NEW}, "recovery_address.remove", MEMBER)


def factors(story):
    path, person = "/api/users/me/second-factor", f"guest@{SHOP}"
    token = story.tokens[person] = story.login(person)
    secret = story.platform.http("POST", path, {"password": PASSWORD}, token)[2]["secret"]
    spare = story.do(f"POST {path}/confirm", person, [], {"code": code(secret, -1)}, "second_factor.enable", person)["recovery_codes"]
    asked = story.platform.http("POST", "/api/auth/login", {"email": person, "password": PASSWORD})[2]
    answer = {"challenge": asked["challenge"], "code": spare[0]}
    story.do("POST /api/auth/second-factor", None, [], answer, "second_factor.recovery", person, actor=person)
    story.do("POST /api/auth/second-factor", None, [], answer | {"code": code(secret)}, "second_factor.passed", person, actor=person)
    proof = {"password": PASSWORD, "code": spare[1]}
    fresh = story.do(f"POST {path}/recovery-codes", person, [], proof, "second_factor.recovery_codes", person)["recovery_codes"]
    proof = {"password": PASSWORD, "code": fresh[0]}
    story.do(f"POST {path}/disable", person, [], proof, "second_factor.disable", person)
    passkeys(story, person, token)


def passkeys(story, person, token):
    path, device = "/api/users/me/passkeys", SoftAuthenticator("https://mail.example.test", "mail.example.test")
    asked = story.platform.http("POST", f"{path}/options", {"password": PASSWORD}, token)[2]["public_key"]
    wish = {"name": "Phone", "credential": device.create(asked)}
    made = story.do(f"POST {path}", person, [], wish, "passkey.add", person)
    story.do(f"PATCH {path}/{{id}}", person, [made["id"]], {"name": "Mine"}, "passkey.rename", person)
    asked = story.platform.http("POST", "/api/auth/passkey/options", {})[2]["public_key"]
    wish = {"credential": device.get(asked)}
    story.do("POST /api/auth/passkey/verify", None, [], wish, "passkey.sign_in", person, actor=person)
    asked = story.platform.http("POST", f"{path}/confirm", {}, token)[2]["public_key"]
    wish = {"passkey": device.get(asked)}
    story.do("DELETE /api/users/me/password", person, [], wish, "account.password_remove", person)
    asked = story.platform.http("POST", f"{path}/confirm", {}, token)[2]["public_key"]
    wish = {"new_password": NEW, "passkey": device.get(asked)}
    assert story.platform.http("PUT", "/api/users/me/password", wish, token)[0] == 204
    asked = story.platform.http("POST", f"{path}/confirm", {}, token)[2]["public_key"]
    wish = {"passkey": device.get(asked)}
    story.do(f"POST {path}/{{id}}/delete", person, [made["id"]], wish, "passkey.remove", person)


def sessions(story):
    login, person = {"email": OWNER, "password": PASSWORD}, OWNER
    made = [story.do("POST /api/auth/login", None, [], login, "sign_in", person, actor=person) for _ in range(3)]
    path = "/api/users/me/sessions"
    shown = story.platform.http("GET", path, token=made[0]["access_token"])[2]["sessions"]
    other = next(one["id"] for one in shown if not one["is_current"])
    story.do(f"DELETE {path}/{{id}}", person, [other], None, "session.revoke", person, token=made[0]["access_token"])
    story.do(f"POST {path}/revoke-others", person, [], {}, "session.revoke_others", person, token=made[0]["access_token"])
    token = {"refresh_token": made[0]["refresh_token"]}
    story.do("POST /api/auth/logout", None, [], token, "sign_out", person, actor=person)
    story.tokens[OWNER] = story.login(OWNER)
    change = {"old_password": NEW, "new_password": LAST}
    story.do("PUT /api/users/me/password", MEMBER, [], change, "account.password", MEMBER)


def programs(story):
    path = "/api/oauth/clients"
    wish = {"name": "App", "redirect_uris": ["https://app.example.test/"], "scopes": ["openid"], "kind": "confidential"}
    made = story.do(f"POST {path}", ADMIN, [], wish, "oauth_client.add", Any(""))["client_id"]
    del wish["kind"]
    story.do(f"PUT {path}/{{id}}", ADMIN, [made], wish | {"name": "My app"}, "oauth_client.change", Any(""))
    story.do(f"POST {path}/{{id}}/secret", ADMIN, [made], {}, "oauth_client.secret", Any(""))
    story.do(f"DELETE {path}/{{id}}", ADMIN, [made], None, "oauth_client.remove", Any(""))
    party, browser = Party(story.platform, "Calendar"), Browser(story.platform.issuer)
    _, page = browser.open(party.url())
    with story.watch("POST /oauth2/authorize", "session.browser", MEMBER, MEMBER):
        _, page = browser.sign_in(page, MEMBER, LAST)
    with story.watch("POST /oauth2/authorize", "oauth.consent", MEMBER, MEMBER):
        assert browser.send(page, "consent", decision="allow")[0] == 303
    with story.watch("POST /oauth2/token", "oauth.grant", MEMBER, MEMBER):
        status, tokens = party.redeem(browser.answer["code"])
        assert status == 200, tokens
    with story.watch("POST /oauth2/token", "oauth.code_reuse", f"oauth-client:{party.id}", MEMBER):
        assert party.redeem(browser.answer["code"])[0] == 400
    tokens = party.tokens(browser, MEMBER)
    with story.watch("POST /oauth2/revoke", "session.revoke", MEMBER, MEMBER):
        assert party.ask("revocation_endpoint", token=tokens["refresh_token"])[0] == 200
    asked = party.ask("device_authorization_endpoint", scope="openid imap")[1]
    _, page = browser.open(asked["verification_uri_complete"])
    with story.watch("POST /device", "oauth.consent", MEMBER, MEMBER):
        status, page = browser.send(page, "find", user_code=asked["user_code"])
        status, page = browser.send(page, "consent", decision="allow")
        assert status == 200, page
    story.do("DELETE /api/users/me/applications/{id}", MEMBER, [party.id], None, "oauth.withdraw", MEMBER)


def providers(story, provider):
    house, path = House(story.platform, "sso-trail.test"), "/api/domains/{name}/sso"
    wish = {"issuer": provider.issuer("right"), "client_id": provider.CLIENT, "client_secret": provider.SECRET, "makes_accounts": True}
    story.do(f"PUT {path}", ADMIN, [house.domain], wish, "sso.set", house.domain)
    person = f"ann@{house.domain}"
    provider.claims = {"sub": "s-1", "email": person, "email_verified": True, "name": "Ann"}
    with story.watch("POST /api/auth/sso/token", "sso.sign_in", person, person):
        assert "access_token" in house.sign_in()
    number = story.platform.json("account", "show", person)["id"]
    story.do(f"DELETE {path}/links/{{account}}", ADMIN, [house.domain, number], None, "sso.unlink", house.domain)
    story.do(f"DELETE {path}", ADMIN, [house.domain], None, "sso.remove", house.domain)


def zones(story):
    named, path = Named(), "/api/domains/{name}/dns"
    named.key("trail-key")
    named.zone(SHOP, "grant trail-key zonesub")
    named.start()
    try:
        wish = {"server": "127.0.0.1", "port": named.port, "key_name": "trail-key", "secret": named.keys["trail-key"][1]}
        story.do(f"PUT {path}/connection", OWNER, [SHOP], wish, "zone.connect", SHOP)
        story.do(f"POST {path}/write", OWNER, [SHOP], {}, "zone.write", SHOP)
        story.do(f"DELETE {path}/connection", OWNER, [SHOP], None, "zone.disconnect", SHOP)
    finally:
        named.close()


def directories(story, ldap):
    domain, path = "directory-trail.test", "/api/domains/{name}/directory"
    story.platform.cli("domain", "add", domain)
    wish = {
        "kind": "ldap", "url": ldap.url(), "authority": (ldap.folder / "ca.pem").read_text(), "base": BASE, "bind_name": READER,
        "secret": SECRET, "filter": "(mail={address})", "makes_accounts": True,
    }
    story.do(f"PUT {path}", ADMIN, [domain], wish, "directory.set", domain)
    ldap.person("ann", domain, "her word")
    story.do(f"POST {path}/sync", ADMIN, [domain], {}, "account.add", f"ann@{domain}")
    ann = story.platform.json("account", "show", f"ann@{domain}")["id"]
    story.do(f"DELETE {path}/people/{{account}}", ADMIN, [domain, ann], None, "directory.unlink", domain)
    story.do(f"DELETE {path}", ADMIN, [domain], None, "directory.remove", domain)


def registrations(story):
    path, contact = "/api/registrations", story.platform.add_account("contact@contacts.test")
    for number, name in enumerate(("ned", "eva"), 1):
        address = f"{name}@{SHOP}"
        wish = {"email": address, "contact": contact}
        story.do(f"POST {path}", None, [], wish, "registration.request", SHOP, actor="-")
        proof = {"token": token_in(story.platform, contact, number), "password": PASSWORD}
        story.do(f"POST {path}/verify", None, [], proof, "registration.verified", address, actor=contact)
    rows = story.platform.http("GET", path, token=story.tokens[OWNER])[2]["registrations"]
    rows = {one["email"].split("@")[0]: one["id"] for one in rows}
    story.do(f"POST {path}/{{id}}/approve", OWNER, [rows["ned"]], {}, "registration.approve", f"ned@{SHOP}")
    story.do(f"POST {path}/{{id}}/refuse", OWNER, [rows["eva"]], {"reason": "who?"}, "registration.refuse", f"eva@{SHOP}")


def webhooks(story, receiver):
    organisation = story.platform.json("account", "show", OWNER)["organisation_id"]
    path, subject = "/api/organisations/{id}/webhook", f"organisation {organisation}"
    story.do(f"PUT {path}", OWNER, [organisation], {"url": receiver.base + "/ok"}, "webhook.set", subject)
    story.do(f"POST {path}/rotate-secret", OWNER, [organisation], {}, "webhook.rotate", subject)
    story.do(f"DELETE {path}", OWNER, [organisation], None, "webhook.remove", subject)


@pytest.fixture
def world(start_platform, dns, sink, tmp_path):
    """A platform that asks that server, with mailboxes elsewhere, a receiver of webhooks and a provider."""
    port, folder = sink()
    platform = start_platform(
        OONRUMAIL_SIGN_UP="approval", OONRUMAIL_SIGN_UP_REQUESTS="100000", OONRUMAIL_TRANSPORT_MAP=f"outside.test=127.0.0.1:{port}",
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s", OONRUMAIL_WEBHOOK_LOOPBACK_HTTP="true",
        OONRUMAIL_ZONE_NETWORKS="127.0.0.0/8",
        OONRUMAIL_SSO_LOOPBACK_HTTP="true", OONRUMAIL_SSO_TIMEOUT="2s", OONRUMAIL_DKIM_ZONE="dkim.host.test", OONRUMAIL_DKIM_GRACE="3600s",
        OONRUMAIL_DIRECTORY_NETWORKS="127.0.0.0/8",
    )
    receiver, provider, ldap = Receiver(), HostileProvider(), LDAPServer()
    yield platform, dns, Outside(folder), receiver, provider, ldap
    ldap.end()
    receiver.stop()
    provider.stop()


def test_every_operation_that_writes_leaves_its_line(world):
    platform, dns, outside, receiver, provider, ldap = world
    story = Story(platform)
    organisations(story, outside)
    domains(story, dns)
    addresses(story)
    people(story)
    own_things(story)
    recovery(story, outside)
    factors(story)
    sessions(story)
    programs(story)
    providers(story, provider)
    zones(story)
    directories(story, ldap)
    registrations(story)
    webhooks(story, receiver)
    assert not story.faults
    written = documents(platform)
    assert len(written) > 100
    assert not set(EXCEPTIONS) - written, "exceptions of what is not there"
    assert not set(EXCEPTIONS) & story.told, "exceptions that leave a line"
    missing = written - set(EXCEPTIONS) - story.told
    assert not missing, f"nobody looks for the lines of {sorted(missing)}"
    platform.cli("verify", "audit")
