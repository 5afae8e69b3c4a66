"""scripts/warm-cache.sh fills Redis and asks the interfaces, with a token that nobody else on the machine can read."""
import os
import subprocess

from platform_process import ADMIN, PASSWORD


def keys(platform):
    settings = platform.settings
    done = subprocess.run(
        ["redis-cli", "-h", settings["REDIS_HOST"], "-p", settings["REDIS_PORT"], "-n", settings["REDIS_DB"], "KEYS", "domains:cache:*"],
        env={**os.environ, "REDISCLI_AUTH": settings["REDIS_PASSWORD"]}, text=True, capture_output=True, check=True,
    )
    return done.stdout.split()


def test_it_warms_and_asks(platform, script, tmp_path):
    url = f"http://127.0.0.1:{platform.ports['http']}"
    told = script("warm-cache.sh", "--url", url).stdout
    warmed = keys(platform)
    # Other tests may have added domains.
    assert "domains:cache:example.test" in warmed and f"Warmed the facts of {len(warmed)} domains." in told
    token = tmp_path / "token"
    status, _, document = platform.http("POST", "/api/auth/login", {"email": ADMIN, "password": PASSWORD})
    assert status == 200, document
    token.write_text(document["access_token"])
    script("warm-cache.sh", "--url", url, OONRUMAIL_API_TOKEN_FILE=token)
    token.write_text("not a token")
    refused = script("warm-cache.sh", "--url", url, OONRUMAIL_API_TOKEN_FILE=token, check=False)
    assert refused.returncode == 1 and "/api/domains does not answer" in refused.stderr
    assert "not a token" not in refused.stderr + refused.stdout


def test_without_redis_there_is_nothing_to_warm(script):
    done = script("warm-cache.sh", REDIS_HOST="", check=False)
    assert done.returncode == 1 and "REDIS_HOST is not set" in done.stderr
    assert "would run" in script("warm-cache.sh", "--dry-run", "--url", "http://127.0.0.1:1").stdout
