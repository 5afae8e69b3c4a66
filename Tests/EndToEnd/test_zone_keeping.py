"""Records are written when they change, without anybody asking."""
import subprocess

import pytest
from conftest import Platform
from named_server import Named
from platform_process import wait_until
from test_zone_writing import KEY, SETTINGS, House

OTHER = "stranger-key"


@pytest.fixture(scope="module")
def named():
    server = Named()
    server.key(KEY)
    server.key(OTHER)
    server.zone("test", f"grant {KEY} zonesub")
    for name in ("auto.test", "rotated.test", "drift.test", "shown.test", "gone.test", "away.test", "tls.test", "old.test"):
        # BIND takes no MX record to a name of the zone without an address.
        server.zone(name, f"grant {KEY} zonesub", f"grant {OTHER} zonesub", lines=["mail IN A 127.0.0.1"])
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def place(named, tmp_path_factory):
    running = Platform(tmp_path_factory.mktemp("zones"), OONRUMAIL_RESOLVER=named.address, **SETTINGS).start()
    yield running
    running.stop()


def status(house, domain):
    return house.place.http("GET", f"/api/domains/{domain}", token=house.token)[2]["status"]


def has_all(house):
    def plain(value, kind):
        return value.replace(" ", "").lower() if kind == "TLSA" else value

    return all(
        plain(record["value"], record["type"]) in [plain(value, record["type"]) for value in house.named.dig(record["name"], record["type"])]
        for record in house.expected()
    )


def test_a_new_domain_is_proved_and_written_by_its_own_connection(place, named):
    house = House(place, named, "auto.test")
    assert house.connect(automatic=True)[0] == 200
    wait_until(lambda: has_all(house))
    stranger = House(place, named, "somebody.example")
    # Both say that it is theirs: only the one that has the zone's key is proved.
    name = "branch.auto.test"
    assert place.http("POST", "/api/domains", {"name": name}, stranger.token)[0] == 201
    wait_until(lambda: place.metric("oonrumail_zone_domains") >= 1)
    # A while in which it would have been written.
    seen = place.metric('oonrumail_zone_writes_total{outcome="written"}')
    assert place.http("POST", "/api/domains", {"name": "later.auto.test"}, house.token)[0] == 201
    wait_until(lambda: status(house, "later.auto.test") == "verified")
    assert place.metric('oonrumail_zone_writes_total{outcome="written"}') > seen
    assert named.dig(f"_oonrumail-challenge.{name}", "TXT") == [] and status(stranger, name) == "pending"
    assert place.http("POST", "/api/domains", {"name": name}, house.token)[0] == 201
    wait_until(lambda: status(house, name) == "verified")
    assert status(stranger, name) == "pending"
    assert place.http("POST", f"/api/domains/{name}/verify", None, stranger.token)[0] in (409, 422)
    # Its records come, and the challenge goes.
    branch = house
    branch.domain = name
    wait_until(lambda: has_all(branch) and named.dig(f"_oonrumail-challenge.{name}", "TXT") == [])
    lines = house.trail("zone.write")
    assert lines and {line["actor"] for line in lines} == {"system"}


def test_keys_rotate_from_start_to_end_without_a_hand(place, named):
    house = House(place, named, "rotated.test")
    house.connect(automatic=True)
    wait_until(lambda: has_all(house))

    def keys():
        return {key["selector"]: key["state"] for key in place.json("dkim", "list", house.domain)}

    first = set(keys())
    status_code, _, made = place.http("POST", f"/api/domains/{house.domain}/dkim", {}, house.token)
    assert status_code == 201
    second = {key["selector"] for key in made["keys"]} - first
    wait_until(lambda: {one for one, state in keys().items() if state == "signing"} == second)
    # The old ones' records stay as long as they may be needed, then go with them.
    assert all(named.dig(f"{one}._domainkey.{house.domain}", "TXT") for one in first & set(keys()))
    wait_until(lambda: set(keys()) == second)
    wait_until(lambda: not any(named.dig(f"{one}._domainkey.{house.domain}", "TXT") for one in first))
    assert all(named.dig(f"{one}._domainkey.{house.domain}", "TXT") for one in second) and has_all(house)


def test_keys_that_are_old_rotate_by_themselves(named, start_platform):
    place = start_platform(OONRUMAIL_RESOLVER=named.address, **SETTINGS, OONRUMAIL_DKIM_ROTATION="15s")
    house = House(place, named, "old.test")
    first = {key["selector"] for key in place.json("dkim", "list", house.domain)}
    house.connect(automatic=True)

    def signing():
        return {key["selector"] for key in place.json("dkim", "list", house.domain) if key["state"] == "signing"}

    wait_until(lambda: len(signing()) == 2 and not signing() & first, seconds=90)


def test_what_others_change_is_repaired_or_shown(place, named):
    house = House(place, named, "drift.test")
    house.connect(automatic=True)
    wait_until(lambda: has_all(house))
    named.update("drift.test", OTHER, lambda update: (update.delete("_smtp._tls"), update.add("@", 300, "TXT", '"theirs"')))
    wait_until(lambda: has_all(house))
    assert "theirs" in named.dig("drift.test", "TXT")

    shown = House(place, named, "shown.test")
    shown.connect(automatic=True, repairs_drift=False)
    wait_until(lambda: has_all(shown))
    named.update("shown.test", OTHER, lambda update: update.delete("_smtp._tls"))
    wait_until(lambda: "left so: _smtp._tls.shown.test TXT" in (shown.ask("GET", "/connection")[2]["state"].get("fault") or ""))
    assert named.dig("_smtp._tls.shown.test", "TXT") == []
    # What is new is written all the same, and with it what was changed.
    assert place.http("POST", "/api/domains/shown.test/dkim", {"algorithm": "ed25519-sha256"}, shown.token)[0] == 201
    wait_until(lambda: has_all(shown) and len(shown.expected()) > 0)
    assert "fault" not in shown.ask("GET", "/connection")[2]["state"]


