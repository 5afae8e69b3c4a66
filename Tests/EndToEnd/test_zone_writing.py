"""Records of domains are written where their zones are kept: by updates, against BIND 9."""
import base64
import datetime
import json
import re

import pytest
from named_server import Meddler, Named
from platform_process import PASSWORD, free_port, wait_until

KEY = "oonrumail-key"


@pytest.fixture(scope="module")
def named():
    """Zones below test, each with a key of its own, and one that no key may change."""
    server = Named()
    server.key(KEY)
    server.key("stranger-key")
    server.key("long-key", "hmac-sha512")
    server.key("middle-key", "hmac-sha384")
    server.key("tenant-a-key")
    server.key("tenant-b-key")
    server.zone("test", f"grant {KEY} subdomain test.", lines=["cut IN NS ns.elsewhere.test."])
    for name in ("written.test", "careful.test", "stale.test", "house.test", "auto.test", "rotated.test", "drift.test", "gone.test", "away.test", "claimed.test", "raced.test"):
        server.zone(name, f"grant {KEY} zonesub", "grant stranger-key zonesub", "grant long-key zonesub", "grant middle-key zonesub")
    server.zone("tenant-a.test", "grant tenant-a-key zonesub")
    server.zone("tenant-b.test", "grant tenant-b-key zonesub")
    server.zone("closed.test", f"grant {KEY} name nothing.closed.test. TXT")
    server.start()
    yield server
    server.close()


SETTINGS = {
    "OONRUMAIL_RESOLVER_TIMEOUT": "3s", "OONRUMAIL_ZONE_NETWORKS": "127.0.0.0/8", "OONRUMAIL_ZONE_TIMEOUT": "3s", "OONRUMAIL_ZONE_INTERVAL": "1s",
    "OONRUMAIL_ZONE_TTL": "60s", "OONRUMAIL_ZONE_RETRY": "1s", "OONRUMAIL_DOMAIN_UPKEEP_INTERVAL": "1s", "OONRUMAIL_DKIM_GRACE": "5s",
    "OONRUMAIL_DOMAIN_CHECK_INTERVAL": "4s",
}


@pytest.fixture(scope="module")
def place(named, tmp_path_factory):
    from conftest import Platform

    running = Platform(tmp_path_factory.mktemp("zones"), OONRUMAIL_RESOLVER=named.address, **SETTINGS).start()
    yield running
    running.stop()


class House:
    """An organisation with its domain and its owner."""

    def __init__(self, place, named, domain, key=KEY):
        self.place, self.named, self.domain, self.key = place, named, domain, key
        self.owner = f"owner@{domain}"
        place.cli("domain", "add", domain, "--organisation", domain)
        place.cli("account", "add", self.owner, "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
        self.token = self.sign_in(self.owner)

    def sign_in(self, user):
        return self.place.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})[2]["access_token"]

    def ask(self, method, path, body=None, domain=None):
        return self.place.http(method, f"/api/domains/{domain or self.domain}/dns{path}", body, self.token)

    def connect(self, **members):
        algorithm, secret = self.named.keys[members.get("key_name", self.key)]
        body = {"server": "127.0.0.1", "port": self.named.port, "key_name": self.key, "algorithm": algorithm, "secret": secret, **members}
        return self.ask("PUT", "/connection", {name: value for name, value in body.items() if value is not None})

    def expected(self):
        return self.place.json("domain", "show", self.domain)["records"]

    def trail(self, action):
        found = self.place.http("GET", f"/api/audit?limit=100&action={action}", token=self.token)[2]["events"]
        return [event for event in found if event["subject"] == self.domain]


def steps(plan):
    return {step["id"]: step for step in plan["steps"]}


