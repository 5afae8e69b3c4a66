"""Lists of the HTTP interface: each is paged, sorted and filtered, and what pages show is what there is.

The first half reads the documents: a list that somebody adds must take `limit`, `after`, `sort` and filters, or have its reason here.
The second makes rows and walks every list by pages of several lengths in every order that the document names.
"""
import json
import re
import urllib.parse
import urllib.request

import pytest
from platform_process import ADMIN, PASSWORD, ROOT

DOMAIN = "walks.test"
OWNER = f"owner@{DOMAIN}"

# Lists with one order, and why nobody would want another.
ONE_ORDER = {
    "/api/audit": "lines are numbered as they were written, which is their time",
    "/api/flags": "a flag has nothing but its name",
    "/api/users/me/addresses": "an address is all there is",
    "/api/accounts/{id}/addresses": "an address is all there is",
    "/api/accounts/{id}/mailboxes": "a mailbox has nothing but its name",
    "/api/accounts/{id}/mailboxes/{mailbox}/rights": "an identifier has nothing beside what it may do",
}
# Answers with a list in them that is no list of things one would leaf through, and why.
NO_LISTS = {
    "/api/certificates/{host}": "the ports of one name",
}
# GET routes whose answer is no JSON.
NO_JSON = {
    "/api/domains/{name}/zone", "/api/domains/dkim-zone", "/api/domains/{name}/export", "/api/users/me/avatar",
    "/api/accounts/{id}/avatar", "/api/domains/{name}/branding/logo", "/api/auth/sso/start", "/api/auth/sso/callback",
}


def documents(platform):
    """The paths of every service, and how to resolve what they point at."""
    paths, components = {}, {}
    for port in platform.http_ports:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/openapi.json", timeout=20) as answer:
            document = json.load(answer)
        paths.update(document["paths"])
        components.update(document["components"]["schemas"])

    def resolved(schema):
        while "$ref" in schema:
            schema = components[schema["$ref"].rpartition("/")[2]]
        return schema

    return paths, resolved


def answered(operation, resolved):
    content = operation["responses"].get("200", {}).get("content", {}).get("application/json")
    return resolved(content["schema"]) if content else None


def lists(platform):
    """Every list by its path: the member that has the items, and the query's parameters with their schemas."""
    paths, resolved = documents(platform)
    found = {}
    for path, methods in paths.items():
        schema = answered(methods["get"], resolved) if "get" in methods and path.startswith("/api/") else None
        if schema is None or path in NO_LISTS:
            continue
        members = schema.get("properties", {})
        arrays = [name for name, member in members.items() if resolved(member).get("type") == "array"]
        if schema.get("type") == "array" or (arrays and set(members) <= {*arrays[:1], "next"}):
            query = {one["name"]: one["schema"] for one in methods["get"].get("parameters", []) if one["in"] == "query"}
            found[path] = (arrays[0] if arrays else "", query)
    return found


# What is described


def test_every_answer_is_described(platform):
    """A list without a schema would be none for the tests below."""
    paths, resolved = documents(platform)
    bare = {
        path for path, methods in paths.items()
        if path.startswith("/api/") and "get" in methods and answered(methods["get"], resolved) is None
    }
    assert bare <= NO_JSON, bare - NO_JSON
    assert not any(path in paths and answered(paths[path]["get"], resolved) for path in NO_JSON)


def test_every_list_takes_pages_orders_and_filters(platform):
    known = lists(platform)
    assert len(known) >= 28, sorted(known)
    for path, (_, query) in known.items():
        assert {"limit", "after", "sort"} <= set(query), path
        orders = set(query["sort"]["enum"])
        if path != "/api/search":
            assert {f"-{one}" for one in orders if one[0] != "-"} == {one for one in orders if one[0] == "-"}, path
        count = len({one.lstrip("-") for one in orders})
        assert (count >= 2) != (path in ONE_ORDER), (path, orders)
        assert set(query) - {"limit", "after", "before", "sort"}, f"{path} has no filter"
    assert set(ONE_ORDER) <= set(known) and not set(NO_LISTS) & set(known)


def test_the_documentation_has_every_list(platform):
    table = {}
    for line in (ROOT / "docs/API_DOCUMENTATION.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| `/api/") and len(cells) == 3:
            table[cells[0].strip("`")] = tuple(sorted(re.findall(r"`([^`]+)`", cell)) for cell in cells[1:])
    described = {
        path: (
            sorted({order.lstrip("-") for order in query["sort"]["enum"]}),
            sorted(set(query) - {"limit", "after", "before", "sort"}),
        )
        for path, (_, query) in lists(platform).items()
    }
    # Without an index there is no search.
    if "/api/search" not in described:
        del table["/api/search"]
    assert table == described


