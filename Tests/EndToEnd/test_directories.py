"""People of domains from an LDAP directory: a real slapd."""
import imaplib
import json
import smtplib
import subprocess

import pytest
from ldap_server import BASE, READER, SECRET, LDAPServer
from platform_process import ADMIN, PASSWORD, wait_until
from test_second_factor import code

WORD = "her own wörd of the directory"
# Nothing of the answers is remembered for longer than a test is.
SETTINGS = {
    "OONRUMAIL_DIRECTORY_NETWORKS": "127.0.0.0/8", "OONRUMAIL_DIRECTORY_RETRY": "0s", "OONRUMAIL_DIRECTORY_ABSENT": "0s",
    "OONRUMAIL_DIRECTORY_REMEMBERED": "0s", "OONRUMAIL_DIRECTORY_TIMEOUT": "3s", "OONRUMAIL_LOCKOUT_FAILURES_PER_ADDRESS": "100000",
}


@pytest.fixture(scope="module")
def ldap():
    server = LDAPServer()
    yield server
    server.end()


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    from conftest import Platform

    running = Platform(tmp_path_factory.mktemp("directories"), **SETTINGS).start()
    yield running
    running.stop()


class Office:
    """A domain whose people are in the directory."""

    def __init__(self, platform, ldap, domain, **members):
        self.platform, self.ldap, self.domain = platform, ldap, domain
        platform.cli("domain", "add", domain, check=False)
        self.admin = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
        self.path = f"/api/domains/{domain}/directory"
        self.wish = {
            "kind": "ldap", "url": ldap.url(), "authority": (ldap.folder / "ca.pem").read_text(), "base": BASE, "bind_name": READER,
            "secret": SECRET, "filter": "(&(objectClass=inetOrgPerson)(|(mail={address})(description={address})))",
            "alias_attributes": ["description"], "language_attribute": "preferredLanguage", "disabled_attribute": "employeeType",
            "makes_accounts": True, **members,
        }
        status, _, kept = self.put()
        assert status == 200, kept

    def put(self, **members):
        return self.platform.http("PUT", self.path, {**self.wish, **members}, self.admin)

    def person(self, uid, password=WORD, **attributes):
        self.ldap.person(f"{uid}.{self.domain}", self.domain, password, mail=f"{uid}@{self.domain}", **attributes)
        return f"{uid}@{self.domain}", f"uid={uid}.{self.domain},{BASE}"

    def login(self, address, password=WORD):
        status, _, body = self.platform.http("POST", "/api/auth/login", {"email": address, "password": password})
        return status, body

    def imap(self, address, password=WORD):
        """OK, or what the server says."""
        client = self.platform.imap(None)
        try:
            client.authenticate("PLAIN", lambda _: f"\0{address}\0{password}".encode())
            client.logout()
            return "OK"
        except imaplib.IMAP4.error as refused:
            return str(refused)

    def smtp(self, address, password=WORD):
        """The code of the answer to AUTH."""
        with self.platform.submission(user=None) as client:
            client.ehlo()
            import base64

            token = base64.b64encode(f"\0{address}\0{password}".encode()).decode()
            return client.docmd("AUTH", f"PLAIN {token}")

    def rcpt(self, address):
        with self.platform.smtp() as client:
            client.ehlo("outside.test")
            client.mail("someone@outside.test")
            return client.rcpt(address)

    def account(self, address):
        found = self.platform.cli("account", "show", address, "--json", check=False)
        return json.loads(found.stdout) if found.returncode == 0 else None

    def audit(self, action, subject):
        return self.platform.http("GET", f"/api/audit?action={action}&subject={subject}&limit=50", token=self.admin)[2]["events"]

    def sync(self, dry=False):
        status, _, body = self.platform.http("POST", f"{self.path}/sync", {"dry_run": dry}, self.admin)
        assert status == 200, body
        return body

    def steps(self, address):
        body = self.platform.http("POST", f"{self.path}/test", {"address": address}, self.admin)[2]
        return [(step["name"], step["ok"]) for step in body["steps"]]


