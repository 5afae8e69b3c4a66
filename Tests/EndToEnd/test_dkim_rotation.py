"""Signing keys change in steps, and every message that is sent meanwhile verifies."""
import dkim
from platform_process import ADMIN, PASSWORD, wait_until

DOMAIN = "keys.test"
ANN = f"ann@{DOMAIN}"


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


def pem(kind):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

    key = ed25519.Ed25519PrivateKey.generate() if kind == "ed" else rsa.generate_private_key(65537, kind)
    form = serialization.PrivateFormat.PKCS8 if kind == "ed" else serialization.PrivateFormat.TraditionalOpenSSL
    return key, key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def test_a_key_comes_and_goes_and_aliases_make_rotation_need_nobody(dns, start_platform):
    from cryptography.hazmat.primitives import serialization

    place = start_platform(
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s", OONRUMAIL_DOMAIN_UPKEEP_INTERVAL="3600s",
        OONRUMAIL_DKIM_GRACE="0s", OONRUMAIL_DKIM_ZONE="dkim.host.test",
    )
    place.add_account(ANN)
    token = place.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]

    def post(path, **body):
        return place.http("POST", f"/api/domains/{DOMAIN}/dkim{path}", body, token)

    def publish():
        for record in place.json("domain", "show", DOMAIN)["records"]:
            dns.remove(record["name"])
        for record in place.json("domain", "show", DOMAIN)["records"]:
            dns.publish(record["name"], record["type"], record["value"])

    # In: by its PEM; what is too short, damaged or no selector is refused, and nothing of it comes back.
    key, text = pem(2048)
    assert post("/import", selector="old", private_key=pem(1024)[1])[0] == 422
    assert post("/import", selector="old", private_key=text.replace("A", "B"))[0] == 422
    assert post("/import", selector="o\r\nld", private_key=text)[0] == 422
    status, _, made = post("/import", selector="Old.2019", private_key=text)
    assert status == 201 and text[40:80] not in str(made)
    assert post("/import", selector="old2", private_key=pem("ed")[1])[0] == 201
    publish()
    place.cli("dkim", "activate", DOMAIN)
    place.restart()
    message = send(place, "imported")
    shown = {record["name"]: record["value"] for record in place.json("domain", "show", DOMAIN)["records"]}
    assert signatures(message) == {"old.2019", "old2"} and verifies(message, shown)
    # Out: by the command line alone, and audited.
    given = serialization.load_pem_private_key(place.cli("dkim", "export", DOMAIN, "old.2019").stdout.encode(), None)
    assert given.private_numbers() == key.private_numbers()
    actions = [event["action"] for event in place.http("GET", "/api/audit?limit=100", token=token)[2]["events"]]
    assert {"dkim.export", "dkim.import"} <= set(actions)
    assert place.http("GET", f"/api/domains/{DOMAIN}/dkim/old.2019/export", token=token)[0] == 404

    # Delegated: aliases once, keys in the operator's zone, one selector after the other.
    def zone():
        from dnslib import RR

        for record in RR.fromZone(place.cli("dkim", "zone").stdout):
            dns.remove(str(record.rname))
            dns.publish(str(record.rname), "TXT", b"".join(record.rdata.data).decode())

    assert post("/delegate")[0] == 201 and post("/delegate")[0] == 422
    publish()
    aliases = {name for name, value in ((r["name"], r["value"]) for r in place.json("domain", "show", DOMAIN)["records"])
               if value.endswith(".dkim.host.test.")}
    assert len(aliases) == 4
    report = place.http("GET", f"/api/domains/{DOMAIN}/dns", token=token)[2]["records"]
    assert {record["name"] for record in report if record["status"] == "differs"} == {name for name in aliases if "-a." in name}
    assert place.cli("dkim", "activate", DOMAIN, check=False).returncode == 1
    zone()
    place.cli("dkim", "activate", DOMAIN)
    report = place.http("GET", f"/api/domains/{DOMAIN}/dns", token=token)[2]["records"]
    assert all(record["status"] == "ok" for record in report if record["purpose"] == "dkim" and record["name"] in aliases)
    # The owner does nothing any more.
    place.cli("dkim", "rotate", DOMAIN)
    zone()
    place.cli("dkim", "activate", DOMAIN)
    signing = {one["selector"] for one in place.json("dkim", "list", DOMAIN) if one["state"] == "signing"}
    assert signing == {"oon-rsa-b", "oon-ed-b"}
    refused = place.cli("dkim", "rotate", DOMAIN, check=False)
    assert refused.returncode == 1 and "both selectors are in use" in refused.stderr
    assert place.http("GET", "/api/domains/dkim-zone", token=token)[2].count(b"\tTXT\t") == 4