# What is there


class House:
    """An organisation with something in each of its lists."""

    def __init__(self, platform):
        self.platform = platform
        platform.cli("domain", "add", DOMAIN, "--organisation", "Walks")
        self.add(OWNER, "owner")
        self.tokens = {"owner": self.sign_in(OWNER), "operator": self.sign_in(ADMIN)}
        me = self.get("owner", "/api/users/me")
        self.organisation, self.owner = me["organisation_id"], me["id"]
        self.fill()

    def add(self, address, role="member"):
        self.platform.cli(
            "account", "add", address, "--role", role, "--password-stdin", stdin=PASSWORD + "\n"
        )

    def sign_in(self, address):
        status, _, body = self.platform.http("POST", "/api/auth/login", {"email": address, "password": PASSWORD})
        assert status == 200, body
        return body["access_token"]

    def ask(self, who, method, path, body=None):
        status, headers, answer = self.platform.http(method, path, body, self.tokens[who])
        return status, headers, answer

    def get(self, who, path):
        status, _, body = self.ask(who, "GET", path)
        assert status == 200, (path, body)
        return body

    def made(self, path, body, who="owner", method="POST"):
        status, _, answer = self.ask(who, method, path, body)
        assert status in (200, 201, 204), (path, body, answer)
        return answer

    def fill(self):
        domain = f"/api/domains/{DOMAIN}"
        people = [f"{name}@{DOMAIN}" for name in ("ann", "bob", "Cy", "dee")]
        for address in people:
            self.add(address)
        for name in ("a_b", "a-b", "B", "a%c", "z"):
            self.made(f"{domain}/aliases", {"address": f"x{name}@{DOMAIN}", "targets": [people[len(name) % 4], f"{name}@away.test"]})
            self.made(f"{domain}/lists", {"address": f"l{name.replace('%', '.')}@{DOMAIN}", "name": f"List {len(name)}", "posting": "members"})
            self.made("/api/users/me/masked-addresses", {"label": f"Label {len(name)}", "site": f"{name.strip('%_')}.example"})
            self.made(f"/api/users/me/sieve-scripts/{urllib.parse.quote(name)}", {"text": "keep;" + "#" * len(name)}, method="PUT")
            self.made("/api/users/me/app-passwords", {"name": f"Device {name}", "scopes": ["imap"] if len(name) == 1 else ["imap", "smtp"]})
            self.made(f"/api/organisations/{self.organisation}/invitations", {"email": f"i{name}@{DOMAIN}", "role": "admin" if name == "B" else "member"})
            self.made(f"/api/accounts/{self.owner}/addresses", {"email": f"o{name}@{DOMAIN}"})
            self.made("/api/shared-accounts", {"email": f"s{name}@{DOMAIN}", "display_name": f"Team {len(name)}"})
            self.made("/api/oauth/clients", {"name": f"Program {name}", "redirect_uris": ["https://program.test/"], "scopes": ["openid"], "kind": "public" if name == "B" else "confidential"})
            number = len(name) + ord(name[-1])
            ban = {"network": f"203.0.113.{number}", "reason": f"test {name}", "kind": "exemption" if name == "B" else "ban"}
            self.made("/api/bans", {**ban, "seconds": 3_600 + number} if name != "z" else ban, who="operator")
        self.made("/api/users/me/sieve-scripts/B/activate", {})
        for address in people[:3]:
            for kind in ("send-as", "send-on-behalf"):
                self.made("/api/users/me/sending-grants", {"kind": kind, "to": address})
        self.made(f"{domain}/lists/lz@{DOMAIN}/members", {"members": people + ["Out@away.test", "a_b@away.test"]})
        rows = self.get("owner", f"{domain}/accounts")["accounts"]
        for number, row in enumerate(row for row in rows if row["role"] == "member"):
            wish = {"permissions": ["users", "manage"] if number % 2 else ["users"]}
            self.made(f"{domain}/permissions/{row['id']}", wish, method="PUT")
        for _ in range(3):
            self.sign_in(OWNER)
        for name in ("more", "less"):
            self.made("/api/domains", {"name": f"{name}.{DOMAIN}"})
        self.made(f"{domain}/dkim", {})

    def paths(self, known):
        """Each list's address, with something in place of names, and who asks; those of which nobody here has rows are left out."""
        masks = self.get("owner", f"/api/accounts/{self.owner}/mailboxes")["mailboxes"]
        values = {"name": DOMAIN, "address": f"lz@{DOMAIN}", "mailbox": masks[0]["id"]}
        for path in known:
            values["id"] = self.organisation if path.startswith("/api/organisations/") else self.owner
            place = path
            for name, value in values.items():
                place = place.replace("{%s}" % name, str(value))
            # An owner sees one organisation, an operator all.
            for who in ("operator",) if path == "/api/organisations" else ("owner", "operator"):
                if self.ask(who, "GET", place)[0] == 200:
                    yield path, place, who
                    break


