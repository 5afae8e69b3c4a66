"""The life of domains: claimed, proved against a DNS server on loopback, suspended, deleted, restored, removed."""
import smtplib

import pytest

from dns_server import LoopbackDNS
from platform_process import ADMIN, PASSWORD, wait_until

FIRST, SECOND = "owner@first.test", "owner@second.test"


@pytest.fixture(scope="module")
def dns():
    server = LoopbackDNS()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def place(dns, tmp_path_factory):
    """A platform that asks that server, with two organisations."""
    from conftest import Platform

    running = Platform(
        tmp_path_factory.mktemp("domains"), OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s",
        OONRUMAIL_DOMAIN_GRACE="0s", OONRUMAIL_DOMAIN_UPKEEP_INTERVAL="1s",
    ).start()
    for owner in (FIRST, SECOND):
        domain = owner.split("@")[1]
        running.cli("domain", "add", domain, "--organisation", domain)
        running.cli("account", "add", owner, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    yield running
    running.stop()


def token(platform, user):
    status, _, answer = platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})
    assert status == 200, answer
    return answer["access_token"]


def recipient(platform, address):
    """What an outside sender is told at RCPT."""
    with platform.smtp() as client:
        client.ehlo("client.elsewhere.test")
        client.mail("ann@elsewhere.test")
        return client.rcpt(address)


def sender(platform, user, address):
    """What a signed-in user is told who sends as `address`."""
    with platform.submission(user) as client:
        code, text = client.mail(address)
        if code != 250:
            return code, text
        client.rcpt(ADMIN)
        return client.data(f"From: {address}\r\nTo: {ADMIN}\r\nSubject: x\r\n\r\nx\r\n".encode())


def claim(platform, name, bearer):
    status, headers, made = platform.http("POST", "/api/domains", {"name": name}, bearer)
    assert status == 201 and made["status"] == "pending" and headers["Location"] == f"/api/domains/{name}", made
    return made["challenge"]


def verify(platform, name, bearer):
    return platform.http("POST", f"/api/domains/{name}/verify", token=bearer)


def test_a_claimed_domain_takes_and_sends_nothing_until_it_is_proved(place, dns):
    owner = token(place, FIRST)
    challenge = claim(place, "shop.test", owner)
    assert challenge["name"] == "_oonrumail-challenge.shop.test"
    assert recipient(place, "ann@shop.test")[0] == 550
    assert sender(place, FIRST, "ann@shop.test") == (550, sender(place, FIRST, "ann@nowhere.test")[1])
    assert place.http("POST", "/api/domains/shop.test/accounts", {"email": "ann@shop.test", "password": PASSWORD}, owner)[0] == 404
    assert place.http("POST", "/api/domains", {"name": "shop.test"}, owner)[0] == 409

    status, _, answer = verify(place, "shop.test", owner)
    assert status == 422 and challenge["txt"] in answer["detail"]
    dns.fail("*")
    status, headers, _ = verify(place, "shop.test", owner)
    assert status == 503 and headers["Retry-After"]
    dns.fail()
    dns.publish(challenge["name"], "TXT", challenge["txt"])
    status, _, answer = verify(place, "shop.test", owner)
    assert status == 200 and answer["status"] == "verified", answer
    assert any("_domainkey" in record["name"] for record in answer["dns_records"])
    assert verify(place, "shop.test", owner)[0] == 200

    assert place.http("POST", "/api/domains/shop.test/accounts", {"email": "ann@shop.test", "password": PASSWORD}, owner)[0] == 201
    assert recipient(place, "ann@shop.test")[0] == 250
    assert sender(place, "ann@shop.test", "ann@shop.test")[0] == 250
    # A DNS server that is away changes nothing.
    dns.fail("*")
    assert recipient(place, "ann@shop.test")[0] == 250
    dns.fail()


