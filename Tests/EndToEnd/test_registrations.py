"""People who register on a domain whose policy allows it: by their own proof, or by a manager's decision."""
import time

import pytest
from platform_process import PASSWORD, wait_until
from test_people import Company
from test_recovery import login, mails, token_in

PATH = "/api/registrations"


class House(Company):
    def __init__(self, platform, domain, mode=None):
        super().__init__(platform, domain)
        self.contacts = 0
        if mode:
            assert self.let(mode)[0] == 200

    def let(self, mode, role="owner"):
        return self.ask(role, "PUT", f"/api/domains/{self.domain}/policy", {"registration": mode})

    def contact(self):
        self.contacts += 1
        return self.platform.add_account(f"c{self.contacts}-{self.domain.split('.')[0]}@register-contact.test")

    def register(self, email, contact, **more):
        return self.platform.http("POST", PATH, {"email": email, "contact": contact} | more)

    def verify(self, token, password=PASSWORD):
        return self.platform.http("POST", f"{PATH}/verify", {"token": token, "password": password})

    def proved(self, email):
        """The answer to a registration whose token was shown."""
        contact = self.contact()
        assert self.register(email, contact)[0] == 202
        return contact, self.verify(token_in(self.platform, contact))

    def waiting(self, role="owner", query=""):
        status, answer = self.ask(role, "GET", PATH + query)
        return [one["email"] for one in answer["registrations"]] if status == 200 else status


@pytest.fixture(autouse=True, scope="module")
def many(platform):
    """All tests ask from one address."""
    assert int(platform.settings["OONRUMAIL_REGISTRATION_REQUESTS"]) > 1000


def test_open_a_proved_contact_has_an_account(platform):
    house = House(platform, "reg-open.test")
    contact = house.contact()
    # Closed as long as nobody opens it, and answered as a domain that is not hosted.
    closed = house.register("neo@reg-open.test", contact)
    assert closed[0] == 403 and closed[2] == house.register("neo@nowhere.test", contact)[2]
    assert house.let("open", "member")[0] == 403
    assert house.let("wide")[0] in (400, 422)
    assert house.let("open", "admin")[0] == 200
    began = time.monotonic()
    accepted = house.register("Neo@reg-open.test", contact, display_name="Neo \"N\"")
    assert accepted[0] == 202 and accepted[2] == {"status": "accepted"} and time.monotonic() - began >= 0.5
    # An address that is taken is answered, and mailed to, the same.
    other = house.contact()
    assert house.register("member@reg-open.test", other)[2] == accepted[2]
    taken = token_in(platform, other)
    secret = token_in(platform, contact)
    mail = mails(platform, contact)[0]
    assert mail["From"].endswith("<postmaster@reg-open.test>") and "d=reg-open.test" in mail["DKIM-Signature"]
    shapes = [one.get_content().replace(secret, "").replace(taken, "").replace("Neo@", "member@")
              for one in (mail, mails(platform, other)[0])]
    assert shapes[0] == shapes[1]
    assert login(platform, "neo@reg-open.test") is None
    # The password goes by the policy of the domain's organisation.
    path = f"/api/organisations/{house.organisation}/sign-in-policy"
    assert platform.http("PATCH", path, {"minimum_length": 30}, house.tokens["owner"])[0] == 200
    status, _, problem = house.verify(secret)
    assert status == 422 and problem["errors"][0]["pointer"] == "#/password" and "30" in problem["errors"][0]["detail"]
    assert platform.http("PATCH", path, {"minimum_length": None}, house.tokens["owner"])[0] == 200
    status, _, made = house.verify(f" {secret}\r\n")
    assert status == 201 and made["email"] == "Neo@reg-open.test" and made["organisation_id"] == house.organisation
    for _ in range(3):
        assert house.verify(secret)[0] == 422
    assert house.verify("x" * 43)[0] == 422
    status, _, problem = house.verify(taken)
    assert status == 409 and "member" not in problem["detail"]
    # The account is a member that takes mail, signs in and recovers by the contact.
    token = login(platform, "neo@reg-open.test")
    me = platform.http("GET", "/api/users/me", token=token)[2]
    assert (me["role"], me["display_name"]) == ("member", "Neo \"N\"")
    assert platform.http("GET", "/api/users/me/recovery-address", token=token)[2]["address"] == contact
    platform.imap("neo@reg-open.test").logout()
    with platform.submission("neo@reg-open.test") as client:
        client.sendmail("neo@reg-open.test", ["owner@reg-open.test"], b"From: neo@reg-open.test\r\nSubject: hello\r\n\r\nI am here.\r\n")
    assert any(mail["Subject"] == "hello" for mail in mails(platform, "owner@reg-open.test"))
    trail = platform.http("GET", "/api/audit?subject=neo@reg-open.test", token=house.tokens["owner"])[2]["events"]
    assert "registration.complete" in [one["action"] for one in trail]
    for log in platform.logs:
        assert secret not in log.read_text()


