"""People of domains from a database of somebody else: a real PostgreSQL."""
import json
import subprocess

import pytest
from ldap_server import salted
from platform_process import ADMIN, PASSWORD
from postgres_cluster import Cluster
from test_directories import SETTINGS, Office

WORD = "her own word of the database"
PERSON = "SELECT email AS address, aliases, name, lang AS language, quota AS quota_bytes, off AS disabled FROM staff WHERE email = {address} OR {address} = ANY (aliases)"
SECRET_QUERY = "SELECT hash AS password FROM staff WHERE email = {address}"
EVERYBODY = "SELECT email AS address, aliases, name, lang AS language, quota AS quota_bytes, off AS disabled FROM staff WHERE email LIKE '%@' || {domain} AND email > {after} ORDER BY email LIMIT {limit}"


@pytest.fixture(scope="module")
def database():
    cluster = Cluster()
    cluster.sql("CREATE EXTENSION pgcrypto")
    cluster.sql(
        "CREATE TABLE staff (email text, aliases text[] DEFAULT '{}', name text, lang text, quota bigint, off boolean DEFAULT false, hash text);"
        "CREATE ROLE reader LOGIN PASSWORD 'reader #word'; GRANT SELECT, INSERT, DELETE ON staff TO reader"
    )
    yield cluster
    cluster.end()


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    from conftest import Platform

    running = Platform(tmp_path_factory.mktemp("databases"), **SETTINGS).start()
    yield running
    running.stop()


class Firm(Office):
    def __init__(self, platform, database, domain, **members):
        self.database = database
        self.platform, self.domain = platform, domain
        platform.cli("domain", "add", domain, check=False)
        self.admin = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
        self.path = f"/api/domains/{domain}/directory"
        self.wish = {
            "kind": "sql", "secret": f"postgresql://reader:reader%20%23word@127.0.0.1:{database.port}/postgres", "person_query": PERSON,
            "password_query": SECRET_QUERY, "people_query": EVERYBODY, "makes_accounts": True, **members,
        }
        status, _, kept = self.put()
        assert status == 200, kept

    def person(self, uid, hash, **columns):
        address = f"{uid}@{self.domain}"
        names, values = ["email", "hash", *columns], [address, hash, *columns.values()]
        quoted = ", ".join("'" + str(value).replace("'", "''") + "'" for value in values)
        self.database.sql(f"INSERT INTO staff ({', '.join(names)}) VALUES ({quoted})")
        return address


def sha512(word):
    return subprocess.run(["openssl", "passwd", "-6", "-salt", "saltsalt", word], capture_output=True, text=True, check=True).stdout.strip()


def test_people_sign_in_by_hashes_of_every_scheme(platform, database):
    firm = Firm(platform, database, "sql-all.test")
    blowfish = database.sql(f"SELECT crypt('{WORD}', gen_salt('bf', 6))")
    hashes = {
        "ssha": salted(WORD), "six": sha512(WORD), "six-marked": "{SHA512-CRYPT}" + sha512(WORD), "blowfish": blowfish,
        "blowfish-marked": "{BLF-CRYPT}" + blowfish,
    }
    for uid, hash in hashes.items():
        address = firm.person(uid, hash, name=f"{uid} Example", aliases="{%s.alias@sql-all.test}" % uid)
        assert firm.login(address, WORD)[0] == 200 and firm.imap(address, WORD) == "OK" and firm.smtp(address, WORD)[0] == 235, uid
        assert firm.login(address, WORD + "x")[0] == 401 and firm.account(address)["display_name"] == f"{uid} Example"
        assert firm.login(f"{uid}.alias@sql-all.test", WORD)[0] == 200
    nobody = firm.person("none", "")
    database.sql(f"UPDATE staff SET hash = NULL WHERE email = '{nobody}'")
    assert firm.login(nobody, "any")[0] == 401
    assert firm.login("unknown@sql-all.test", WORD)[0] == 401


