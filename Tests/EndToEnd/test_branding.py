"""Branding of domains: set by managers, read by sign-in pages before anybody has signed in."""
import struct
import urllib.error
import urllib.request
import zlib

import pytest
from test_quotas import Tenant, sign_in


def png(width=2, height=2):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress(b"".join(b"\0" + b"\x80" * 3 * width for _ in range(height)))
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def tenant(platform):
    return Tenant(platform, "brand.test")


def test_a_sign_in_page_reads_what_managers_wrote(platform, tenant):
    path = f"/api/domains/{tenant.domain}/branding"
    empty = platform.http("GET", path)[2]
    assert empty == platform.http("GET", "/api/domains/nowhere.test/branding")[2] == {"version": 0}
    status, headers, shown = platform.http("PUT", path, {
        "product_name": "Brand Mail", "colours": {"primary": "#123abc"},
        "header_html": "<b onclick=x()>Brand</b><script>x()</script>", "footer_html": "<a href=\"javascript:x()\">y</a>",
    }, tenant.token)
    assert status == 200 and headers["ETag"] == '"v1"', shown
    status, headers, shown = platform.http("GET", path)
    assert shown["header_html"] == "<b>Brand</b>" and shown["footer_html"] == "<a>y</a>"
    assert (shown["product_name"], shown["colours"], shown["domain"]) == ("Brand Mail", {"primary": "#123abc"}, tenant.domain)
    assert "max-age" in headers["Cache-Control"]
    # By the host that the page was asked at.
    assert platform.http("GET", f"/api/domains/webmail.{tenant.domain}/branding")[2] == shown
    for wrong, pointer in (({"colours": {"primary": "red"}}, "colours/primary"), ({"colours": {"border": "#fff"}}, "colours"),
                           ({"product_name": "a\r\nb"}, "product_name"), ({"logo": "x"}, "logo")):
        status, _, problem = platform.http("PUT", path, wrong, tenant.token)
        assert status == 422 and problem["errors"][0]["pointer"] == f"#/{pointer}", problem
    assert platform.http("PUT", path, {}, sign_in(platform, tenant.member))[0] == 403
    assert platform.http("PUT", "/api/domains/example.test/branding", {}, tenant.token)[0] == 404
    assert platform.http("PUT", path, {})[0] == 401


def test_a_logo_is_a_picture(platform, tenant):
    path = f"/api/domains/{tenant.domain}/branding/logo"

    def put(body):
        return platform.http("PUT", path, body, tenant.token)

    status, _, shown = put(png())
    assert status == 200, shown
    with urllib.request.urlopen(f"http://127.0.0.1:{platform.ports['http']}{shown['logo']}", timeout=20) as answer:
        assert answer.headers["Content-Type"] == "image/png" and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.read() == png()
    assert put(b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>")[0] == 415
    assert put(png(3000, 1))[0] == 422
    assert put(png() + b"\0" * (256 << 10))[0] == 413
    assert platform.http("DELETE", "/api/domains/example.test/branding/logo", token=tenant.token)[0] == 404
    assert platform.http("DELETE", path, token=tenant.token)[0] == 204
    assert platform.http("GET", path)[0] == 404
    assert "logo" not in platform.http("GET", f"/api/domains/{tenant.domain}/branding")[2]
    picture = platform.folder / "logo.png"
    picture.write_bytes(png(4, 4))
    platform.cli("branding", "logo", tenant.domain, str(picture))
    assert platform.http("GET", path)[0] == 200
    shown = platform.json("branding", "show", tenant.domain)
    assert shown["logo_type"] == "image/png"
    events = platform.http("GET", "/api/audit?action=domain.logo", token=tenant.token)[2]["events"]
    assert events[0]["actor"] == "cli" and events[1]["actor"] == tenant.owner