@pytest.fixture(scope="module")
def house(platform):
    return House(platform)


def walk(house, who, place, items, query, length):
    """All rows by following `next`, page by page."""
    rows, after = [], None
    for _ in range(1_000):
        asked = {**query, "limit": length, **({"after": after} if after else {})}
        page = house.get(who, f"{place}?{urllib.parse.urlencode(asked)}")
        assert len(page[items]) <= length
        rows += page[items]
        after = page.get("next")
        if after is None:
            return rows
        assert len(page[items]) == length, "a page that another follows is full"
    raise AssertionError(f"{place} does not end")


def text(rows):
    return [json.dumps(row, sort_keys=True) for row in rows]


def steady(rows):
    """Without what grows while the test asks."""
    return [{name: value for name, value in row.items() if not name.startswith("last_")} if isinstance(row, dict) else row for row in rows]


# With too few rows here: their stores' tests walk them.
SCARCE = {
    "/api/sign-ups", "/api/registrations", "/api/organisations/{id}/webhook/deliveries", "/api/domains/{name}/sso/links", "/api/search",
    "/api/users/me/passkeys", "/api/users/me/applications", "/api/users/me/shared-mailboxes", "/api/domains/{name}/dns/history",
    "/api/accounts/{id}/mailboxes/{mailbox}/rights", "/api/flags", "/api/certificates", "/api/users/me/domain-permissions",
}


def test_every_list_is_walked_whole_in_every_order(platform, house):
    known = lists(platform)
    walked = set()
    for path, place, who in house.paths(known):
        items, query = known[path]
        filters = {}
        if path == "/api/audit":
            # Lines come while the test asks.
            filters = {"actor": OWNER}
        for order in query["sort"]["enum"]:
            if path == "/api/search":
                break
            name = order.lstrip("-")
            whole = steady(house.get(who, f"{place}?{urllib.parse.urlencode({**filters, 'sort': order, 'limit': 500})}")[items])
            assert len(set(text(whole))) == len(whole), path
            if len(whole) > 1:
                walked.add(path)
            for length in (1, 2, 7):
                assert text(steady(walk(house, who, place, items, {**filters, "sort": order}, length))) == text(whole), (path, order, length)
            back = name if order[0] == "-" else f"-{name}"
            other = steady(house.get(who, f"{place}?{urllib.parse.urlencode({**filters, 'sort': back, 'limit': 500})}")[items])
            assert text(other) == text(whole)[::-1], (path, order)
            if whole and isinstance(whole[0], dict) and name in whole[0] and name != "targets":
                keys = [row.get(name) or "" for row in whole]
                keys = [key.lower().encode() if isinstance(key, str) and "@" in key else key.encode() if isinstance(key, str) else key for key in keys]
                assert keys == sorted(keys, reverse=order[0] == "-"), (path, order, keys)
    assert set(known) - SCARCE <= walked, sorted(set(known) - SCARCE - walked)