def test_a_scheme_that_is_not_known_is_an_error_of_the_operator(platform, database):
    firm = Firm(platform, database, "sql-scheme.test")
    address = firm.person("ann", "{MD5}rL0Y20zC+Fzt72VPzMSk2A==")
    assert firm.login(address, "foo")[0] == 503
    logs = "".join(log.read_text(errors="replace") for log in platform.logs)
    assert "whose scheme is not known" in logs and "MD5" in logs and "rL0Y20zC" not in logs


def test_parameters_are_bound_and_nothing_is_written(platform, database):
    firm = Firm(platform, database, "sql-bound.test")
    firm.person("ann", salted(WORD))
    for local in ("x' OR '1'='1", "x'; DELETE FROM staff; --", "%", "ann%", "$1"):
        assert firm.login(f'"{local}"@sql-bound.test', WORD)[0] == 401, local
    assert database.sql("SELECT COUNT(*) FROM staff WHERE email = 'ann@sql-bound.test'") == "1"
    # A role that may write and a query that would: refused by its text, or by the transaction.
    for query in (
        "DELETE FROM staff WHERE email = {address}", "SELECT 1; DELETE FROM staff", "",
        "SELECT {password}", "INSERT INTO staff (email) VALUES ({address}) RETURNING email AS address",
    ):
        assert firm.put(person_query=query)[0] == 422 or firm.login("ann@sql-bound.test", WORD)[0] == 503, query
    database.sql("CREATE OR REPLACE FUNCTION sweep() RETURNS text LANGUAGE sql AS $$ DELETE FROM staff RETURNING email $$")
    for query in ("SELECT sweep() AS address", "WITH gone AS (DELETE FROM staff RETURNING email) SELECT email AS address FROM gone",
                  "SELECT email AS address FROM staff) AS found; DELETE FROM staff; --"):
        assert firm.put(person_query=query)[0] == 200
        assert firm.login("ann@sql-bound.test", WORD)[0] == 503, query
    assert database.sql("SELECT COUNT(*) FROM staff WHERE email = 'ann@sql-bound.test'") == "1"
    # What takes too long is ended.
    assert firm.put(person_query="SELECT pg_sleep(60)::text AS address")[0] == 200
    assert firm.login("ann@sql-bound.test", WORD)[0] == 503


def test_recipients_synchronisation_and_tests(platform, database):
    firm = Firm(platform, database, "sql-sync.test", most_suspended=50)
    people = [firm.person(f"p{number}", salted(WORD), quota=5_000_000, lang="de") for number in range(4)]
    code, text = firm.rcpt("nobody@sql-sync.test")
    assert (code, text[:5]) == (550, b"5.1.1") and firm.rcpt(people[0])[0] == 250
    report = firm.sync()["run"]
    assert (report["seen"], report["made"], report["outcome"]) == (4, 3, "done")
    assert platform.json("account", "quota", people[1])["quota_bytes"] == 5_000_000
    database.sql(f"UPDATE staff SET off = true WHERE email = '{people[3]}'; DELETE FROM staff WHERE email = '{people[2]}'")
    assert firm.sync()["run"]["suspended"] == 2
    assert firm.steps(people[0]) == [("search", True), ("entry", True), ("account", True)]
    assert firm.steps(people[3])[:2] == [("search", True), ("entry", False)]


def test_people_are_known_by_a_column(platform, database):
    database.sql("ALTER TABLE staff ADD COLUMN number bigint")
    queries = {member: query.replace("SELECT email", "SELECT number AS person_id, email") for member, query in
               (("person_query", PERSON), ("people_query", EVERYBODY))}
    firm = Firm(platform, database, "sql-known.test", most_suspended=100, **queries)
    ann = firm.person("ann", salted(WORD), number=1, quota=5_000_000)
    assert firm.login(ann, WORD)[0] == 200
    first = firm.account(ann)
    new = "ann.new@sql-known.test"
    database.sql(f"UPDATE staff SET email = '{new}', quota = 6000000 WHERE number = 1 AND email = '{ann}'")
    report = firm.sync()["run"]
    assert (report["changed"], report["suspended"]) == (1, 0)
    assert firm.account(new)["id"] == first["id"] and firm.account(new)["email"] == new
    assert platform.json("account", "quota", new)["quota_bytes"] == 6_000_000
    # She leaves; somebody else gets the address that she had last.
    database.sql("DELETE FROM staff WHERE number = 1")
    database.sql(f"INSERT INTO staff (email, hash, number) VALUES ('{new}', '{salted('another')}', 2)")
    assert firm.login(new, "another")[0] == 401
    report = firm.sync()["run"]
    assert (report["made"], report["skipped"], report["suspended"]) == (0, 1, 1), report
    assert firm.account(new)["status"] == "suspended" and firm.login(new, "another")[0] == 401