def test_a_server_that_is_away_is_waited_for_and_owners_are_told(place, named):
    away = Named()
    away.key(KEY)
    away.zone("away.test", f"grant {KEY} zonesub")
    away.start()
    house = House(place, away, "away.test")
    house.connect(automatic=True)
    try:
        wait_until(lambda: has_all(house))
        away.stop()
        assert place.http("POST", f"/api/domains/{house.domain}/dkim", {}, house.token)[0] == 201
        wait_until(lambda: house.ask("GET", "/connection")[2]["state"]["failures"] >= 3)
        state = house.ask("GET", "")[2]["writing"]
        assert "No connection" in state["fault"] and state["failing_since"] and state["next_at"] > state["failing_since"]
        wait_until(lambda: [1 for letter in place.messages(house.owner) if b"cannot be written" in letter])
        assert place.metric('oonrumail_zone_domains{state="failing"}') >= 0
        away.start()
        wait_until(lambda: has_all(house))
        state = house.ask("GET", "")[2]["writing"]
        assert state["failures"] == 0 and "fault" not in state
        assert len([1 for letter in place.messages(house.owner) if b"cannot be written" in letter]) == 1
    finally:
        away.close()


def test_records_of_a_deleted_domain_go_and_come_back(place, named):
    house = House(place, named, "gone.test")
    house.connect(automatic=True, removes_records=True)
    wait_until(lambda: has_all(house))
    named.update("gone.test", OTHER, lambda update: (update.add("@", 300, "TXT", '"theirs"'), update.add("www", 300, "A", "192.0.2.1")))
    expected = house.expected()
    place.cli("domain", "delete", "gone.test")
    wait_until(lambda: not any(record["value"] in named.dig(record["name"], record["type"]) for record in expected))
    assert named.dig("gone.test", "TXT") == ["theirs"] and named.dig("www.gone.test", "A") == ["192.0.2.1"]
    place.cli("domain", "restore", "gone.test")
    wait_until(lambda: has_all(house))


def certificate(folder, name):
    """A key and a certificate of its own, and the end of its TLSA record."""
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", folder / f"{name}.key", "-out",
         folder / f"{name}.pem", "-days", "30", "-subj", "/CN=mail.tls.test", "-addext", "subjectAltName=DNS:mail.tls.test"], check=True, capture_output=True)
    public = subprocess.run(["openssl", "x509", "-in", folder / f"{name}.pem", "-pubkey", "-noout"], check=True, capture_output=True).stdout
    der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=public, check=True, capture_output=True).stdout
    return subprocess.run(["sha256sum"], input=der, check=True, capture_output=True).stdout.split()[0].decode()


@pytest.mark.one_machine("certificates of a cluster are files of other processes")
def test_a_new_certificate_and_a_new_policy(named, start_platform, tmp_path):
    old, new = certificate(tmp_path, "old"), certificate(tmp_path, "new")
    used = tmp_path / "used.pem"
    used.write_bytes((tmp_path / "old.pem").read_bytes())
    (tmp_path / "used.key").write_bytes((tmp_path / "old.key").read_bytes())
    settings = {**SETTINGS, "OONRUMAIL_ZONE_TTL": "3s", "OONRUMAIL_HOSTNAME": "mail.tls.test", "OONRUMAIL_RESOLVER": named.address,
                "OONRUMAIL_TLS_CERTIFICATE": str(used), "OONRUMAIL_TLS_KEY": str(tmp_path / "used.key"), "OONRUMAIL_MTA_STS_MODE": "testing",
                "OONRUMAIL_DOMAIN_CHECK_INTERVAL": "2s"}
    place = start_platform(**settings)
    house = House(place, named, "tls.test")
    house.connect(automatic=True)
    wait_until(lambda: has_all(house))

    def pins():
        return [value.replace(" ", "").lower() for value in named.dig("_25._tcp.mail.tls.test", "TLSA")]

    assert pins() == [f"311{old}"]
    (tmp_path / "used.key").write_bytes((tmp_path / "new.key").read_bytes())
    used.write_bytes((tmp_path / "new.pem").read_bytes())
    both = sorted([f"311{old}", f"311{new}"])
    seen = []
    wait_until(lambda: seen.append(sorted(pins())) or seen[-1] == [f"311{new}"])
    # Never without one, and both for a while.
    assert both in seen and all(one in ([f"311{old}"], both, [f"311{new}"]) for one in seen)
    before = named.dig("_mta-sts.tls.test", "TXT")
    place.stop()
    place.settings["OONRUMAIL_MTA_STS_MODE"] = "enforce"
    place.start()
    wait_until(lambda: named.dig("_mta-sts.tls.test", "TXT") not in (before, []))
    assert len(named.dig("_mta-sts.tls.test", "TXT")) == 1