def test_filters_are_those_of_the_whole_list(platform, house):
    domain = f"/api/domains/{DOMAIN}"

    def asked_by(place):
        return "operator" if place == "/api/bans" else "owner"

    def has(part):
        return lambda *texts: any(part.lower() in text.lower() for text in texts)

    checks = [
        (f"{domain}/aliases", "aliases", "address", ["xa", "XA_", "x%", "nobody"], lambda row, value: row["address"].lower().startswith(value.lower())),
        (f"{domain}/aliases", "aliases", "target", ["a", f"ann@{DOMAIN}", "_"], lambda row, value: any(one.lower().startswith(value) for one in row["targets"])),
        (f"{domain}/aliases", "aliases", "text", ["A_B", "away", "%"], lambda row, value: has(value)(row["address"], *row["targets"])),
        (f"{domain}/lists", "lists", "posting", ["members", "named"], lambda row, value: row["posting"] == value),
        (f"{domain}/lists", "lists", "text", ["list 1", "LA_"], lambda row, value: has(value)(row["address"], row["name"])),
        (f"{domain}/lists/lz@{DOMAIN}/members", "members", "domain", ["away.test", "AWAY.test"], lambda row, value: row.endswith("@" + value.lower())),
        (f"{domain}/lists/lz@{DOMAIN}/members", "members", "text", ["cy", "_"], lambda row, value: has(value)(row)),
        ("/api/users/me/masked-addresses", "masked_addresses", "site", ["B.example", "b.example"], lambda row, value: row["site"] == value),
        ("/api/users/me/masked-addresses", "masked_addresses", "is_enabled", ["true", "false"], lambda row, value: row["is_enabled"] == (value == "true")),
        ("/api/users/me/masked-addresses", "masked_addresses", "text", ["label 3", "Z.EX"], lambda row, value: has(value)(row["address"], row["label"], row["site"])),
        ("/api/users/me/identities", "identities", "kind", ["own", "masked", "alias"], lambda row, value: row["kind"] == value),
        ("/api/users/me/identities", "identities", "text", ["OA", "%"], lambda row, value: has(value)(row["email"], row["name"])),
        ("/api/users/me/sieve-scripts", "sieve_scripts", "is_active", ["true", "false"], lambda row, value: row["is_active"] == (value == "true")),
        ("/api/users/me/sieve-scripts", "sieve_scripts", "text", ["A", "_", "%"], lambda row, value: has(value)(row["name"])),
        ("/api/users/me/app-passwords", "app_passwords", "scope", ["imap", "smtp", "sieve"], lambda row, value: value in row["scopes"]),
        ("/api/bans", "bans", "kind", ["ban", "exemption"], lambda row, value: row["kind"] == value),
        ("/api/bans", "bans", "state", ["in_force", "over"], lambda row, value: row["state"] == value),
        ("/api/bans", "bans", "is_automatic", ["true", "false"], lambda row, value: row["is_automatic"] == (value == "true")),
        ("/api/bans", "bans", "text", ["TEST a", "113.12"], lambda row, value: has(value)(row["network"], row["reason"], row["made_by"])),
        ("/api/users/me/app-passwords", "app_passwords", "text", ["DEVICE a"], lambda row, value: has(value)(row["name"])),
        (f"/api/organisations/{house.organisation}/invitations", "invitations", "role", ["admin", "member"], lambda row, value: row["role"] == value),
        (f"/api/organisations/{house.organisation}/invitations", "invitations", "text", ["ia"], lambda row, value: has(value)(row["email"], row["display_name"], row.get("contact", ""))),
        (f"/api/accounts/{house.owner}/addresses", "addresses", "text", ["oa", "%"], lambda row, value: has(value)(row["email"])),
        ("/api/shared-accounts", "shared_accounts", "text", ["team 3", "SB"], lambda row, value: has(value)(row["email"], row["display_name"])),
        ("/api/shared-accounts", "shared_accounts", "status", ["active", "suspended"], lambda row, value: row["status"] == value),
        ("/api/oauth/clients", "clients", "kind", ["public", "confidential"], lambda row, value: row["kind"] == value),
        ("/api/oauth/clients", "clients", "text", ["program A"], lambda row, value: has(value)(row["name"], row["client_id"])),
        ("/api/users/me/sending-grants", "sending_grants", "kind", ["send-as", "send-on-behalf"], lambda row, value: row["kind"] == value),
        ("/api/users/me/sending-grants", "sending_grants", "grantee", ["ann", "c"], lambda row, value: row["grantee"].lower().startswith(value)),
        ("/api/sending-grants", "sending_grants", "text", ["BOB@"], lambda row, value: has(value)(row["address"], row["grantee"])),
        ("/api/users/me/sessions", "sessions", "text", ["python", "nothing of it"], lambda row, value: has(value)(row["device"], row.get("last_used_from", ""))),
        (f"{domain}/accounts", "accounts", "role", ["owner", "member"], lambda row, value: row["role"] == value),
        (f"{domain}/permissions", "permissions", "permission", ["users", "manage", "send-as"], lambda row, value: value in row["permissions"]),
        (f"{domain}/dkim", "keys", "state", ["signing", "published", "retired"], lambda row, value: row["state"] == value),
        ("/api/domains", "domains", "status", ["verified", "pending"], lambda row, value: row["status"] == value),
    ]
    for place, items, name, values, holds in checks:
        who = asked_by(place)
        whole = steady(house.get(who, f"{place}?limit=500")[items])
        for value in values:
            rows = steady(walk(house, who, place, items, {name: value}, 2))
            assert text(rows) == text([row for row in whole if holds(row, value)]), (place, name, value)
    assert all(house.get(asked_by(place), f"{place}?limit=500")[items] for place, items, *_ in checks)


