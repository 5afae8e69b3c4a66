"""Latency of the HTTP interface under a steady load: one's own account, a page of many domains, token refresh.

usage: http_bench.py [--rate N] [--seconds N] [--domains N] [--storm]

Three instances of wrk ask at once, each a third of the rate, over connections that stay open; each refresh connection has a
session of its own and spends each token once. Prints p50, p95 and p99 of each kind, and the errors.

  --storm   sign-ins with wrong passwords run beside it, as many as eight clients make
"""
import argparse
import concurrent.futures
import json
import pathlib
import subprocess
import tempfile
import threading

from platform_process import ADMIN, PASSWORD, Platform

# wrk has no rate of its own: a connection waits between its requests. What it says at the end is read by its one line.
SCRIPT = """
function delay() return pause end
function done(summary, latency, requests)
    local function ms(part) return latency:percentile(part) / 1000 end
    io.write(string.format('RESULT %d %d %d %.2f %.2f %.2f\\n', summary.requests, summary.errors.status,
        summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout, ms(50), ms(95), ms(99)))
end
"""
READING = """
wrk.headers['Authorization'] = 'Bearer ' .. token
function request() return wrk.format('GET', path) end
"""
REFRESHING = """
local number = 0
function setup(thread) thread:set('refresh', tokens[number + 1]); number = number + 1 end
function request()
    return wrk.format('POST', '/api/auth/refresh', {['Content-Type'] = 'application/json'}, '{"refresh_token": "' .. refresh .. '"}')
end
function response(status, headers, body)
    refresh = string.match(body, '"refresh_token":"([^"]+)"') or refresh
end
"""


def load(folder, name, port, seconds, connections, pause, text):
    script = folder / f"{name}.lua"
    script.write_text(f"pause = {pause}\n{text}\n{SCRIPT}")
    done = subprocess.run(
        ["wrk", "-t", str(connections), "-c", str(connections), "-d", f"{seconds}s", "--timeout", "10s", "-s", script, f"http://127.0.0.1:{port}"],
        text=True, capture_output=True, check=True,
    )
    line = next(line for line in done.stdout.splitlines() if line.startswith("RESULT"))
    return name, [float(part) for part in line.split()[1:]]


def fill(platform, count):
    """Domains of one organisation that wait for proof: each has a row and a challenge, and costs no key."""
    platform.cli("domain", "add", "bench.test", "--organisation", "Bench")
    platform.cli("account", "add", "owner@bench.test", "--role", "owner", "--password-stdin", stdin=PASSWORD + "\n")
    token = sign_in(platform, "owner@bench.test")["access_token"]

    def add(number):
        status, _, body = platform.http("POST", "/api/domains", {"name": f"d{number}.bench.test"}, token)
        assert status == 201, body

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(add, range(count)))
    return token


def sign_in(platform, user=ADMIN):
    status, _, body = platform.http("POST", "/api/auth/login", {"email": user, "password": PASSWORD})
    assert status == 200, body
    return body


def storm(platform, ended, counts):
    def attack(number):
        while not ended.is_set():
            platform.http("POST", "/api/auth/login", {"email": f"nobody{number}@bench.test", "password": "wrong horse"})
            counts[number] += 1

    threads = [threading.Thread(target=attack, args=(number,), daemon=True) for number in range(len(counts))]
    for thread in threads:
        thread.start()
    return threads


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--domains", type=int, default=10_000)
    parser.add_argument("--storm", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = pathlib.Path(place)
        ours = Platform(
            folder, OONRUMAIL_LOG_LEVEL="warning", OONRUMAIL_DOMAIN_MAX_PENDING=options.domains + 10,
            # Counted, and never reached.
            OONRUMAIL_HTTP_RATE_ACCOUNT=10_000_000, OONRUMAIL_HTTP_RATE_ADDRESS=10_000_000,
            OONRUMAIL_LOCKOUT_FAILURES_PER_ADDRESS=1_000_000, OONRUMAIL_LOCKOUT_FAILURES=10_000, OONRUMAIL_ACCESS_TOKEN_LIFETIME="1d",
        ).start()
        token = fill(ours, options.domains)
        connections = 10
        pause = round(1000 * connections * 3 / options.rate)
        tokens = ", ".join(json.dumps(sign_in(ours)["refresh_token"]) for _ in range(connections))
        kinds = {
            "GET /api/users/me": f"token = {json.dumps(token)}\npath = '/api/users/me'\n{READING}",
            f"GET /api/domains (100 of {options.domains})": f"token = {json.dumps(token)}\npath = '/api/domains?limit=100&after=d5'\n{READING}",
            "POST /api/auth/refresh": f"tokens = {{{tokens}}}\n{REFRESHING}",
        }
        ended, counts = threading.Event(), [0] * 8
        attackers = storm(ours, ended, counts) if options.storm else []
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            running = [
                pool.submit(load, folder, name.replace("/", "-"), ours.ports["http"], options.seconds, connections, pause, text)
                for name, text in kinds.items()
            ]
            results = [one.result() for one in running]
        ended.set()
        for thread in attackers:
            thread.join()
        print(f"{'':40} {'req/s':>7} {'p50 ms':>8} {'p95 ms':>8} {'p99 ms':>8}  not 2xx  broken")
        for name, (requests, refused, broken, *latency) in results:
            row = " ".join(f"{one:8.2f}" for one in latency)
            print(f"{name.replace('-', '/'):40} {requests / options.seconds:7.1f} {row}  {refused:7.0f} {broken:7.0f}")
        if options.storm:
            print(f"sign-ins refused meanwhile: {sum(counts) / options.seconds:.1f}/s")
        ours.stop()


main()