def test_a_database_that_is_away_is_nobodys_fault(platform):
    cluster = Cluster()
    try:
        cluster.sql("CREATE TABLE staff (email text, aliases text[], name text, lang text, quota bigint, off boolean, hash text); CREATE ROLE reader LOGIN; GRANT SELECT ON staff TO reader")
        firm = Firm(platform, cluster, "sql-away.test")
        address = firm.person("ann", salted(WORD))
        assert firm.login(address, WORD)[0] == 200
        cluster.control("stop", "-m", "immediate")
        assert firm.login(address, WORD)[0] == 503 and "UNAVAILABLE" in firm.imap(address, WORD) and firm.smtp(address, WORD)[0] == 454
        assert firm.rcpt("new@sql-away.test")[0] == 451 and firm.rcpt(address)[0] == 250
        cluster.control("start")
        assert firm.login(address, WORD)[0] == 200
    finally:
        cluster.end()


def test_databases_are_for_operators(platform, database):
    firm = Firm(platform, database, "sql-operators.test")
    platform.cli("organisation", "add", "A tenant", check=False)
    platform.cli("domain", "add", "sql-tenant.test", "--organisation", "A tenant")
    platform.cli("account", "add", "boss@sql-tenant.test", "--password-stdin", "--role", "owner", stdin=PASSWORD + "\n")
    token = firm.login("boss@sql-tenant.test", PASSWORD)[1]["access_token"]
    path = "/api/domains/sql-tenant.test/directory"
    assert platform.http("PUT", path, firm.wish, token)[0] == 403
    assert platform.http("PUT", path, firm.wish, firm.admin)[0] == 200
    status, _, shown = platform.http("GET", path, token=token)
    assert status == 200 and shown["has_secret"] and "reader" not in json.dumps(shown)
    ldap = {"kind": "ldap", "url": "ldaps://8.8.8.8", "base": "dc=x", "filter": "(mail={address})"}
    assert platform.http("PUT", path, ldap, token)[0] == 403 and platform.http("DELETE", path, token=token)[0] == 403
    assert platform.http("DELETE", path, token=firm.admin)[0] == 204 and platform.http("PUT", path, ldap, token)[0] == 200


def test_operators_set_a_database_by_commands(platform, database):
    platform.cli("domain", "add", "sql-cli.test")
    database.sql(f"INSERT INTO staff (email, hash) VALUES ('ann@sql-cli.test', '{salted(WORD)}')")
    address = f"postgresql://reader:reader%20%23word@127.0.0.1:{database.port}/postgres"
    platform.cli(
        "directory", "add", "sql-cli.test", "--person-query", PERSON, "--password-query", SECRET_QUERY, "--people-query", EVERYBODY,
        "--make-accounts", "--secret-stdin", stdin=address + "\n",
    )
    assert "reader%20" not in platform.cli("directory", "show", "sql-cli.test").stdout
    assert platform.json("directory", "sync", "sql-cli.test")["run"]["made"] == 1
    wrong = platform.cli(
        "directory", "add", "sql-cli.test", "--person-query", PERSON, "--password-query", SECRET_QUERY, "--secret-stdin",
        stdin="host=127.0.0.1\n", check=False,
    )
    assert wrong.returncode == 1 and "secret" in wrong.stderr
