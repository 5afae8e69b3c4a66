#!/usr/bin/env bash
# Fills the cache of domains in Redis before traffic comes, and asks the interfaces once.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/warm-cache.sh [--url URL] [--env-file FILE] [--dry-run]

Writes the facts of every hosted domain to Redis (domains:cache:NAME), where smtp-server looks before it asks the database. With
--url, or OONRUMAIL_API_URL, it also asks the interfaces for domains and the user's own account, as a first client would.

  --url URL         where the HTTP interfaces are, such as https://api.example.test
  --dry-run         print what would be done
  --env-file FILE   read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --help            this text

OONRUMAIL_API_TOKEN_FILE names a file with an access token; without it the interfaces are asked for their health only.
OONRUMAIL_EXECUTABLE names the program to run; otherwise the one that is built here.
Exit code 0 when everything is warm; 1 when there is no Redis or an interface does not answer.
TEXT
}

url=''
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --url) url=${2:-}; shift ;;
        --env-file) env_file=${2:-}; shift ;;
        --dry-run) dry_run=yes ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
read_settings
url=${url:-${OONRUMAIL_API_URL:-}}
find_oonrumail
[ -n "$oonrumail" ] || die "there is no oonrumail here: build it with scripts/run.sh --build-only, or set OONRUMAIL_EXECUTABLE"

paths=(/health/domain-manager /health/auth)
token=/dev/null
if [ -n "${OONRUMAIL_API_TOKEN_FILE:-}" ]; then
    paths=(/api/domains /api/users/me)
    token=$OONRUMAIL_API_TOKEN_FILE
    [ -r "$token" ] || die "$token cannot be read"
fi

run "$oonrumail" cache warm
[ -n "$url" ] || exit 0
# The token is not for the arguments, which everybody on the machine can read.
ask() { curl -sS --fail --max-time 10 -o /dev/null --config - "$1" < <(printf 'header = "Authorization: Bearer %s"\n' "$(cat "$token")"); }
for path in "${paths[@]}"; do run ask "$url$path" || die "$url$path does not answer"; done
