"""Organisations and their people: listed, changed, suspended, deleted, removed for good."""
import pytest
from platform_process import ADMIN, PASSWORD, wait_until


class Company:
    def __init__(self, platform, domain):
        self.platform, self.domain, self.ids, self.tokens = platform, domain, {}, {}
        for role in ("owner", "admin", "member"):
            address = f"{role}@{domain}"
            if role == "owner":
                platform.cli("domain", "add", domain, "--organisation", domain)
            platform.cli("account", "add", address, "--role", role, "--password-stdin", stdin=PASSWORD + "\n")
            self.tokens[role] = self.login(address)
            me = platform.http("GET", "/api/users/me", token=self.tokens[role])[2]
            self.ids[role], self.organisation = me["id"], me["organisation_id"]

    def login(self, address):
        status, _, tokens = self.platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})
        return tokens["access_token"] if status == 200 else None

    def ask(self, role, method, path, body=None):
        status, _, answer = self.platform.http(method, path, body, self.tokens[role])
        return status, answer


@pytest.fixture(scope="module")
def company(platform):
    return Company(platform, "people.test")


@pytest.fixture(scope="module")
def operator(platform):
    return platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})[2]["access_token"]


def test_an_organisation_is_seen_and_renamed_by_its_owner(platform, company, operator):
    path = f"/api/organisations/{company.organisation}"
    assert company.ask("owner", "GET", "/api/organisations")[1]["organisations"][0]["id"] == company.organisation
    assert len(company.ask("owner", "GET", "/api/organisations")[1]["organisations"]) == 1
    assert company.ask("member", "GET", "/api/organisations")[0] == 403
    assert company.ask("owner", "GET", "/api/organisations/1")[0] == 404
    assert company.ask("admin", "PATCH", path, {"name": "Mine"})[0] == 403
    assert company.ask("owner", "PATCH", path, {"name": "a\r\nb"})[1]["errors"][0]["pointer"] == "#/name"
    assert company.ask("owner", "PATCH", path, {"name": "People Ltd"})[1]["name"] == "People Ltd"
    assert company.ask("owner", "POST", path + "/suspend", {"reason": "x"})[0] == 403
    names = [one["name"] for one in platform.http("GET", "/api/organisations?limit=500", token=operator)[2]["organisations"]]
    assert "People Ltd" in names and len(names) > 1
    assert platform.json("organisation", "show", str(company.organisation))["name"] == "People Ltd"


def test_people_are_listed_with_filters(company):
    path = f"/api/organisations/{company.organisation}/accounts"
    status, body = company.ask("admin", "GET", path + "?limit=2")
    assert status == 200 and [one["role"] for one in body["accounts"]] == ["admin", "member"]
    status, rest = company.ask("admin", "GET", path + f"?limit=2&after={body['next']}")
    assert [one["role"] for one in rest["accounts"]] == ["owner"] and "next" not in rest
    assert len(company.ask("admin", "GET", path + "?role=owner&text=OWN&status=active&domain=people.test")[1]["accounts"]) == 1
    assert company.ask("admin", "GET", path + "?role=king")[0] == 400
    assert company.ask("member", "GET", path)[0] == 403
    assert company.ask("owner", "GET", "/api/organisations/1/accounts")[0] == 404


def test_nobody_gives_or_changes_a_role_above_their_own(company):
    owner, admin, member = (f"/api/accounts/{company.ids[role]}" for role in ("owner", "admin", "member"))
    assert company.ask("admin", "PATCH", member, {"role": "owner"})[0] == 403
    assert company.ask("admin", "PATCH", owner, {"display_name": "x"})[0] == 403
    assert company.ask("admin", "DELETE", owner)[0] == 403
    assert company.ask("owner", "PATCH", owner, {"role": "member"})[0] == 403
    assert company.ask("owner", "PATCH", member, {"role": "platform-admin"})[0] == 403
    assert company.ask("owner", "PATCH", member, {"role": "emperor"})[1]["errors"][0]["pointer"] == "#/role"
    assert company.ask("owner", "PATCH", member, {"display_name": "M", "role": "admin"})[1]["role"] == "admin"
    assert company.ask("admin", "PATCH", member, {"role": "member"})[1]["role"] == "member"
    assert company.ask("owner", "POST", owner + "/suspend", {"reason": "x"})[0] == 403
    assert company.ask("owner", "GET", "/api/accounts/1")[0] == 404
    assert company.ask("owner", "DELETE", "/api/accounts/1")[0] == 404
    status, _, problem = company.platform.http("GET", admin)
    assert status == 401, problem


