"""Permissions on single domains: what each opens to a member and what it does not, over HTTP, SMTP and the command line."""
import concurrent.futures
import email
import json

import pytest
from platform_process import ADMIN, PASSWORD
from test_list_walks import documents

WORDS = ["manage", "send-as", "analytics", "users"]
# What each permission opens, by the routes of the service that has domains; everything else is closed to members.
SHOWN = {"manage", "analytics", "users"}
READ = {"manage", "analytics"}
OPENS = {
    "GET ": SHOWN, "GET /dns": READ, "GET /dns/history": READ, "GET /zone": READ, "GET /quota": READ, "GET /statistics": READ,
    "GET /accounts": {"users"}, "POST /accounts": {"users"},
    "GET /accounts/{email}/quota": {"users"}, "PUT /accounts/{email}/quota": {"users"},
}
# Closed to every member: whose the domain is, who signs in how, who may what, and how much room there is.
CLOSED = {
    "DELETE ", "POST /suspend", "POST /resume", "POST /restore", "POST /challenge", "PUT /quota", "GET /sso", "PUT /sso", "DELETE /sso",
    "GET /directory", "PUT /directory", "DELETE /directory", "POST /directory/test", "POST /directory/sync",
    "DELETE /directory/people/{account}",
    "POST /sso/check", "GET /sso/links", "DELETE /sso/links/{account}", "GET /permissions", "GET /permissions/{account}",
    "PUT /permissions/{account}", "DELETE /permissions/{account}", "GET /dns/connection", "PUT /dns/connection", "DELETE /dns/connection",
    "POST /dns/connection/check", "GET /dns/plan", "POST /dns/write",
}
# By what is asked for, not by the route; and what the world reads.
APART = {"POST /import", "GET /export", "GET /branding", "GET /branding/logo"}


def login(platform, user, password=PASSWORD):
    return platform.http("POST", "/api/auth/login", {"email": user, "password": password})[2].get("access_token")


class House:
    """An organisation with two domains, an owner, and a member for each permission on the first."""

    def __init__(self, platform, name):
        self.platform, self.name = platform, f"{name}.test"
        self.second = f"second-{name}.test"
        for domain in (self.name, self.second):
            platform.cli("domain", "add", domain, "--organisation", f"{name} company")
        self.owner = platform.add_account(f"owner@{self.name}")
        platform.cli("account", "change", self.owner, "--role", "owner")
        self.people = {word: platform.add_account(f"{word}@{self.name}") for word in WORDS}
        self.people["none"] = platform.add_account(f"none@{self.name}")
        self.tokens = {word: login(platform, one) for word, one in self.people.items()}
        self.tokens["owner"] = login(platform, self.owner)
        self.path = f"/api/domains/{self.name}"
        self.ids = {word: platform.http("GET", "/api/users/me", token=self.tokens[word])[2]["id"] for word in self.tokens}

    def ask(self, who, method, path, body=None):
        status, _, answer = self.platform.http(method, path, body, self.tokens[who])
        return status, answer

    def give(self, word, to=None, on=None):
        path = f"/api/domains/{on or self.name}/permissions/{self.ids[to or word]}"
        status, answer = self.ask("owner", "PUT", path, {"permissions": [word]})
        assert status == 200, answer
        return answer


@pytest.fixture(scope="module")
def house(platform):
    made = House(platform, "permit")
    for word in WORDS:
        made.give(word)
    return made


def test_every_route_of_a_domain_is_open_by_its_permissions_and_no_other(house):
    described, _ = documents(house.platform)
    routes = []
    for path, methods in described.items():
        if path == "/api/domains/{name}" or path.startswith("/api/domains/{name}/"):
            routes += [(method.upper(), path.removeprefix("/api/domains/{name}")) for method in methods if method in ("get", "put", "post", "patch", "delete")]
    names = {f"{method} {rest}" for method, rest in routes}
    assert CLOSED <= names and APART <= names and set(OPENS) <= names, (CLOSED | APART | set(OPENS)) - names
    wrong = []
    for method, rest in sorted(routes):
        name = f"{method} {rest}"
        if name in APART:
            continue
        opens = set() if name in CLOSED else OPENS.get(name, {"manage"})
        path = house.path + rest
        for parameter, value in [("email", house.people["none"]), ("account", str(house.ids["none"])), ("selector", "x"), ("address", f"x@{house.name}"), ("member", "x@y.test")]:
            path = path.replace("{%s}" % parameter, value)
        assert "{" not in path, path
        for who in [*WORDS, "none"]:
            # A body that nobody could mean: who is let in hears of it, and nothing changes.
            status, answer = house.ask(who, method, path, {"nonsense": 1} if method in ("PUT", "POST", "PATCH") else None)
            if (status != 403) != (who in opens) and not (status == 422 and method != "GET"):
                wrong.append((name, who, status, answer))
    assert not wrong


