"""Aliases, catch-alls, domain aliases, details, lists and masked addresses: over HTTP, at the command line and with mail."""
import email
import json

import pytest

from dns_server import LoopbackDNS
from platform_process import PASSWORD, wait_until

OWNER, ANN, BOB, CY = (f"{name}@forms.test" for name in ("owner", "ann", "bob", "cy"))
STRANGER = "stranger@plain.example"


@pytest.fixture(scope="module")
def dns():
    server = LoopbackDNS()
    server.publish("_dmarc.strict.example", "TXT", "v=DMARC1; p=reject")
    server.publish("_dmarc.plain.example", "TXT", "v=DMARC1; p=none")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def place(dns, tmp_path_factory):
    """A platform that asks that server, with two organisations."""
    from conftest import Platform

    running = Platform(
        tmp_path_factory.mktemp("addresses"), OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s",
        OONRUMAIL_MASKED_ADDRESS_LIMIT="3", OONRUMAIL_LIST_MAX_MEMBERS="6",
    ).start()
    running.cli("domain", "add", "forms.test", "--organisation", "forms.test")
    running.cli("domain", "add", "rival.test", "--organisation", "rival.test")
    for address, role in ((OWNER, "owner"), (ANN, "member"), (BOB, "member"), (CY, "member"), ("owner@rival.test", "owner")):
        running.cli("account", "add", address, "--role", role, "--password-stdin", stdin=PASSWORD + "\n")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def api(place):
    tokens = {}

    def call(method, path, body=None, user=OWNER):
        if user not in tokens:
            status, _, answer = place.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})
            assert status == 200, answer
            tokens[user] = answer["access_token"]
        return place.http(method, path, body, tokens[user])

    return call


def rcpt(place, address, sender=STRANGER):
    """What an outside sender is told at RCPT."""
    with place.smtp() as client:
        client.ehlo("client.plain.example")
        client.mail(sender)
        return client.rcpt(address)


def send(place, recipients, subject, sender=STRANGER, author=None, header="", user=None):
    recipients = [recipients] if isinstance(recipients, str) else recipients
    with place.submission(user) if user else place.smtp() as client:
        text = f"From: {author or sender}\r\nTo: {recipients[0]}\r\nSubject: {subject}\r\nMessage-ID: <{subject}@test>\r\n{header}\r\nbody\r\n"
        client.sendmail(sender, recipients, text)


def inbox(place, user, subject):
    """Messages with the subject, once there is one."""
    def found():
        all_of_them = [email.message_from_bytes(raw) for raw in place.messages(user)]
        return [one for one in all_of_them if one["Subject"] == subject]
    return wait_until(found)


def count(place, user, subject):
    return sum(f"Subject: {subject}\r\n".encode() in raw for raw in place.messages(user))


def trace(place, key):
    return json.loads(place.cli("trace", key, "--json").stdout)