def test_what_a_list_does_not_take_is_told(platform, house):
    known = lists(platform)
    for path, place, who in house.paths(known):
        _, query = known[path]
        bad = ["limit=0", "limit=501", "sort=colour", "sort=", "after=x", "after=x.y", "after=" + "x" * 1_001]
        for name, schema in query.items():
            if name != "sort" and (schema.get("enum") or schema.get("type") == "boolean"):
                bad.append(f"{name}=colour")
            elif name == "organisation_id" and path.startswith("/api/domains/"):
                # Whose claim is meant, where several organisations claim the name.
                continue
            elif name in ("since", "until", "organisation_id"):
                bad.append(f"{name}=colour")
            elif name not in ("limit", "after", "before", "sort"):
                bad.append(f"{name}=a%00b")
        for one in bad:
            status, _, problem = house.ask(who, "GET", f"{place}?{one}")
            assert status == 400 and problem["type"] == "/problems/bad-request" and "The query's" in problem["detail"], (path, one, problem)


def test_a_place_is_good_in_its_list_and_order_alone(platform, house):
    known = lists(platform)
    places = {}
    for path, place, who in house.paths(known):
        items, query = known[path]
        for order in query["sort"]["enum"]:
            page = house.get(who, f"{place}?sort={order}&limit=1")
            if "next" in page:
                places[(path, place, who, order)] = urllib.parse.quote(page["next"])
    assert len(places) > 50
    for (path, place, who, order), after in places.items():
        assert house.ask(who, "GET", f"{place}?sort={order}&after={after}")[0] == 200
        for other in known[path][1]["sort"]["enum"]:
            if other != order:
                assert house.ask(who, "GET", f"{place}?sort={other}&after={after}")[0] == 400, (path, order, other)
    names = list(places)
    for one, (path, place, who, order) in zip(names[1:] + names[:1], names):
        if one[1] != place:
            status, _, problem = house.ask(who, "GET", f"{place}?sort={order}&after={places[one]}")
            assert status == 400 and "after" in problem["detail"], (path, one)
    # Another's list of the same name is another list.
    status, _, _ = house.platform.http(
        "GET", "/api/users/me/sessions?after=" + places[("/api/users/me/sessions", "/api/users/me/sessions", "owner", "created_at")] + "&sort=created_at",
        token=house.tokens["operator"],
    )
    assert status == 400


# The command line


def test_commands_take_the_filters_too(platform, house):
    def column(name, *arguments):
        return [row[name] for row in platform.json(*arguments)]

    assert column("alias", "alias", "list", "--domain", DOMAIN, "--address", "XA") == [f"xa%c@{DOMAIN}", f"xa-b@{DOMAIN}", f"xa_b@{DOMAIN}"]
    assert column("alias", "alias", "list", "--domain", DOMAIN, "--text", "Z@AWAY") == [f"xz@{DOMAIN}"]
    assert column("alias", "alias", "list", "--domain", DOMAIN, "--target", "b@") == [f"xB@{DOMAIN}"]
    assert column("address", "list", "list", "--domain", DOMAIN, "--posting", "named") == []
    assert column("address", "list", "list", "--text", f"LZ@{DOMAIN}") == [f"lz@{DOMAIN}"]
    assert column("label", "masked", "list", OWNER, "--site", "B.example") == ["Label 1"]
    assert column("label", "masked", "list", OWNER, "--enabled", "false") == []
    assert column("email", "invitation", "list", str(house.organisation), "--role", "admin") == [f"iB@{DOMAIN}"]
    assert column("kind", "grant", "list", OWNER, "--kind", "send-as", "--text", "ann") == ["send-as"]
    assert column("email", "account", "list", "--domain", DOMAIN, "--role", "owner") == [OWNER]
    assert column("email", "account", "list", "--domain", DOMAIN, "--email", "AN", "--status", "active") == [f"ann@{DOMAIN}"]
    assert column("name", "domain", "list", "--status", "pending", "--name", f"more.{DOMAIN}") == [f"more.{DOMAIN}"]
    assert column("name", "organisation", "list", "--text", "WALKS") == ["Walks"]
    assert column("name", "oauth-client", "list", "--text", "program B") == ["Program B"]
    wrong = platform.cli("grant", "list", "--kind", "colour", check=False)
    assert wrong.returncode == 64 and "send-as" in wrong.stderr