def test_what_is_refused_by_its_body_is_refused_by_permission_too(house):
    """Where a body is looked at first: bodies that are right."""
    bodies = {
        "PUT /policy": {}, "PUT /quota": {"hard_bytes": 10**12}, "POST /dkim": {}, "PUT /catch-all": {"action": "reject"},
        "POST /aliases": {"address": f"try@{house.name}", "targets": [house.owner]},
        "POST /lists": {"address": f"all@{house.name}", "name": "All"},
        "POST /accounts": {"email": f"made@{house.name}", "password": PASSWORD},
        "POST /suspend": {"reason": "r"}, f"PUT /permissions/{house.ids['none']}": {"permissions": ["manage"]},
    }
    for name, body in bodies.items():
        method, rest = name.split(" ")
        opens = set() if name in CLOSED or "permissions" in name else OPENS.get(name, {"manage"})
        for who in [word for word in [*WORDS, "none"] if word not in opens]:
            assert house.ask(who, method, house.path + rest, body)[0] == 403, (name, who)


def test_who_manages_a_domain_manages_it_and_no_other(house):
    assert house.ask("manage", "POST", house.path + "/aliases", {"address": f"info@{house.name}", "targets": [house.owner]})[0] == 201
    assert house.ask("manage", "GET", house.path + "/aliases")[1]["aliases"]
    assert house.ask("manage", "PUT", house.path + "/policy", {"maximum_size": 1_000_000})[0] in (200, 422)
    for path in (f"/api/domains/{house.second}", "/api/domains/example.test", "/api/domains/nowhere.test", "/api/domains/x%0d%0a"):
        assert house.ask("manage", "GET", path)[0] == 403
    assert [one["name"] for one in house.ask("manage", "GET", "/api/domains")[1]["domains"]] == [house.name]
    assert house.ask("none", "GET", "/api/domains")[0] == 403
    assert house.ask("manage", "POST", "/api/domains", {"name": "new-permit.test"})[0] == 403
    assert house.ask("manage", "GET", house.path + "/export?kind=aliases")[0] == 200
    assert house.ask("manage", "GET", house.path + "/export?kind=accounts")[0] == 403
    assert house.ask("users", "GET", house.path + "/export?kind=accounts")[0] == 200
    assert house.ask("users", "GET", house.path + "/export?kind=aliases")[0] == 403


def test_who_manages_users_manages_members_and_nobody_above(house):
    status, made = house.ask("users", "POST", house.path + "/accounts", {"email": f"new@{house.name}", "password": PASSWORD})
    assert status == 201, made
    assert house.ask("users", "POST", house.path + "/accounts", {"email": f"boss@{house.name}", "password": PASSWORD, "role": "admin"})[0] == 403
    account = f"/api/accounts/{made['id']}"
    assert house.ask("users", "GET", account)[0] == 200
    assert house.ask("users", "PATCH", account, {"display_name": "New"})[0] == 200
    assert house.ask("users", "PATCH", account, {"role": "admin"})[0] == 403
    assert house.ask("users", "PUT", account + "/password", {"new_password": "another long password"})[0] in (200, 204)
    assert house.ask("users", "POST", account + "/suspend", {"reason": "r"})[0] == 200
    assert house.ask("users", "POST", account + "/restore")[0] == 200
    assert house.ask("users", "POST", account + "/addresses", {"email": f"extra@{house.name}"})[0] == 201
    assert house.ask("users", "POST", account + "/addresses", {"email": f"extra@{house.second}"})[0] == 403
    # Owners, who has a permission, oneself, people elsewhere, and nobody: all the same answer.
    operator = house.platform.http("GET", "/api/users/me", token=login(house.platform, ADMIN))[2]["id"]
    for other in (house.ids["owner"], house.ids["manage"], house.ids["users"], operator, 10**9):
        for method, rest, body in [
            ("GET", "", None), ("PATCH", "", {"display_name": "x"}), ("PUT", "/password", {"new_password": "another long password"}),
            ("POST", "/suspend", {"reason": "r"}), ("DELETE", "", None), ("POST", "/act", {"reason": "r"}), ("GET", "/addresses", None),
        ]:
            assert house.ask("users", method, f"/api/accounts/{other}{rest}", body)[0] == 403, (other, method, rest)
    # An address elsewhere takes the account out of reach.
    assert house.ask("owner", "POST", account + "/addresses", {"email": f"new@{house.second}"})[0] == 201
    assert house.ask("users", "GET", account)[0] == 403
    organisation = house.ask("owner", "GET", "/api/users/me")[1]["organisation_id"]
    invite = f"/api/organisations/{organisation}/invitations"
    assert house.ask("users", "POST", invite, {"email": f"guest@{house.name}"})[0] == 201
    assert house.ask("users", "POST", invite, {"email": f"guest@{house.name}", "role": "owner"})[0] == 403
    assert house.ask("users", "POST", invite, {"email": f"guest@{house.second}"})[0] == 403
    assert house.ask("users", "POST", f"/api/organisations/{organisation + 1}/invitations", {"email": f"two@{house.name}"})[0] in (403, 404)
    for who in ("manage", "analytics", "send-as", "none"):
        assert house.ask(who, "GET", account)[0] == 403
        assert house.ask(who, "POST", invite, {"email": f"guest2@{house.name}"})[0] == 403
    assert house.ask("users", "GET", f"/api/registrations?domain={house.name}")[0] == 200
    assert house.ask("users", "GET", "/api/registrations")[0] == 403
    assert house.ask("users", "GET", f"/api/registrations?domain={house.second}")[0] == 403
    assert house.ask("users", "POST", "/api/registrations/1/approve")[0] == 403