def test_by_approval_its_managers_decide(platform):
    house, other = House(platform, "reg-ask.test", "approval"), House(platform, "reg-other.test", "approval")
    contact, (status, _, answer) = house.proved("ann@reg-ask.test")
    assert status == 202 and answer == {"status": "waiting"} and login(platform, "ann@reg-ask.test") is None
    refused, _ = house.proved("bob@reg-ask.test")
    assert other.proved("cy@reg-other.test")[1][0] == 202
    assert house.waiting() == house.waiting("admin") == ["ann@reg-ask.test", "bob@reg-ask.test"]
    assert other.waiting() == ["cy@reg-other.test"] and other.waiting(query="?domain=reg-ask.test") == []
    assert house.waiting("member") == 403 and platform.http("GET", PATH)[0] == 401
    # The owner is told of each, and of its own domain's alone; administrators are where there is no owner.
    def told_of(user):
        return [one for one in mails(platform, user) if one["Subject"] == "A registration on reg-ask.test waits"]

    wait_until(lambda: len(told_of("owner@reg-ask.test")) == 2)
    told = told_of("owner@reg-ask.test")
    assert [name in one.get_content() for one, name in zip(told, ("ann@reg-ask.test", "bob@reg-ask.test"))] == [True, True]
    assert contact in told[0].get_content() and "within 30 days" in told[0].get_content()
    assert told_of("admin@reg-ask.test") == []
    status, page = house.ask("owner", "GET", PATH + "?limit=1")
    first = page["registrations"][0]
    assert first["contact"] == contact and first["remote"] == "127.0.0.1"
    status, rest = house.ask("owner", "GET", f"{PATH}?limit=1&after={page['next']}")
    second = rest["registrations"][0]
    assert second["email"] == "bob@reg-ask.test" and "next" not in rest
    for role in ("owner", "admin"):
        assert other.ask(role, "POST", f"{PATH}/{first['id']}/approve")[0] == 404
        assert other.ask(role, "POST", f"{PATH}/{first['id']}/refuse", {"reason": "mine"})[0] == 404
    assert house.ask("member", "POST", f"{PATH}/{first['id']}/approve")[0] == 403
    status, made = house.ask("admin", "POST", f"{PATH}/{first['id']}/approve")
    assert status == 200 and made["email"] == "ann@reg-ask.test"
    assert house.ask("admin", "POST", f"{PATH}/{first['id']}/approve")[0] == 404
    assert login(platform, "ann@reg-ask.test")
    assert mails(platform, contact)[-1]["Subject"] == "Welcome"
    assert house.ask("owner", "POST", f"{PATH}/{second['id']}/refuse", {"reason": "a\r\nb"})[0] == 422
    assert house.ask("owner", "POST", f"{PATH}/{second['id']}/refuse", {"reason": "We do not know you."})[0] == 204
    assert "We do not know you." in mails(platform, refused)[-1].get_content()
    assert house.waiting() == [] and login(platform, "bob@reg-ask.test") is None
    # An address that came into use meanwhile is a conflict; the operator's commands do the same.
    assert house.proved("dee@reg-ask.test")[1][0] == 202 and house.proved("eve@reg-ask.test")[1][0] == 202
    platform.cli("alias", "add", "dee@reg-ask.test", "owner@reg-ask.test")
    rows = {one["email"]: one["id"] for one in platform.json("registration", "list", "--domain", "reg-ask.test")}
    assert set(rows) == {"dee@reg-ask.test", "eve@reg-ask.test"}
    assert house.ask("owner", "POST", f"{PATH}/{rows['dee@reg-ask.test']}/approve")[0] == 409
    platform.cli("registration", "refuse", str(rows["dee@reg-ask.test"]), "--reason", "taken")
    platform.cli("registration", "approve", str(rows["eve@reg-ask.test"]))
    assert login(platform, "eve@reg-ask.test") and house.waiting() == []