def test_all_records_are_written_and_seen(place, named):
    house = House(place, named, "written.test")
    assert house.ask("GET", "/connection")[0] == 404 and house.ask("GET", "/plan")[0] == 404
    # Others' records at names that are written to.
    named.update("written.test", "stranger-key", lambda update: (
        update.add("@", 300, "TXT", '"google-site-verification=abc"'), update.add("www", 300, "A", "192.0.2.1"), update.add("@", 300, "TXT", '"a" "b"')))
    status, _, made = house.connect()
    assert status == 200 and made["zone"] == "written.test" and not made["automatic"] and made["repairs_drift"]
    secret = named.keys[KEY][1]
    shown = house.ask("GET", "/connection")[2]
    assert secret not in json.dumps([made, shown]) and "secret" not in shown
    assert all(secret not in log.read_text(errors="replace") for log in place.logs)
    status, _, report = house.ask("POST", "/connection/check")
    assert status == 200 and report["ok"], report

    status, _, plan = house.ask("GET", "/plan")
    assert status == 200 and {step["action"] for step in plan["steps"]} == {"add"}
    assert plan["changes"] == len(house.expected())
    assert named.dig("_dmarc.written.test", "TXT") == []
    status, _, done = house.ask("POST", "/write", {"plan": plan["plan"]})
    assert status == 200 and done["plan"] == plan["plan"], done
    # The check that there was before, by the resolver; and dig.
    report = house.ask("GET", "")[2]
    assert {record["status"] for record in report["records"]} == {"ok"}, [r for r in report["records"] if r["status"] != "ok"]
    assert all(record["ttl"] <= 60 for record in report["records"])
    assert report["writing"]["failures"] == 0 and "fault" not in report["writing"] and report["writing"]["written_at"]
    for record in house.expected():
        assert record["value"] in named.dig(record["name"], record["type"]), record
    assert named.dig("written.test", "TXT") == sorted(["google-site-verification=abc", "ab", "v=spf1 mx -all"])
    assert named.dig("www.written.test", "A") == ["192.0.2.1"]
    # Again: nothing is to be done, and nothing is written to the trail.
    again = house.ask("POST", "/write", {})[2]
    assert again["changes"] == 0 and {step["action"] for step in again["steps"]} == {"keep"}
    lines = house.trail("zone.write")
    assert len(lines) == 1 and lines[0]["actor"] == house.owner
    assert "v=spf1 mx -all" in json.dumps(lines[0]["detail"])
    assert secret not in json.dumps(house.trail("zone.connect"))


@pytest.mark.parametrize("key", ["long-key", "middle-key"])
def test_longer_algorithms(place, named, key):
    house = House(place, named, "house.test") if key == "long-key" else None
    domain = "house.test"
    algorithm, secret = named.keys[key]
    done = place.cli(
        "domain", "zone", "connect", domain, "--server", "127.0.0.1", "--port", str(named.port), "--key-name", key, "--algorithm", algorithm,
        "--secret-file", "-", stdin=secret + "\n",
    )
    assert secret not in done.stdout + done.stderr
    assert "takes the key" in place.cli("domain", "zone", "check", domain).stdout
    place.cli("domain", "zone", "write", domain)
    assert place.json("domain", "zone", "plan", domain)["changes"] == 0
    if house:
        assert place.json("domain", "check", domain)["status"] == "ok"