def send(house, who, envelope, header):
    lines = f"From: <{header}>\r\nTo: {house.owner}\r\nSubject: by permission\r\n\r\nA line.\r\n"
    with house.platform.submission(house.people[who]) as client:
        client.ehlo()
        code = client.mail(f"<{envelope}>")[0]
        if code != 250:
            return code
        assert client.rcpt(f"<{house.owner}>")[0] == 250
        return client.data(lines)[0]


def test_who_sends_for_a_domain_has_every_address_of_it(house):
    for sender in (f"sales@{house.name}", house.owner, f"Anything+x@{house.name.upper()}"):
        assert send(house, "send-as", sender, sender) == 250
    assert send(house, "send-as", house.people["send-as"], f"sales@{house.name}") == 250
    for sender in (f"sales@{house.second}", ADMIN, f"sales@sub.{house.name}", f"sales@{house.name}.evil.test"):
        assert send(house, "send-as", sender, sender) == 550
        assert send(house, "send-as", house.people["send-as"], sender) == 550
    for who in ("manage", "analytics", "users", "none"):
        assert send(house, who, f"sales@{house.name}", f"sales@{house.name}") == 550
    header = email.message_from_bytes(house.platform.messages(house.owner)[-1])
    assert header["Sender"] is None


def test_permissions_are_seen_taken_and_in_the_audit(house):
    status, page = house.ask("owner", "GET", house.path + "/permissions?sort=-email")
    assert status == 200
    listed = [(one["email"], one["permissions"]) for one in page["permissions"]]
    assert sorted(listed) == sorted((house.people[word], [word]) for word in WORDS) and listed == sorted(listed, reverse=True)
    assert house.ask("owner", "GET", house.path + "/permissions?permission=users")[1]["permissions"][0]["email"] == house.people["users"]
    assert house.ask("owner", "GET", house.path + "/permissions?permission=all")[0] == 400
    own = house.ask("users", "GET", "/api/users/me/domain-permissions")[1]["permissions"]
    assert [(one["domain"], one["permissions"]) for one in own] == [(house.name, ["users"])]
    one = house.platform.add_account(f"brief@{house.name}")
    assert [row["permissions"] for row in house.platform.json("permission", "give", house.name, one, "users", "manage")] == [["manage", "users"]]
    token = login(house.platform, one)
    assert house.platform.http("GET", house.path + "/aliases", token=token)[0] == 200
    assert len(house.platform.json("permission", "list", house.name)) == len(WORDS) + 1
    house.platform.cli("permission", "take", house.name, one)
    # At once, with the token that there is.
    assert house.platform.http("GET", house.path + "/aliases", token=token)[0] == 403
    assert house.platform.cli("permission", "take", house.name, one, check=False).returncode != 0
    assert house.platform.cli("permission", "give", house.name, one, "everything", check=False).returncode != 0
    assert house.platform.cli("permission", "give", "example.test", one, "users", check=False).returncode != 0
    lines = house.ask("owner", "GET", "/api/audit?action=domain.permissions&limit=2")[1]["events"]
    assert [(line["actor"], line["subject"]) for line in lines] == [("cli", house.name)] * 2
    assert json.loads(lines[0]["detail"])["permissions"] == {"before": "manage users", "after": ""}
    for body in ({"permissions": []}, {"permissions": ["root"]}, {"permissions": "users"}, {"permissions": ["users"], "domain": "x"}):
        assert house.ask("owner", "PUT", f"{house.path}/permissions/{house.ids['none']}", body)[0] in (400, 422), body
    operator = house.platform.http("GET", "/api/users/me", token=login(house.platform, ADMIN))[2]["id"]
    assert house.ask("owner", "PUT", f"{house.path}/permissions/{operator}", {"permissions": ["users"]})[0] == 404
    assert house.ask("owner", "DELETE", f"{house.path}/permissions/{house.ids['none']}")[0] == 404


@pytest.mark.one_machine("settings of its own")
def test_so_many_and_no_more_at_once(start_platform):
    platform = start_platform(OONRUMAIL_DOMAIN_PERMISSIONS="2")
    house = House(platform, "many")
    path = f"{house.path}/permissions/"
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda word: house.ask("owner", "PUT", path + str(house.ids[word]), {"permissions": ["users"]})[0], WORDS))
    assert sorted(given) == [200, 200, 409, 409]
