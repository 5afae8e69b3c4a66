"""Signing keys change in steps, and every message that is sent meanwhile verifies."""
import dkim
import pytest

from dns_server import LoopbackDNS
from platform_process import ADMIN, PASSWORD, wait_until

DOMAIN = "keys.test"
ANN = f"ann@{DOMAIN}"


@pytest.fixture
def dns():
    server = LoopbackDNS()
    yield server
    server.stop()


def signatures(message):
    """The selectors that signed a message."""
    fields = [field for field in message.split(b"\r\n\r\n")[0].replace(b"\r\n\t", b"").replace(b"\r\n ", b"").split(b"\r\n")
              if field.lower().startswith(b"dkim-signature:")]
    return {part.strip()[2:].decode() for field in fields for part in field.split(b";") if part.strip().startswith(b"s=")}


def send(platform, subject):
    with platform.submission(ANN) as client:
        client.sendmail(ANN, [ANN], f"From: {ANN}\r\nTo: {ANN}\r\nSubject: {subject}\r\n\r\n{subject}\r\n")
    return wait_until(lambda: next((one for one in platform.messages(ANN) if f"Subject: {subject}".encode() in one), None))


def verifies(message, records):
    verifier = dkim.DKIM(message.split(b"\r\n", 2)[2] if message.startswith(b"Return-Path") else message)
    found = len(signatures(message))
    return all(
        verifier.verify(idx=place, dnsfunc=lambda name, **_: records.get(name.decode().rstrip("."), "").encode())
        for place in range(found)
    )


def test_keys_are_published_seen_used_and_retired(dns, start_platform):
    place = start_platform(
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s", OONRUMAIL_DOMAIN_UPKEEP_INTERVAL="3600s",
        OONRUMAIL_DKIM_RSA_BITS="3072",
    )
    place.add_account(ANN)

    def keys():
        return {key["selector"]: key["state"] for key in place.json("dkim", "list", DOMAIN)}

    def records():
        return {
            record["name"]: record["value"] for record in place.json("domain", "show", DOMAIN)["records"]
            if "_domainkey" in record["name"]
        }

    first = set(keys())
    published = records()
    assert len(first) == 2 and set(keys().values()) == {"signing"}
    token = place.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
    status, _, made = place.http("POST", f"/api/domains/{DOMAIN}/dkim", {}, token)
    assert status == 201 and "private" not in str(made)
    second = {key["selector"] for key in made["keys"] if key["state"] == "published"}
    assert len(second) == 2 and not second & first
    assert place.http("POST", f"/api/domains/{DOMAIN}/dkim", {}, token)[0] == 422
    # Nothing is seen: the first keys sign on.
    refused = place.cli("dkim", "activate", DOMAIN, check=False)
    assert refused.returncode == 1 and "not seen in DNS" in refused.stderr
    before = send(place, "before")
    assert signatures(before) == first and verifies(before, published)

    published |= records()
    for name, value in published.items():
        dns.publish(name, "TXT", value)
    dns.fail("*")
    assert place.cli("dkim", "activate", DOMAIN, check=False).returncode == 5
    dns.fail()
    place.cli("dkim", "activate", DOMAIN)
    assert keys() == {**{one: "retired" for one in first}, **{one: "signing" for one in second}}
    assert set(records()) == {f"{selector}._domainkey.{DOMAIN}" for selector in second}
    # A process signs with what it knows for a minute at most; a new one knows the new keys.
    place.restart()
    after = send(place, "after")
    assert signatures(after) == second and verifies(after, published)
    last = place.cli("dkim", "retire", DOMAIN, sorted(second)[0])
    assert "retired" in last.stdout
    assert place.cli("dkim", "retire", DOMAIN, sorted(second)[1], check=False).returncode == 1


def test_the_domain_manager_goes_on_by_itself(dns, start_platform):
    place = start_platform(
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s", OONRUMAIL_DOMAIN_UPKEEP_INTERVAL="1s",
        OONRUMAIL_DKIM_GRACE="0s",
    )
    place.add_account(ANN)
    first = {key["selector"] for key in place.json("dkim", "list", DOMAIN)}
    place.cli("dkim", "rotate", DOMAIN, "--algorithm", "ed25519-sha256")
    for record in place.json("domain", "show", DOMAIN)["records"]:
        dns.publish(record["name"], record["type"], record["value"])

    def states():
        return [key["state"] for key in place.json("dkim", "list", DOMAIN)]

    wait_until(lambda: states() == ["signing", "signing"])
    left = {key["selector"] for key in place.json("dkim", "list", DOMAIN)}
    assert len(left & first) == 1