def test_what_is_somebody_elses_stays_until_it_is_asked_for(place, named):
    house = House(place, named, "careful.test")
    named.update("careful.test", "stranger-key", lambda update: (
        update.add("@", 300, "TXT", '"v=spf1 include:other.test -all"'), update.add("@", 300, "MX", "5 mx.other.test."),
        update.add("autoconfig", 300, "A", "192.0.2.9"), update.add("_dmarc", 300, "TXT", '"v=DMARC1; p=reject"'),
        update.add("_smtp._tls", 300, "CNAME", "reports.other.test.")))
    house.connect()
    plan = house.ask("GET", "/plan")[2]
    found = steps(plan)
    conflicts = {name for name, step in found.items() if step["action"] == "conflict"}
    assert conflicts == {"spf/careful.test", "mx/careful.test", "web/autoconfig.careful.test", "tls-rpt/_smtp._tls.careful.test"}
    assert found["spf/careful.test"]["before"] == ["v=spf1 include:other.test -all"] and "stays" in found["spf/careful.test"]["reason"]
    assert "other hosts" in found["mx/careful.test"]["reason"] and "alias" in found["tls-rpt/_smtp._tls.careful.test"]["reason"]
    # The owner's own words do.
    assert found["dmarc/_dmarc.careful.test"]["action"] == "keep"
    assert house.ask("POST", "/write", {"plan": plan["plan"]})[0] == 200
    assert named.dig("careful.test", "MX") == ["5 mx.other.test."] and named.dig("careful.test", "TXT") == ["v=spf1 include:other.test -all"]
    assert named.dig("autoconfig.careful.test", "A") == ["192.0.2.9"] and named.dig("_dmarc.careful.test", "TXT") == ["v=DMARC1; p=reject"]
    assert "careful.test MX" in house.ask("GET", "")[2]["writing"]["fault"]
    # By name: that one, and no other.
    shown = house.ask("GET", "/plan?replace=spf/careful.test")[2]
    assert shown["changes"] == 2 and steps(shown)["spf/careful.test"]["action"] == "replace"
    assert house.ask("POST", "/write", {"plan": shown["plan"]})[0] == 409
    assert house.ask("POST", "/write", {"plan": shown["plan"], "replace": ["spf/careful.test"]})[0] == 200
    assert named.dig("careful.test", "TXT") == ["v=spf1 mx -all"] and named.dig("careful.test", "MX") == ["5 mx.other.test."]
    place.cli(
        "domain", "zone", "write", "careful.test", "--replace", "mx/careful.test", "--replace", "web/autoconfig.careful.test",
        "--replace", "tls-rpt/_smtp._tls.careful.test",
    )
    assert named.dig("careful.test", "MX") == ["10 mail.example.test."] and named.dig("autoconfig.careful.test", "A") == ["mail.example.test."]
    assert {record["status"] for record in house.ask("GET", "")[2]["records"]} == {"ok"}
    detail = json.dumps(house.trail("zone.write")[0]["detail"])
    assert "5 mx.other.test." in detail and "10 mail.example.test." in detail


def test_a_stale_plan_is_refused(place, named):
    house = House(place, named, "stale.test")
    house.connect()
    plan = house.ask("GET", "/plan")[2]
    named.update("stale.test", "stranger-key", lambda update: update.add("@", 300, "TXT", '"something new"'))
    status, _, problem = house.ask("POST", "/write", {"plan": plan["plan"]})
    assert status == 409 and "look at the plan again" in problem["detail"]
    assert named.dig("stale.test", "MX") == []
    newer = house.ask("GET", "/plan")[2]
    assert newer["plan"] != plan["plan"]
    assert house.ask("POST", "/write", {"plan": newer["plan"]})[0] == 200
    assert named.dig("stale.test", "TXT") == ["something new", "v=spf1 mx -all"]


def test_what_changes_between_look_and_write(place, named):
    """The server itself refuses an update when the zone is not as the plan saw it."""
    house = House(place, named, "raced.test")
    meddler = Meddler(named.port)
    house.connect(port=meddler.port)
    plan = house.ask("GET", "/plan")[2]
    meddler.work = lambda: named.update("raced.test", "stranger-key", lambda update: update.add("@", 300, "TXT", '"v=spf1 include:other.test -all"'))
    # What was shown: nothing is written.
    status, _, problem = house.ask("POST", "/write", {"plan": plan["plan"]})
    assert status == 409 and meddler.updates == 1 and named.dig("raced.test", "MX") == [], problem
    # What there is by then: planned anew, once more against somebody who is faster.
    meddler.work = lambda: named.update("raced.test", "stranger-key", lambda update: update.add("autoconfig", 300, "A", "192.0.2.1"))
    done = house.ask("POST", "/write", {})[2]
    assert meddler.updates == 3 and {step["id"] for step in done["steps"] if step["action"] == "conflict"} == {"spf/raced.test", "web/autoconfig.raced.test"}
    assert named.dig("raced.test", "TXT") == ["v=spf1 include:other.test -all"] and named.dig("autoconfig.raced.test", "A") == ["192.0.2.1"]
    assert named.dig("raced.test", "MX") == ["10 mail.example.test."]
    # An alias that came where a text is to be: the server would take the update and do nothing.
    named.update("raced.test", "stranger-key", lambda update: update.delete("_dmarc"))
    meddler.work = lambda: named.update("raced.test", "stranger-key", lambda update: update.add("_dmarc", 300, "CNAME", "dmarc.other.test."))
    done = house.ask("POST", "/write", {})[2]
    assert steps(done)["dmarc/_dmarc.raced.test"]["action"] == "conflict"
    meddler.close()


