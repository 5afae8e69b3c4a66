#!/usr/bin/env bash
# Fills the cache of domains in Redis before traffic comes, and asks the interfaces once.
. "$(dirname "$0")/lib.sh"

usage() {
    cat <<'TEXT'
usage: scripts/warm-cache.sh [--url URL] [--dry-run] [options of 'oonrumail cache warm']

Writes the facts of every hosted domain to Redis (domains:cache:NAME), where smtp-server looks before it asks the database. With
--url, or OONRUMAIL_API_URL, it also asks the interfaces for domains and the user's own account, as a first client would.

  --url URL         where the HTTP interfaces are, such as https://api.example.test
  --dry-run         print what would be done
  --env-file FILE   settings; otherwise OONRUMAIL_ENV_FILE or ./.env
  --help            this text

OONRUMAIL_API_TOKEN_FILE names a file with an access token; without it the interfaces are asked for their health only.
OONRUMAIL_EXECUTABLE names the program to run; otherwise the one that is built here.
Exit code 0 when everything is warm; 1 when there is no Redis or an interface does not answer.
TEXT
}

url=${OONRUMAIL_API_URL:-}
dry_run=no
options=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --url) url=${2:?--url needs a value}; shift ;;
        --dry-run) dry_run=yes ;;
        *) options+=("$1") ;;
    esac
    shift
done

executable=${OONRUMAIL_EXECUTABLE:-}
if [ -z "$executable" ]; then
    for candidate in "$root/.build/release/oonrumail" "$(command -v oonrumail || true)" "$root/.build/debug/oonrumail"; do
        if [ -n "$candidate" ] && [ -x "$candidate" ]; then executable=$candidate; break; fi
    done
fi
[ -n "$executable" ] || die "there is no oonrumail here: build it with scripts/run.sh --build-only, or set OONRUMAIL_EXECUTABLE"

paths=(/health/domain-manager /health/auth)
header=()
if [ -n "${OONRUMAIL_API_TOKEN_FILE:-}" ]; then
    paths=(/api/domains /api/users/me)
    header=(--config <(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$OONRUMAIL_API_TOKEN_FILE")"))
fi

if [ $dry_run = yes ]; then
    say "would run: $executable cache warm ${options[*]}"
    if [ -n "$url" ]; then for path in "${paths[@]}"; do say "would ask: $url$path"; done; fi
    exit 0
fi
"$executable" cache warm "${options[@]}"
[ -n "$url" ] || exit 0
answer() { curl -sS --fail --max-time 10 -o /dev/null "${header[@]}" "$1" || die "$1 does not answer"; }
for path in "${paths[@]}"; do answer "$url$path"; done
say "asked $url for ${paths[*]}"
