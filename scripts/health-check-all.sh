#!/usr/bin/env bash
# Asks every service how it is.
. "$(dirname "$0")/operations.sh"
. "$(dirname "$0")/checks.sh"

usage() {
    cat <<'TEXT'
usage: scripts/health-check-all.sh [--url URL] [--mail-host HOST] [--allow-degraded] [--env-file FILE]

Asks /health/NAME of auth, smtp, imap, storage and domain-manager, and speaks to the SMTP and IMAP ports. One line for each; what is
broken is named. Exit code 1 when anything is.

  --url URL          the API host; otherwise VERIFY_URL or this machine
  --mail-host HOST   the mail host; otherwise VERIFY_MAIL_HOST or this machine
  --allow-degraded   a service that works without one of its dependencies (Redis, S3) counts as healthy
  --env-file FILE    read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --help             this text

VERIFY_SMTP_PORT, VERIFY_SUBMISSIONS_PORT and VERIFY_IMAPS_PORT name other ports than the services' settings or 25, 465 and 993;
VERIFY_CA_FILE the authority of their certificates.
TEXT
}

while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --url) url=${2:-}; shift ;;
        --mail-host) mail_host=${2:-}; shift ;;
        --allow-degraded) allow_degraded=yes ;;
        --env-file) env_file=${2:-}; shift ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
read_settings
need_commands curl jq openssl timeout
use_places
check_services
conclude