def test_names_do_not_lead_inside(named, start_platform):
    """Judged after the name is resolved, where no setting opens the network."""
    guarded = start_platform(OONRUMAIL_RESOLVER=named.address, OONRUMAIL_RESOLVER_TIMEOUT="3s")
    house = House(guarded, named, "written.test")
    assert house.connect()[0] == 422
    assert house.connect(server="ns.written.test")[0] == 200
    detail = house.ask("POST", "/connection/check")[2]["steps"][-1]["detail"]
    assert "not of the public Internet" in detail
    assert house.ask("POST", "/write", {})[0] == 502


def test_what_is_wrong_is_said_in_a_sentence(place, named):
    house = House(place, named, "away.test")

    def said(**members):
        status, _, answer = house.connect(**members)
        assert status == 200, answer
        report = house.ask("POST", "/connection/check")[2]
        assert not report["ok"]
        return report["steps"][-1]["detail"]

    wrong = base64.b64encode(b"x" * 32).decode()
    assert "BADSIG" in said(secret=wrong)
    assert "BADKEY" in said(key_name="stranger-key", algorithm="hmac-sha512")
    body = {"server": "127.0.0.1", "port": named.port, "key_name": "no-such-key", "secret": wrong}
    assert house.ask("PUT", "/connection", body)[0] == 200
    assert "BADKEY" in house.ask("POST", "/connection/check")[2]["steps"][-1]["detail"]
    assert "No connection" in said(port=free_port())
    nobody = House(place, named, "nobody.nowhere.example")
    nobody.connect()
    assert "REFUSED" in nobody.ask("POST", "/connection/check")[2]["steps"][-1]["detail"]
    closed = House(place, named, "closed.test")
    closed.connect()
    report = closed.ask("POST", "/connection/check")[2]
    assert [step["ok"] for step in report["steps"]] == [True, False] and "REFUSED" in report["steps"][1]["detail"]
    status, _, problem = closed.ask("POST", "/write", {})
    assert status == 502 and "REFUSED" in problem["detail"] and named.dig("closed.test", "MX") == []
    assert "REFUSED" in closed.ask("GET", "")[2]["writing"]["fault"]
    assert place.cli("domain", "zone", "write", "closed.test", check=False).returncode == 1
    # A zone that the server has, but not its beginning at that name.
    assert house.connect(zone="away.test")[0] == 200
    inner = House(place, named, "inner.written.test")
    inner.connect()
    assert "NOTAUTH" in inner.ask("POST", "/connection/check")[2]["steps"][-1]["detail"]
    # Names that are delegated to others.
    cut = House(place, named, "cut.test")
    cut.connect(zone="test")
    status, _, problem = cut.ask("GET", "/plan")
    assert status == 502 and "delegated" in problem["detail"]


def test_what_cannot_be_is_refused(place, named):
    house = House(place, named, "refused.test")
    wrong = base64.b64encode(b"x" * 32).decode()

    def field(**members):
        body = {"server": "127.0.0.1", "key_name": "key", "secret": wrong, **members}
        status, _, problem = house.ask("PUT", "/connection", {name: value for name, value in body.items() if value is not None})
        assert status == 422, problem
        return problem["errors"][0]["pointer"].rsplit("/", 1)[1]

    for algorithm in ("hmac-md5", "hmac-sha1", "HMAC-MD5.SIG-ALG.REG.INT", "hmac-sha224"):
        assert field(algorithm=algorithm) == "algorithm"
    for server in ("10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fd00::1", "::ffff:10.0.0.1", "a b", "", "-x/y"):
        assert field(server=server) == "server", server
    for zone in ("other.test", "sub.refused.test", "efused.test", ""):
        assert field(zone=zone) == "zone", zone
    assert field(port=0) == "port" and field(port=70000) == "port"
    assert field(secret="!") == "secret" and field(secret=base64.b64encode(b"short").decode()) == "secret" and field(secret=None) == "secret"
    assert field(key_name="a b") == "key_name"
    # A secret never goes to another server than it was given for.
    assert house.ask("PUT", "/connection", {"server": "192.0.2.1", "key_name": "key", "secret": wrong})[0] == 422
    status, _, made = house.ask("PUT", "/connection", {"server": "127.0.0.1", "key_name": "key", "secret": wrong})
    assert status == 200
    assert house.ask("PUT", "/connection", {"server": "127.0.0.1", "key_name": "key", "automatic": False})[0] == 200
    assert field(port=5353, secret=None) == "secret" and field(server="localhost.refused.test", secret=None) == "secret"
    assert place.http("PUT", "/api/domains/refused.test/dns/connection", {"server": "127.0.0.1", "key_name": "key"}, house.token, {"If-Match": '"1"'})[0] == 412
    assert house.ask("DELETE", "/connection")[0] == 204 and house.ask("DELETE", "/connection")[0] == 404
    assert [len(house.trail(action)) for action in ("zone.connect", "zone.disconnect")] == [2, 1]


