"""What domains publish: checked against a DNS server on loopback, watched, and told to their owners."""
import json

import pytest

from platform_process import ADMIN, PASSWORD, wait_until

DOMAIN = "zone.test"
OWNER = f"owner@{DOMAIN}"


@pytest.fixture
def place(dns, start_platform):
    running = start_platform(
        OONRUMAIL_RESOLVER=dns.address, OONRUMAIL_RESOLVER_TIMEOUT="3s", OONRUMAIL_DOMAIN_CHECK_INTERVAL="1s",
    )
    running.cli("domain", "add", DOMAIN, "--organisation", DOMAIN)
    running.cli("account", "add", OWNER, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    return running


def token(platform, user):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})[2]["access_token"]


def publish_all(platform, dns, domain=DOMAIN):
    for record in platform.json("domain", "show", domain)["records"]:
        dns.publish(record["name"], record["type"], record["value"])


def test_a_domain_is_checked_record_by_record(place, dns):
    owner = token(place, OWNER)
    status, _, empty = place.http("GET", f"/api/domains/{DOMAIN}/dns", token=owner)
    assert status == 200 and empty["status"] == "missing" and empty["resolver"] == dns.address
    needed = {"mx", "spf", "dkim", "dmarc"}
    assert all(
        record["status"] == ("missing" if record["purpose"] in needed else "advised")
        and record["expected"] in record["advice"] for record in empty["records"]
    )

    publish_all(place, dns)
    whole = place.http("GET", f"/api/domains/{DOMAIN}/dns", token=owner)[2]
    assert whole["status"] == "ok", [record for record in whole["records"] if record["status"] != "ok"]
    assert all(record["ttl"] == 300 and record["is_secure"] is False for record in whole["records"])
    assert {record["purpose"] for record in whole["records"]} >= needed | {"tls-rpt", "srv", "mta-sts", "web"}

    # What mail does without makes nothing worse than advised; an old policy's identifier is seen, an address is as good as an alias.
    dns.remove(f"_mta-sts.{DOMAIN}")
    dns.publish(f"_mta-sts.{DOMAIN}", "TXT", "v=STSv1; id=20200101")
    dns.remove(f"autoconfig.{DOMAIN}")
    dns.publish(f"autoconfig.{DOMAIN}", "A", "192.0.2.7")
    advised = json.loads(place.cli("domain", "check", DOMAIN, "--json").stdout)
    assert advised["status"] == "advised"
    assert {record["name"] for record in advised["records"] if record["status"] != "ok"} == {f"_mta-sts.{DOMAIN}", f"autoconfig.{DOMAIN}"}
    host = next(record["expected"] for record in advised["records"] if record["name"] == f"autoconfig.{DOMAIN}")
    dns.publish(host.rstrip("."), "A", "192.0.2.7")
    dns.remove(f"_mta-sts.{DOMAIN}")
    again = json.loads(place.cli("domain", "check", DOMAIN, "--json").stdout)["records"]
    assert [record["name"] for record in again if record["status"] != "ok"] == [f"_mta-sts.{DOMAIN}"]
    policy = next(record for record in again if record["status"] != "ok")
    dns.publish(policy["name"], "TXT", policy["expected"])

    dns.remove(f"_dmarc.{DOMAIN}")
    done = place.cli("domain", "check", DOMAIN, "--json", check=False)
    assert done.returncode == 1
    assert [record["purpose"] for record in json.loads(done.stdout)["records"] if record["status"] != "ok"] == ["dmarc"]
    dns.fail("*")
    assert place.cli("domain", "check", DOMAIN, check=False).returncode == 5
    assert place.http("GET", f"/api/domains/{DOMAIN}/dns", token=owner)[2]["status"] == "unreachable"


def test_the_zone_is_read_by_another_program(place):
    from dnslib import RR

    owner = token(place, OWNER)
    status, headers, zone = place.http("GET", f"/api/domains/{DOMAIN}/zone", token=owner)
    assert status == 200 and headers["Content-Type"].startswith("text/dns") and DOMAIN in headers["Content-Disposition"]
    records = RR.fromZone(zone.decode())
    expected = place.json("domain", "show", DOMAIN)["records"]
    assert [str(record.rname).rstrip(".") for record in records] == [record["name"] for record in expected]


def test_who_may_look(place):
    place.add_account("ann@elsewhere.test")
    place.cli("account", "add", "other@elsewhere.test", "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    for path in ("dns", "dns/history", "zone"):
        assert place.http("GET", f"/api/domains/{DOMAIN}/{path}", token=token(place, "other@elsewhere.test"))[0] == 404
        assert place.http("GET", f"/api/domains/{DOMAIN}/{path}", token=token(place, "ann@elsewhere.test"))[0] == 403
        assert place.http("GET", f"/api/domains/{DOMAIN}/{path}")[0] == 401
    other = token(place, "other@elsewhere.test")
    assert place.http("POST", "/api/domains", {"name": DOMAIN}, other)[0] == 201
    assert place.http("GET", f"/api/domains/{DOMAIN}/dns", token=other)[0] == 409
    admin = token(place, ADMIN)
    statuses = [place.http("GET", f"/api/domains/{DOMAIN}/dns", token=admin)[0] for _ in range(40)]
    assert set(statuses) == {200, 429}


def test_owners_are_told_of_changes(place, dns):
    owner = token(place, OWNER)

    def history():
        return place.http("GET", f"/api/domains/{DOMAIN}/dns/history", token=owner)[2]["history"]

    wait_until(lambda: [state["status"] for state in history()] == ["missing"])
    publish_all(place, dns)
    # The records come one after the other: the last state is what counts.
    wait_until(lambda: history()[0]["status"] == "ok")
    wait_until(lambda: any(b"All records of zone.test" in letter for letter in place.messages(OWNER)))
    assert place.metric('oonrumail_domain_dns{state="ok"}') >= 1
    letters = len(place.messages(OWNER))
    dns.fail("*")
    wait_until(lambda: place.metric('oonrumail_domain_dns{state="unreachable"}') >= 1)
    dns.fail()
    wait_until(lambda: place.metric('oonrumail_domain_dns{state="ok"}') >= 1)
    # A silence is no change.
    assert len(place.messages(OWNER)) == letters and history()[0]["status"] == "ok"