def test_people_sign_in_everywhere_by_the_password_of_the_directory(platform, ldap):
    office = Office(platform, ldap, "ldap-all.test")
    for uid, way in [("ann", office.login), ("bob", office.imap), ("cay", office.smtp)]:
        address, _ = office.person(uid, description=f"{uid}.alias@ldap-all.test", preferredLanguage="de, en;q=0.5", cn=f"{uid} Example")
        assert office.account(address) is None
        answer = way(address)
        assert answer == "OK" or answer[0] in (200, 235), answer
        made = office.account(address)
        assert made["display_name"] == f"{uid} Example" and made["role"] == "member"
        assert office.audit("account.add", address) and office.audit("directory.link", address)
        # The alias of the directory is theirs too, and signs in.
        assert office.login(f"{uid}.alias@ldap-all.test")[0] == 200
    address, _ = office.person("dan")
    for wrong in ("", "not it", WORD + " ", WORD[:-1], "*"):
        assert office.login(address, wrong)[0] in (401, 422), wrong
    assert "AUTHENTICATIONFAILED" in office.imap(address, "not it") and office.smtp(address, "not it")[0] == 535
    assert office.account(address) is None


@pytest.mark.parametrize("scheme", ["ldaps", "ldap"])
def test_programs_sign_in_over_tls_and_start_tls(platform, ldap, scheme):
    office = Office(platform, ldap, f"ldap-way-{scheme}.test", url=ldap.url(scheme))
    address, _ = office.person("ann")
    url = f"imaps://127.0.0.1:{platform.ports['imaps']}/INBOX"
    done = subprocess.run(["curl", "-sk", url, "-u", f"{address}:{WORD}", "-X", "NOOP"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    done = subprocess.run(
        ["swaks", "--server", "127.0.0.1", "--port", str(platform.ports["submission"]), "-tls", "--auth", "LOGIN", "--auth-user", address,
         "--auth-password", WORD, "--from", address, "--to", ADMIN, "--body", f"by {scheme}"],
        capture_output=True, text=True, timeout=60,
    )
    assert done.returncode == 0, done.stdout
    assert any(f"by {scheme}".encode() in message for message in platform.messages())


def test_a_certificate_of_another_authority_and_plain_text_are_not_taken(platform, ldap):
    office = Office(platform, ldap, "ldap-tls.test")
    address, name = office.person("ann")
    before = ldap.binds(name)
    for members in ({"authority": None}, {"url": ldap.url("ldap"), "authority": None}):
        assert office.put(**members)[0] == 200
        assert office.login(address)[0] == 503 and office.steps(address) == [("search", False)]
    # The certificate is for 127.0.0.1 and no other host.
    assert office.put(url=f"ldaps://127.0.0.2:{ldap.ports['ldaps']}")[0] == 200
    assert office.login(address)[0] == 503
    assert ldap.binds(name) == before
    # On this machine, and only here, plain text is allowed.
    assert office.put(url=ldap.url("ldap"), start_tls=False)[0] == 200
    assert office.login(address)[0] == 200
    for url in ("ldap://8.8.8.8", "ldap://directory.example"):
        status, _, body = office.put(url=url, start_tls=False)
        assert status == 422 and "start_tls" in json.dumps(body), body


def test_addresses_inside_are_not_asked(platform, ldap, start_platform):
    inside = start_platform(**{**SETTINGS, "OONRUMAIL_DIRECTORY_NETWORKS": "none"})
    inside.cli("domain", "add", "inside.test")
    admin = inside.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]
    wish = {"kind": "ldap", "base": BASE, "filter": "(mail={address})"}
    for host in ("127.0.0.1", "10.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "192.168.1.1"):
        status, _, body = inside.http("PUT", "/api/domains/inside.test/directory", {**wish, "url": f"ldaps://{host}"}, admin)
        assert status == 422 and "url" in json.dumps(body), (host, body)


def test_nothing_of_an_address_is_part_of_the_filter(platform, ldap):
    office = Office(platform, ldap, "ldap-inject.test", filter="(|(uid={local})(mail={address}))")
    office.person("ann")
    # Quoted local parts may hold anything (RFC 5321 §4.1.2).
    for local in ("*", "*)(uid=*", "ann*", "a*", "*)(|(uid=*", "ann)(uid=ann", "\\2a", "ann\\00"):
        quoted = '"' + local.replace("\\", "\\\\") + '"'
        assert office.login(f"{quoted}@ldap-inject.test")[0] == 401, local
        assert office.rcpt(f"<{quoted}@ldap-inject.test>")[0] == 550, local
    assert office.login("ann@ldap-inject.test")[0] == 200
    # A filter that finds somebody else signs in nobody.
    assert office.put(filter="(|(mail={address})(uid=ann.ldap-inject.test))")[0] == 200
    assert office.login("bob@ldap-inject.test")[0] == 401
    assert office.account("bob@ldap-inject.test") is None


def test_two_entries_are_nobody(platform, ldap):
    office = Office(platform, ldap, "ldap-two.test")
    address, _ = office.person("ann")
    ldap.person("ann2.ldap-two.test", "ldap-two.test", WORD, mail=address)
    assert office.login(address)[0] == 401 and office.rcpt(address)[0] == 550 and office.account(address) is None
    assert office.steps(address) == [("search", False)]


def test_recipients_are_looked_up_when_they_are_unknown_here(platform, ldap):
    office = Office(platform, ldap, "ldap-rcpt.test")
    address, _ = office.person("ann", "an ascii word")
    code, text = office.rcpt("nobody@ldap-rcpt.test")
    assert (code, text[:5]) == (550, b"5.1.1")
    with platform.smtp() as client:
        client.sendmail("someone@outside.test", [address], "From: someone@outside.test\r\nTo: ann\r\nSubject: first\r\n\r\nhello\r\n")
    assert any(b"Subject: first" in message for message in platform.messages(address, password="an ascii word"))
    gone, name = office.person("off", employeeType="TRUE")
    assert office.rcpt(gone)[0] == 550 and office.login(gone)[0] == 401
    # Without the right to make accounts the directory is not asked for recipients.
    assert office.put(makes_accounts=False)[0] == 200
    late, _ = office.person("late")
    assert office.rcpt(late)[0] == 550 and office.login(late)[0] == 401 and office.rcpt(address)[0] == 250


def test_a_directory_that_is_away_is_nobodys_fault(start_platform):
    server = LDAPServer()
    try:
        running = start_platform(**SETTINGS, OONRUMAIL_LOCKOUT_FAILURES=3)
        office = Office(running, server, "ldap-away.test")
        address, _ = office.person("ann")
        assert office.login(address)[0] == 200
        running.add_account("local@ldap-away.test")
        server.stop()
        for _ in range(5):
            assert office.login(address)[0] == 503 and office.login(address, "not it")[0] == 503
        assert "UNAVAILABLE" in office.imap(address)
        code, text = office.smtp(address)
        assert (code, text[:5]) == (454, b"4.7.0")
        code, text = office.rcpt("new@ldap-away.test")
        assert (code, text[:5]) == (451, b"4.3.0")
        # Who is known here takes mail, and signs in where the password is kept here.
        assert office.rcpt(address)[0] == 250 and office.login("local@ldap-away.test", PASSWORD)[0] == 200
        # Guessing such a password has a bound all the same, and is no failure of the person's once the directory is back.
        answers = [office.login("local@ldap-away.test", "guess")[0] for _ in range(4)]
        assert answers == [503, 503, 503, 429]
        server.start()
        assert office.login(address)[0] == 200 and office.login(address, "not it")[0] == 401
    finally:
        server.end()


def test_a_password_that_was_changed_there_counts_at_once_where_nothing_is_remembered(platform, ldap):
    office = Office(platform, ldap, "ldap-change.test")
    address, name = office.person("ann")
    assert office.login(address)[0] == 200
    ldap.change(name, userPassword="another word of hers")
    assert office.login(address)[0] == 401 and office.login(address, "another word of hers")[0] == 200


def test_a_right_password_is_remembered_and_forgotten_with_revocations(start_platform, ldap):
    running = start_platform(**{**SETTINGS, "OONRUMAIL_DIRECTORY_REMEMBERED": "300s", "OONRUMAIL_REVOCATION_INTERVAL": "1s"})
    office = Office(running, ldap, "ldap-kept.test")
    address, name = office.person("ann")
    # The first makes the account; each process asks once more for itself.
    for _ in range(12):
        assert office.imap(address) == "OK"
    asked = ldap.binds(name)
    assert asked <= 3, asked
    number = office.account(address)["id"]
    running.cli("account", "suspend", address, "--reason", "left")
    assert "AUTHENTICATIONFAILED" in office.imap(address)
    running.cli("account", "restore", address)
    ldap.change(name, userPassword="another word of hers")
    wait_until(lambda: "AUTHENTICATIONFAILED" in office.imap(address), seconds=20)
    assert number == office.account(address)["id"]


def test_enforced_leaves_passwords_here_to_owners(platform, ldap):
    platform.cli("domain", "add", "ldap-only.test")
    platform.add_account("bob@ldap-only.test")
    office = Office(platform, ldap, "ldap-only.test")
    platform.cli("account", "add", "boss@ldap-only.test", "--password-stdin", "--role", "owner", stdin=PASSWORD + "\n")
    office.person("bob")
    assert office.login("bob@ldap-only.test", PASSWORD)[0] == 200 and office.login("bob@ldap-only.test")[0] == 200
    assert office.put(enforced=True)[0] == 200
    assert office.login("bob@ldap-only.test", PASSWORD)[0] == 401 and office.login("bob@ldap-only.test")[0] == 200
    # Whoever has to repair it keeps theirs.
    assert office.login("boss@ldap-only.test", PASSWORD)[0] == 200
    token = office.login("bob@ldap-only.test")[1]["access_token"]
    change = {"old_password": WORD, "new_password": "a password of no use here"}
    assert platform.http("PUT", "/api/users/me/password", change, token)[0] == 403


def test_a_second_factor_is_asked_for_beside_the_directory(platform, ldap):
    office = Office(platform, ldap, "ldap-factor.test")
    address, _ = office.person("ann")
    token = office.login(address)[1]["access_token"]
    begun = platform.http("POST", "/api/users/me/second-factor", {"password": WORD}, token)[2]
    assert platform.http("POST", "/api/users/me/second-factor/confirm", {"code": code(begun["secret"], -1)}, token)[0] == 200
    status, asked = office.login(address)
    assert status == 202 and "access_token" not in asked
    given = {"challenge": asked["challenge"], "code": code(begun["secret"])}
    assert platform.http("POST", "/api/auth/second-factor", given)[0] == 200
    # Mail protocols cannot ask for it: the password of the directory alone is not enough there.
    assert "app password" in office.imap(address) and office.smtp(address)[0] in (534, 535)
    status, _, made = platform.http("POST", "/api/users/me/app-passwords", {"name": "phone", "scopes": ["imap"]}, token)
    assert status in (200, 201), made
    assert office.imap(address, made["password"]) == "OK"


def test_one_tenants_directory_yields_nobody_of_another_domain(platform, ldap):
    office = Office(platform, ldap, "ldap-mine.test", filter="(|(mail={address})(uid={local}.ldap-mine.test))")
    other = "ldap-theirs.test"
    platform.cli("organisation", "add", "Theirs", check=False)
    platform.cli("domain", "add", other, "--organisation", "Theirs")
    platform.add_account(f"eve@{other}")
    # Entries of my directory with addresses of theirs.
    ldap.person("eve.ldap-mine.test", other, WORD, mail=f"eve@{other}", description="alias@ldap-theirs.test")
    ldap.person("mix.ldap-mine.test", "ldap-mine.test", WORD, mail="mix@ldap-mine.test", description=f"new@{other}")
    for address in (f"eve@{other}", f"new@{other}", f"alias@{other}", "eve@ldap-mine.test", ADMIN):
        assert office.login(address)[0] == 401, address
    assert office.login("mix@ldap-mine.test")[0] == 200
    assert office.account(f"new@{other}") is None and office.rcpt(f"new@{other}")[0] == 550
    report = office.sync()
    assert report["run"]["seen"] == 1 and office.account(f"alias@{other}") is None
    # Nor does anybody of mine set or see theirs.
    assert platform.http("PUT", f"/api/domains/{other}/directory", office.wish, office.login("mix@ldap-mine.test")[1]["access_token"])[0] == 403
    assert platform.http("GET", f"/api/domains/{other}/directory", token=office.admin)[0] == 404


def test_a_synchronisation_makes_changes_suspends_and_restores(platform, ldap):
    office = Office(platform, ldap, "ldap-sync.test", most_suspended=50)
    people = {uid: office.person(uid, description=f"{uid}.alias@ldap-sync.test") for uid in ("ann", "bob", "cay", "dan")}
    dry = office.sync(dry=True)
    assert dry["dry_run"] and dry["run"]["made"] == 4 and office.account("ann@ldap-sync.test") is None
    done = office.sync()["run"]
    assert (done["seen"], done["made"], done["outcome"]) == (4, 4, "done")
    assert office.sync()["run"] | {"started_at": 0, "ended_at": 0} == {
        "started_at": 0, "ended_at": 0, "outcome": "done", "detail": "", "seen": 4, "made": 0, "changed": 0, "suspended": 0, "restored": 0,
        "skipped": 0,
    }
    ldap.change(people["ann"][1], cn="Ann Other", description="ann.new@ldap-sync.test")
    ldap.change(people["bob"][1], employeeType="TRUE")
    ldap.remove(people["cay"][1])
    report = office.sync()
    assert (report["run"]["changed"], report["run"]["suspended"]) == (1, 2), report
    assert office.account("ann@ldap-sync.test")["display_name"] == "Ann Other"
    assert office.rcpt("ann.new@ldap-sync.test")[0] == 250 and office.rcpt("ann.alias@ldap-sync.test")[0] == 550
    assert office.account("bob@ldap-sync.test")["status"] == "suspended" and office.login("bob@ldap-sync.test")[0] == 401
    assert office.audit("account.suspend", "cay@ldap-sync.test")
    # Who was suspended by hand stays so; who was suspended by a run comes back by one.
    platform.cli("account", "suspend", "dan@ldap-sync.test", "--reason", "by hand")
    ldap.change(people["bob"][1], employeeType=[])
    report = office.sync()["run"]
    assert (report["restored"], report["skipped"]) == (1, 1)
    assert office.account("bob@ldap-sync.test")["status"] == "active" and office.account("dan@ldap-sync.test")["status"] == "suspended"
    shown = platform.json("directory", "show", "ldap-sync.test")
    assert shown["last_run"]["restored"] == 1


def test_who_gets_the_address_of_somebody_who_left_gets_nothing_of_theirs(platform, ldap):
    office = Office(platform, ldap, "ldap-left.test", most_suspended=100)
    address, name = office.person("ann")
    assert office.login(address)[0] == 200
    first = office.account(address)
    with platform.smtp() as client:
        client.sendmail("someone@outside.test", [address], "Subject: hers alone\r\n\r\nx\r\n")
    # She leaves, and before anybody has noticed another person gets her name and address.
    ldap.remove(name)
    another = "another person's word"
    office.person("ann", password=another)
    assert office.login(address, another)[0] == 401 and "AUTHENTICATIONFAILED" in office.imap(address, another)
    assert office.smtp(address, another)[0] == 535
    assert office.steps(address) == [("search", True), ("entry", True), ("account", False)]
    for _ in range(2):
        report = office.sync()["run"]
        assert (report["made"], report["changed"], report["restored"], report["skipped"]) == (0, 0, 0, 1), report
        assert office.account(address)["status"] == "suspended" and office.login(address, another)[0] == 401
    assert office.rcpt(address)[0] >= 400
    # Under an address of one's own her old one may be an alias: it stays hers.
    _, bob = office.person("bob", password=another, description=address)
    assert office.login("bob@ldap-left.test", another)[0] == 200
    assert office.account("bob@ldap-left.test")["used_messages"] == 0
    assert office.account("bob@ldap-left.test")["id"] != first["id"] and office.account(address)["id"] == first["id"]
    ldap.remove(bob)
    # The same person, made anew there: an administrator says so, and restores the account.
    assert platform.http("DELETE", f"{office.path}/people/{first['id']}", token=office.admin)[0] == 204
    assert platform.http("DELETE", f"{office.path}/people/{first['id']}", token=office.admin)[0] == 404
    assert office.audit("directory.unlink", office.domain)
    assert office.login(address, another)[0] == 401
    platform.cli("account", "restore", address)
    assert office.login(address, another)[0] == 200 and office.account(address)["id"] == first["id"]
    assert any(b"hers alone" in message for message in platform.messages(address, password=another))
    assert platform.cli("directory", "unlink", address).returncode == 0
    assert platform.cli("directory", "unlink", address, check=False).returncode == 3


def test_a_person_whose_address_changes_keeps_the_account(platform, ldap):
    office = Office(platform, ldap, "ldap-name.test")
    address, name = office.person("ann")
    assert office.login(address)[0] == 200
    first = office.account(address)
    new = "ann.married@ldap-name.test"
    ldap.change(name, mail=new)
    # Mail comes before she signs in, or anything is synchronised.
    assert office.rcpt(new)[0] == 250 and office.login(new)[0] == 200 and office.imap(new) == "OK"
    after = office.account(new)
    assert after["id"] == first["id"] and after["email"] == new, after
    assert office.rcpt(address)[0] == 250 and office.account(address)["id"] == first["id"]
    assert office.audit("account.address.primary", new)
    assert office.sync()["run"]["changed"] == 0
    # The old one is hers until the directory gives it to somebody else, who gets it and nothing more.
    ldap.person("ann2.ldap-name.test", office.domain, "the other Ann's", mail=address)
    assert office.sync()["run"]["made"] == 1
    assert office.login(address, "the other Ann's")[0] == 200 and office.login(address)[0] == 401
    other = office.account(address)
    assert other["id"] != first["id"] and other["email"] == address
    assert office.account(new)["id"] == first["id"] and office.login(new)[0] == 200
    # A run alone does it too.
    ldap.change(name, mail="ann.third@ldap-name.test")
    report = office.sync()
    assert (report["run"]["changed"], report["run"]["suspended"]) == (1, 0), report
    assert office.account("ann.third@ldap-name.test")["id"] == first["id"]


def test_a_former_address_opens_for_whom_it_was_given_to(platform, ldap):
    office = Office(platform, ldap, "ldap-given.test")
    address, name = office.person("ann")
    assert office.login(address)[0] == 200
    first = office.account(address)
    ldap.change(name, mail="ann.new@ldap-given.test")
    assert office.login("ann.new@ldap-given.test")[0] == 200 and office.login(address)[0] == 200
    ldap.person("ann2.ldap-given.test", office.domain, "the other Ann's", mail=address)
    assert office.login(address, "nobody's")[0] == 401 and office.account(address)["id"] == first["id"]
    # Nothing was synchronised.
    assert office.login(address, "the other Ann's")[0] == 200 and office.login(address)[0] == 401
    assert office.account(address)["id"] != first["id"]


def test_people_are_known_by_another_attribute_or_by_their_address_alone(platform, ldap):
    # Octets that are no text, as in Active Directory.
    office = Office(platform, ldap, "ldap-guid.test", id_attribute="audio")
    address, name = office.person("ann", **{"audio:": "AP8BAgMEBQYHCAkKCwwNDg=="})
    status, _, body = platform.http("POST", f"{office.path}/test", {"address": address}, office.admin)
    assert status == 200 and "identifier 00ff0102030405060708090a0b0c0d0e;" in body["steps"][1]["detail"], body
    assert office.login(address)[0] == 200
    ldap.remove(name)
    office.person("ann", **{"audio:": "AP8BAgMEBQYHCAkKCwwNDw=="})
    assert office.login(address)[0] == 401
    for wrong in ("userPassword", "no such name"):
        assert office.put(id_attribute=wrong)[0] == 422, wrong
    assert platform.http("GET", office.path, token=office.admin)[2]["id_attribute"] == "audio"
    # Nothing of the kind in the directory: the address is all there is.
    plain = Office(platform, ldap, "ldap-plain.test", id_attribute="roomNumber")
    address, name = plain.person("ann")
    assert plain.login(address)[0] == 200
    ldap.remove(name)
    plain.person("ann", password="another word")
    assert plain.login(address, "another word")[0] == 200


def test_a_synchronisation_sets_quotas(platform, ldap):
    office = Office(platform, ldap, "ldap-quota.test", quota_attribute="employeeNumber")
    address, name = office.person("ann", employeeNumber="7000000")
    bob, _ = office.person("bob")

    def quota(whose):
        return platform.json("account", "quota", whose).get("quota_bytes")

    assert office.login(address)[0] == 200 and quota(address) == 7_000_000
    office.sync()
    standard = quota(bob)
    ldap.change(name, employeeNumber="9000000")
    assert office.login(address)[0] == 200 and quota(address) == 7_000_000
    assert office.sync(dry=True)["run"]["changed"] == 1 and quota(address) == 7_000_000
    assert office.sync()["run"]["changed"] == 1 and quota(address) == 9_000_000
    assert office.audit("quota.set", address)
    # No more than the domain may hold.
    platform.cli("quota", "set", "ldap-quota.test", "--hard", "8000000")
    assert office.sync()["run"]["changed"] == 1 and quota(address) == 8_000_000
    assert office.sync()["run"]["changed"] == 0
    for words in ([], "many", "-1"):
        ldap.change(name, employeeNumber=words)
        assert office.sync()["run"]["changed"] == 0 and quota(address) == 8_000_000
    assert quota(bob) == standard


def test_an_empty_answer_suspends_nobody_and_neither_does_more_than_the_share(platform, ldap):
    office = Office(platform, ldap, "ldap-share.test", most_suspended=30)
    people = [office.person(f"p{number}")[1] for number in range(4)]
    assert office.sync()["run"]["made"] == 4
    for name in people[:2]:
        ldap.remove(name)
    report = office.sync()["run"]
    assert report["outcome"] == "held" and report["suspended"] == 0
    assert report["detail"].startswith("2 of 4 people are not in the directory any more, and one run suspends 1 at most"), report
    assert platform.cli("directory", "sync", "ldap-share.test", check=False).returncode == 1
    assert office.put(admits="(cn=nobody at all)", most_suspended=100)[0] == 200
    report = office.sync()["run"]
    assert report["outcome"] == "held" and report["detail"] == "The directory has nobody: nobody was suspended."
    assert office.account("p0@ldap-share.test")["status"] == "active"
    assert office.put(most_suspended=50)[0] == 200
    assert office.sync()["run"]["suspended"] == 2


def test_a_run_pages_through_everybody(platform, ldap):
    office = Office(platform, ldap, "ldap-many.test", makes_accounts=False)
    lines = []
    for number in range(1_203):
        uid = f"m{number}.ldap-many.test"
        lines.append(f"dn: uid={uid},{BASE}\nobjectClass: inetOrgPerson\ncn: {uid}\nsn: x\nuid: {uid}\nmail: m{number}@ldap-many.test\n")
    ldap._run("ldapadd", "\n".join(lines))
    # More than the server gives in one answer.
    report = office.sync(dry=True)["run"]
    assert (report["seen"], report["skipped"]) == (1_203, 1_203), report


def test_runs_come_by_themselves_and_owners_are_told_when_they_fail(start_platform):
    server = LDAPServer()
    try:
        running = start_platform(**SETTINGS, OONRUMAIL_DIRECTORY_INTERVAL="1s")
        office = Office(running, server, "ldap-auto.test", synchronised=True)
        office.person("ann")
        wait_until(lambda: office.account("ann@ldap-auto.test"), seconds=30)
        server.stop()
        wait_until(lambda: any(b"was not synchronised" in message for message in running.messages()), seconds=60)
        shown = running.json("directory", "show", "ldap-auto.test")["last_run"]
        assert shown["outcome"] == "failed" and office.account("ann@ldap-auto.test")["status"] == "active"
        assert running.metric("oonrumail_directory_syncs_total") >= 2
        mails = sum(b"was not synchronised" in message for message in running.messages())
        runs = running.metric('oonrumail_directory_syncs_total{outcome="failed"}')
        wait_until(lambda: running.metric('oonrumail_directory_syncs_total{outcome="failed"}') > runs + 1, seconds=30)
        assert sum(b"was not synchronised" in message for message in running.messages()) == mails
    finally:
        server.end()


def test_operators_set_try_and_remove_by_commands(platform, ldap):
    platform.cli("domain", "add", "ldap-cli.test")
    ldap.person("ann.ldap-cli.test", "ldap-cli.test", WORD, mail="ann@ldap-cli.test")
    platform.cli(
        "directory", "add", "ldap-cli.test", "--url", ldap.url(), "--authority", str(ldap.folder / "ca.pem"), "--base", BASE,
        "--bind-name", READER, "--filter", "(mail={address})", "--secret-stdin", "--make-accounts", stdin=SECRET + "\n",
    )
    shown = platform.cli("directory", "show", "ldap-cli.test").stdout
    assert SECRET not in shown and "ldaps://127.0.0.1" in shown
    rows = platform.json("directory", "test", "ann@ldap-cli.test")
    assert [(row["name"], row["ok"]) for row in rows] == [("search", True), ("entry", True), ("account", True)]
    assert platform.cli("directory", "test", "bob@ldap-cli.test", check=False).returncode == 1
    done = platform.json("directory", "sync", "ldap-cli.test", "--dry-run")
    assert done["run"]["made"] == 1 and done["lines"] == [{"email": "ann@ldap-cli.test", "what": "made"}]
    # The secret stays while it goes to the same place, and goes to no other.
    common = ("--authority", str(ldap.folder / "ca.pem"), "--base", BASE, "--bind-name", READER, "--filter", "(uid={local})")
    platform.cli("directory", "add", "ldap-cli.test", "--url", ldap.url(), *common)
    moved = platform.cli("directory", "add", "ldap-cli.test", "--url", ldap.url("ldap"), *common, check=False)
    assert moved.returncode == 1 and "secret" in moved.stderr
    platform.cli("directory", "remove", "ldap-cli.test")
    assert platform.cli("directory", "show", "ldap-cli.test", check=False).returncode == 3
    for log in platform.logs:
        assert SECRET not in log.read_text(errors="replace") and WORD not in log.read_text(errors="replace")