def test_aliases_over_http(place, api):
    path = "/api/domains/forms.test/aliases"
    status, headers, made = api("POST", path, {"address": "Sales@forms.test", "targets": [ANN, BOB]})
    assert status == 201 and made == {"address": "Sales@forms.test", "targets": [ANN, BOB]}
    one = headers["Location"]
    assert one == path + "/sales@forms.test"
    assert api("POST", path, {"address": "sales@forms.test", "targets": [ANN]})[0] == 409
    assert api("POST", path, {"address": ANN, "targets": [BOB]})[0] == 409
    assert api("POST", path, {"address": "x@rival.test", "targets": [ANN]})[2]["errors"][0]["pointer"] == "#/address"
    assert api("POST", path, {"address": "x@forms.test", "targets": [ANN, "no address"]})[2]["errors"][0]["pointer"] == "#/targets/1"
    assert api("POST", path, {"address": "x@forms.test", "targets": []})[0] == 422
    assert api("POST", path, {"address": "x@forms.test", "targets": [ANN], "more": 1})[0] == 422
    send(place, "sales@forms.test", "for-sales")
    assert inbox(place, ANN, "for-sales") and inbox(place, BOB, "for-sales")

    assert api("PUT", one, {"targets": [BOB]})[2]["targets"] == [BOB]
    assert api("PUT", one, {"targets": ["sales@forms.test"]})[0] == 409
    assert api("GET", one)[2]["targets"] == [BOB]
    for name in ("a1", "a2"):
        place.cli("alias", "add", f"{name}@forms.test", ANN)
    page = api("GET", path + "?limit=2")[2]
    assert [alias["address"] for alias in page["aliases"]] == ["a1@forms.test", "a2@forms.test"]
    rest = api("GET", f"{path}?limit=2&after={page['next']}")[2]
    assert [alias["address"] for alias in rest["aliases"]] == ["Sales@forms.test"] and "next" not in rest
    # Nobody else sees it, and a member manages nothing.
    for user, code in (("owner@rival.test", 404), (ANN, 403)):
        assert api("GET", path, user=user)[0] == code
        assert api("PUT", one, {"targets": [ANN]}, user)[0] == code
        assert api("DELETE", one, user=user)[0] == code
    assert api("GET", "/api/domains/rival.test/aliases/sales@forms.test", user="owner@rival.test")[0] == 404
    events = api("GET", "/api/audit?action=alias.change&subject=sales@forms.test")[2]["events"]
    assert len(events) == 1 and events[0]["actor"] == OWNER
    assert api("DELETE", one)[0] == 204 and api("GET", one)[0] == 404
    assert rcpt(place, "sales@forms.test")[0] == 550


def test_catch_all_takes_what_nobody_has_and_nothing_else(place, api):
    path = "/api/domains/forms.test/catch-all"
    assert rcpt(place, "whoever@forms.test")[0] == 550
    assert api("PUT", path, {"action": "deliver", "target": "owner@rival.test"})[0] == 409
    assert api("PUT", path, {"action": "deliver"})[2]["errors"][0]["pointer"] == "#/target"
    assert api("PUT", path, {"action": "swallow"})[2]["errors"][0]["pointer"] == "#/action"
    status, _, rules = api("PUT", path, {"action": "deliver", "target": CY})
    assert status == 200 and rules["catch_all"] == {"action": "deliver", "target": CY}
    place.cli("account", "add", "gone@forms.test", "--password-stdin", stdin=PASSWORD + "\n")
    place.cli("account", "suspend", "gone@forms.test")
    assert rcpt(place, "gone@forms.test")[0] == 550 and rcpt(place, "gone+x@forms.test")[0] == 550
    send(place, ["whoever@forms.test", ANN, "postmaster@forms.test"], "caught")
    assert inbox(place, CY, "caught")[0]["Delivered-To"] == CY
    assert count(place, ANN, "caught") == 1 and count(place, OWNER, "caught") == 1
    way = [event for event in trace(place, "whoever@forms.test") if event["kind"] == "delivered"]
    assert way and way[0]["detail"] == f"by way of whoever@forms.test to {CY}"
    shown = json.loads(place.cli("catch-all", "forward", "forms.test", "out@elsewhere.test", "--json").stdout)
    assert shown["action"] == "forward"
    assert rcpt(place, "whoever@forms.test")[0] == 250
    assert "is refused" in place.cli("catch-all", "reject", "forms.test").stdout
    assert rcpt(place, "whoever@forms.test")[0] == 550
    assert place.cli("catch-all", "deliver", "forms.test", "nobody@forms.test", check=False).returncode == 1
    assert place.cli("catch-all", "reject", "nowhere.test", check=False).returncode == 3


def test_details_as_the_domain_says(place, api):
    path = "/api/domains/forms.test/subaddressing"
    assert rcpt(place, "ann+x@forms.test")[0] == 250 and rcpt(place, "ann-x@forms.test")[0] == 550
    assert api("PUT", path, {"separator": "%"})[0] == 422
    assert api("PUT", path, {"separator": "-"})[2]["separator"] == "-"
    assert rcpt(place, "ann+x@forms.test")[0] == 550 and rcpt(place, "ann-x@forms.test")[0] == 250
    with place.submission(ANN) as client:
        assert client.mail("ann-x@forms.test")[0] == 250
        client.rset()
        assert client.mail("ann+x@forms.test")[0] == 550
    place.cli("domain", "subaddressing", "forms.test", "--separator", "off")
    assert rcpt(place, "ann-x@forms.test")[0] == 550
    place.cli("domain", "subaddressing", "forms.test", "--separator", "+")
    assert rcpt(place, "ann+x@forms.test")[0] == 250