def test_the_last_owner_stays(platform, company):
    failed = platform.cli("account", "change", "owner@people.test", "--role", "member", check=False)
    assert failed.returncode != 0 and "last owner" in failed.stderr


def test_a_suspension_ends_sessions_and_mail_at_once(platform, company):
    person = platform.add_account("sue@people.test")
    token, mail = company.login(person), platform.imap(person)
    mail.send(b"i IDLE\r\n")
    assert mail.readline().startswith(b"+")
    identity = platform.http("GET", "/api/users/me", token=token)[2]["id"]
    path = f"/api/accounts/{identity}"
    status, body = company.ask("admin", "POST", path + "/suspend", {"reason": "on leave"})
    assert status == 200 and (body["status"], body["reason"]) == ("suspended", "on leave")
    assert b"* BYE" in mail.readline()
    assert platform.http("GET", "/api/users/me", token=token)[0] == 401
    assert company.login(person) is None
    assert company.ask("admin", "POST", path + "/suspend", {"reason": "again"})[0] == 409
    with platform.smtp() as smtp:
        smtp.ehlo("client.test")
        smtp.mail("a@elsewhere.test")
        assert smtp.rcpt(person)[0] == 550
    assert company.ask("admin", "POST", path + "/restore")[1]["status"] == "active"
    assert company.login(person)


def test_deleted_then_restored(platform, company):
    person = platform.add_account("del@people.test")
    identity = platform.json("account", "show", person)["id"]
    status, body = company.ask("owner", "DELETE", f"/api/accounts/{identity}")
    assert status == 200 and body["status"] == "deleted" and body["purge_at"] > body["created_at"]
    assert company.login(person) is None
    with platform.smtp() as smtp:
        smtp.ehlo("client.test")
        smtp.mail("a@elsewhere.test")
        code, text = smtp.rcpt(person)
        assert code == 550 and b"5.2.1" in text
    assert company.ask("owner", "PATCH", f"/api/accounts/{identity}", {"role": "member"})[0] == 409
    assert company.ask("owner", "POST", f"/api/accounts/{identity}/restore")[1]["status"] == "active"
    assert company.login(person)
    lines = platform.http("GET", f"/api/audit?subject={person}", token=company.tokens["owner"])[2]["events"]
    assert {"account.delete", "account.restore"} <= {line["action"] for line in lines}


def test_an_organisation_is_suspended_and_restored(platform, operator):
    other = Company(platform, "shut.test")
    path = f"/api/organisations/{other.organisation}"
    status, _, body = platform.http("POST", path + "/suspend", {"reason": "unpaid"}, operator)
    assert status == 200 and body["status"] == "suspended"
    assert other.ask("owner", "GET", path)[0] == 401 and other.login("owner@shut.test") is None
    with platform.smtp() as smtp:
        smtp.ehlo("client.test")
        smtp.mail("a@elsewhere.test")
        assert smtp.rcpt("member@shut.test")[0] == 550
    platform.cli("organisation", "restore", str(other.organisation))
    assert other.login("owner@shut.test")
    # Nobody shuts themselves out.
    own = platform.http("GET", "/api/users/me", token=operator)[2]["organisation_id"]
    assert platform.http("POST", f"/api/organisations/{own}/suspend", {"reason": "x"}, operator)[0] == 403


@pytest.mark.one_machine("settings of its own")
def test_what_is_deleted_goes_for_good_after_the_grace(start_platform):
    platform = start_platform(OONRUMAIL_ACCOUNT_GRACE="1s", OONRUMAIL_ACCOUNT_UPKEEP_INTERVAL="1s")
    person = platform.add_account("gone@brief.test")
    platform.cli("account", "delete", person)
    wait_until(lambda: platform.cli("account", "show", person, check=False).returncode == 3)
    with platform.smtp() as smtp:
        smtp.ehlo("client.test")
        smtp.mail("a@elsewhere.test")
        code, text = smtp.rcpt(person)
        assert code == 550 and b"5.1.1" in text
    platform.add_account(person)