def test_clocks_that_differ_and_a_server_that_is_away(place, named):
    late = Named()
    late.key(KEY)
    late.zone("late.test", f"grant {KEY} zonesub")
    late.start(clock_off=-7200)
    try:
        house = House(place, late, "late.test")
        house.connect()
        detail = house.ask("POST", "/connection/check")[2]["steps"][-1]["detail"]
        times = [datetime.datetime.strptime(time, "%Y-%m-%d %H:%M:%S") for time in re.findall(r"(\d{4}-\d\d-\d\d [\d:]{8}) UTC", detail)]
        assert "BADTIME" in detail and 7100 < (times[1] - times[0]).total_seconds() < 7300, detail
        status, _, problem = house.ask("POST", "/write", {})
        assert status == 502 and "BADTIME" in problem["detail"] and late.dig("late.test", "MX") == []
    finally:
        late.close()
    status, _, problem = house.ask("POST", "/write", {})
    assert status == 502 and "No connection" in problem["detail"]
    assert place.cli("domain", "zone", "write", "late.test", check=False).returncode == 1


def test_two_tenants(place, named):
    a, b = House(place, named, "tenant-a.test", "tenant-a-key"), House(place, named, "tenant-b.test", "tenant-b-key")
    assert a.connect()[0] == 200 and b.connect()[0] == 200
    for method, path, body in (("GET", "/connection", None), ("PUT", "/connection", {"server": "127.0.0.1", "key_name": "x"}), ("DELETE", "/connection", None),
                               ("POST", "/connection/check", None), ("GET", "/plan", None), ("POST", "/write", {})):
        assert a.ask(method, path, body, "tenant-b.test")[0] == 404, (method, path)
    # A zone around another's is nothing to it.
    assert a.ask("PUT", "/connection", {"server": "127.0.0.1", "key_name": "x", "zone": "tenant-b.test"})[0] == 422
    # A name below the other's domain, claimed by somebody else: the other's key is not used for it.
    assert place.http("POST", "/api/domains", {"name": "mail.tenant-b.test"}, a.token)[0] == 201
    assert a.ask("GET", "/plan", domain="mail.tenant-b.test")[0] == 404
    assert a.ask("POST", "/write", {}, "mail.tenant-b.test")[0] == 404
    assert place.http("POST", "/api/domains", {"name": "mail.tenant-b.test"}, b.token)[0] == 201
    plan = b.ask("GET", "/plan", domain="mail.tenant-b.test")[2]
    assert [step["purpose"] for step in plan["steps"]] == ["challenge"]
    tokens = [house.place.http("GET", "/api/domains/mail.tenant-b.test", token=house.token)[2]["challenge"]["txt"] for house in (a, b)]
    assert tokens[0] != tokens[1] and plan["steps"][0]["after"] == tokens[1]
    assert b.ask("POST", "/write", {}, "mail.tenant-b.test")[0] == 200
    assert place.http("POST", "/api/domains/mail.tenant-b.test/verify", None, a.token)[0] == 422
    assert place.http("POST", "/api/domains/mail.tenant-b.test/verify", None, b.token)[0] == 200
    assert a.ask("GET", "/plan", domain="mail.tenant-b.test")[0] == 404