def test_a_domain_that_means_another(place, api):
    place.cli("domain", "add", "forms.example", "--organisation", "forms.test")
    path = "/api/domains/forms.example/alias-of"
    assert api("PUT", path, {"domain": "rival.test"})[0] == 409
    assert rcpt(place, "ann@forms.example")[0] == 550
    assert api("PUT", path, {"domain": "forms.test"})[2]["alias_of"] == "forms.test"
    assert api("GET", "/api/domains/forms.test/routing")[2]["aliases"] == ["forms.example"]
    assert api("PUT", "/api/domains/forms.test/alias-of", {"domain": "forms.example"})[0] == 409
    body = {"email": "x@forms.example", "password": PASSWORD}
    assert api("POST", "/api/domains/forms.example/accounts", body)[0] in (409, 422)
    send(place, "Ann@forms.example", "to-the-alias")
    assert inbox(place, ANN, "to-the-alias")
    assert rcpt(place, "nobody@forms.example")[0] == 550 and rcpt(place, "postmaster@forms.example")[0] == 250
    # Its owner sends from there, signed by its keys; others do not.
    send(place, BOB, "from-the-alias", "ann@forms.example", user=ANN)
    signatures = inbox(place, BOB, "from-the-alias")[0].get_all("DKIM-Signature")
    assert signatures and all("d=forms.example" in text.replace(" ", "") for text in signatures)
    with place.submission(BOB) as client:
        assert client.mail("ann@forms.example")[0] == 550
    place.cli("domain", "alias", "forms.example", "--none")
    assert rcpt(place, "ann@forms.example")[0] == 550


def test_masked_addresses(place, api):
    path = "/api/users/me/masked-addresses"
    status, headers, made = api("POST", path, {"label": "Tea \u0301\"", "site": "tea.example"}, ANN)
    assert status == 201 and made["is_enabled"] and "last_used_at" not in made and made["address"].endswith("@forms.test")
    address, one = made["address"], headers["Location"]
    assert api("POST", path, {"label": "a\r\nb"}, ANN)[2]["errors"][0]["pointer"] == "#/label"
    assert api("POST", path, {"domain": "rival.test"}, ANN)[2]["errors"][0]["pointer"] == "#/domain"
    send(place, address, "masked")
    assert inbox(place, ANN, "masked")[0]["Delivered-To"] == address
    assert api("GET", one, user=ANN)[2]["last_used_at"] is not None
    send(place, BOB, "from-a-mask", address, user=ANN)
    assert inbox(place, BOB, "from-a-mask")[0]["From"] == address
    assert place.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})[0] == 401
    # Others have it not.
    assert api("GET", one, user=BOB)[0] == 404 and api("DELETE", one, user=BOB)[0] == 404
    assert api("PATCH", one, {"is_enabled": False}, BOB)[0] == 404
    assert api("PATCH", one, {"is_enabled": False}, ANN)[2]["is_enabled"] is False
    code, text = rcpt(place, address)
    assert code == 550 and b"disabled" in text
    with place.submission(ANN) as client:
        assert client.mail(address)[0] == 550
    second = place.cli("masked", "add", ANN, "--label", "x").stdout.strip()
    api("POST", path, {}, ANN)
    assert api("POST", path, {}, ANN)[0] == 409
    assert place.cli("masked", "disable", ANN, second).returncode == 0
    assert len(json.loads(place.cli("masked", "list", ANN, "--json").stdout)) == 3
    assert api("DELETE", one, user=ANN)[0] == 204 and api("GET", one, user=ANN)[0] == 404
    assert rcpt(place, address)[0] == 550