def test_one_of_two_organisations_proves_a_domain(place, dns):
    first, second = token(place, FIRST), token(place, SECOND)
    one, two = claim(place, "both.test", first), claim(place, "both.test", second)
    assert one["txt"] != two["txt"]
    dns.publish(two["name"], "CNAME", two["cname"])
    assert verify(place, "both.test", first)[0] == 422
    assert verify(place, "both.test", second)[0] == 200
    dns.remove(one["name"])
    dns.publish("both.test", "TXT", one["txt"])
    status, _, answer = verify(place, "both.test", first)
    assert status == 409 and "Another organisation" in answer["detail"]
    assert place.http("GET", "/api/domains/both.test", token=second)[2]["status"] == "verified"
    assert place.http("GET", "/api/domains/both.test", token=first)[2]["status"] == "pending"
    listed = place.http("GET", "/api/domains", token=first)[2]["domains"]
    assert [one["status"] for one in listed if one["name"] == "both.test"] == ["pending"]
    assert place.http("DELETE", "/api/domains/both.test", token=first)[0] == 204
    assert place.http("GET", "/api/domains/both.test", token=first)[0] == 404
    assert place.http("GET", "/api/domains/both.test", token=second)[0] == 200


def test_another_challenge_ends_the_first(place, dns):
    owner = token(place, FIRST)
    old = claim(place, "renewed.test", owner)
    status, _, new = place.http("POST", "/api/domains/renewed.test/challenge", token=owner)
    assert status == 200 and new["challenge"]["txt"] != old["txt"]
    dns.publish("renewed.test", "TXT", old["txt"])
    assert verify(place, "renewed.test", owner)[0] == 422
    dns.publish("renewed.test", "TXT", new["challenge"]["txt"])
    assert place.cli("domain", "verify", "renewed.test").stdout.startswith("renewed.test is verified")


def test_steps_by_who_may_take_them(place):
    owner, other, admin = token(place, FIRST), token(place, SECOND), token(place, ADMIN)
    place.cli("domain", "add", "steps.test", "--organisation", "first.test")
    place.cli("account", "add", "ann@steps.test", "--password-stdin", stdin=PASSWORD + "\n")
    path = "/api/domains/steps.test"
    assert place.http("POST", f"{path}/suspend", {"reason": "unpaid"}, owner)[0] == 403
    for method, step in (("POST", "/verify"), ("POST", "/restore"), ("DELETE", ""), ("GET", ""), ("POST", "/challenge")):
        assert place.http(method, path + step, token=other)[0] == 404
    status, _, suspended = place.http("POST", f"{path}/suspend", {"reason": "unpaid"}, admin)
    assert status == 200 and suspended["status"] == "suspended" and suspended["reason"] == "unpaid"
    assert 400 <= recipient(place, "ann@steps.test")[0] < 600
    assert sender(place, "ann@steps.test", "ann@steps.test")[0] == 550
    assert place.http("POST", f"{path}/resume", token=owner)[0] == 403
    assert place.cli("domain", "resume", "steps.test").stdout == "steps.test is verified.\n"
    assert recipient(place, "ann@steps.test")[0] == 250
    assert place.http("DELETE", "/api/domains/first.test", token=owner)[0] == 409


def test_a_deleted_domain_can_be_restored_until_it_is_removed(start_platform):
    place = start_platform(OONRUMAIL_DOMAIN_UPKEEP_INTERVAL="1s")
    place.add_account("ann@gone.test")
    assert "removed for good after" in place.cli("domain", "delete", "gone.test").stdout
    assert recipient(place, "ann@gone.test")[0] == 550
    with pytest.raises(smtplib.SMTPAuthenticationError):
        place.submission("ann@gone.test")
    assert place.cli("domain", "add", "gone.test", check=False).returncode == 4
    place.cli("domain", "restore", "gone.test")
    assert recipient(place, "ann@gone.test")[0] == 250
    assert place.json("domain", "show", "gone.test")["status"] == "verified"
    again = place.cli("domain", "restore", "gone.test", check=False)
    assert again.returncode == 1 and "the domain is verified" in again.stderr


def test_what_is_removed_leaves_its_name_free(place):
    place.add_account("ann@brief.test")
    place.cli("domain", "delete", "brief.test")
    wait_until(lambda: place.cli("domain", "show", "brief.test", check=False).returncode == 3)
    assert "ann@brief.test" not in place.cli("account", "list").stdout
    place.add_account("ann@brief.test")
    assert place.messages("ann@brief.test") == []