def test_names_that_speak_for_the_domain_and_addresses_that_are_taken(platform):
    house = House(platform, "reg-names.test", "open")
    contact = house.contact()
    for name in ("postmaster", "Abuse", "no-reply", "no.reply", "NOREPLY", "hostmaster2", "web_master", "root", "mta-sts"):
        status, _, problem = house.register(f"{name}@reg-names.test", contact)
        assert status == 422 and problem["errors"][0]["pointer"] == "#/email", name
    for name in ("ann+x", "\"a b\"", ".ann", "ann.", "a..b", "ä", "a" * 65, "ann'"):
        status, _, problem = house.register(f"{name}@reg-names.test", contact)
        assert status == 422 and problem["errors"][0]["pointer"] == "#/email", name
    for bad in ("no address", "other@reg-names.test", "a\r\nb@x.test"):
        status, _, problem = house.register("ann@reg-names.test", bad)
        assert status == 422 and problem["errors"][0]["pointer"] == "#/contact", bad
    assert house.register("ann@reg-names.test", contact, display_name="a\r\nb")[2]["errors"][0]["pointer"] == "#/display_name"
    assert mails(platform, contact) == []
    platform.cli("alias", "add", "alias@reg-names.test", "owner@reg-names.test")
    platform.cli("list", "add", "club@reg-names.test", "--name", "Club")
    status, _, masked = platform.http("POST", "/api/users/me/masked-addresses", {"label": "Shop"}, house.tokens["owner"])
    assert status == 201, masked
    for address in ("alias@reg-names.test", "club@reg-names.test", masked["address"]):
        assert house.proved(address)[1][0] == 409, address
    platform.cli("catch-all", "deliver", "reg-names.test", "owner@reg-names.test")
    assert house.proved("free@reg-names.test")[1][0] == 409
    platform.cli("catch-all", "reject", "reg-names.test")
    assert house.proved("free@reg-names.test")[1][0] == 201
    # What the domain says when the token is shown counts.
    late = house.contact()
    assert house.register("late@reg-names.test", late)[0] == 202
    secret = token_in(platform, late)
    assert house.let("closed")[0] == 200
    assert house.verify(secret)[0] == 403
    assert house.let("open")[0] == 200
    platform.cli("domain", "suspend", "reg-names.test", "--reason", "unpaid")
    assert house.verify(secret)[0] == 403
    assert login(platform, "late@reg-names.test") is None


@pytest.mark.one_machine("settings of its own")
def test_its_bounds(start_platform):
    platform = start_platform(OONRUMAIL_REGISTRATION_REQUESTS=12, OONRUMAIL_REGISTRATIONS_PER_DOMAIN=4)
    house = House(platform, "bounds.test", "open")
    contact, other = house.contact(), house.contact()
    # Three mails to one contact, whatever is asked.
    for number in range(5):
        assert house.register(f"a{number}@bounds.test", contact)[0] == 202
    assert len(mails(platform, contact)) == 3
    # Four are kept for the domain: the next ones are answered the same, and nothing is mailed.
    for number in range(3):
        assert house.register(f"b{number}@bounds.test", other)[0] == 202
    assert len(mails(platform, other)) == 1
    statuses = [house.register(f"c{number}@bounds.test", other)[0] for number in range(6)]
    assert statuses == [202] * 4 + [429] * 2
    status, headers, _ = house.register("d@bounds.test", other)
    assert status == 429 and int(headers["Retry-After"]) > 0
    assert [house.verify("x" * 43)[0] for _ in range(13)] == [422] * 12 + [429]
