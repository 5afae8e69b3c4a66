#!/usr/bin/env bash
# Checks a platform after a deployment: the runbook's eight checks, then what people would try by hand.
. "$(dirname "$0")/operations.sh"
. "$(dirname "$0")/mail-checks.sh"

usage() {
    cat <<'TEXT'
usage: scripts/post-deploy-verify.sh [--url URL] [--mail-host HOST] [--allow-degraded] [--env-file FILE]

Checks 1 the health of every service, 2 PostgreSQL, 3 Redis, 4 S3, 5 SMTP, 6 IMAP, 7 DNS, 8 the certificates; then, with VERIFY_USER, that
this account sends and receives a message, that it is signed by DKIM, that search finds it, that forwarding, sign-in, domains and quota work;
and, where they are set, Grafana's dashboards and Prometheus' alerts. Prints one line for each, also for what is not set up.
Exit code 1 when a check failed.

  --url URL          the API host; otherwise VERIFY_URL or this machine
  --mail-host HOST   the mail host; otherwise VERIFY_MAIL_HOST or this machine
  --allow-degraded   a service that works without one of its dependencies (Redis, S3) counts as healthy
  --env-file FILE    read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --help             this text

  VERIFY_DOMAIN, VERIFY_RESOLVER        a hosted domain whose MX must name the mail host; the DNS server to ask
  VERIFY_USER, VERIFY_PASSWORD_FILE     an account for the trial message; mode 600
  VERIFY_ALIAS                          an address that forwards to it
  GRAFANA_URL, GRAFANA_TOKEN_FILE, PROMETHEUS_URL
  and the names of scripts/health-check-all.sh --help
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

skip() { printf -- '- %s: %s\n' "$1" "$2"; }

redis_answers() {
    local words=(-h "${REDIS_HOST%%,*}" -p "${REDIS_PORT:-6379}") answer
    ! is_true "${REDIS_TLS:-}" || words+=(--tls ${REDIS_CA_FILE:+--cacert "$REDIS_CA_FILE"})
    [ -z "${REDIS_USERNAME:-}" ] || words+=(--user "$REDIS_USERNAME")
    answer=$(REDISCLI_AUTH=${REDIS_PASSWORD:-} timeout 15 redis-cli --no-auth-warning "${words[@]}" PING 2>&1)
    [ "$answer" = PONG ] || { echo "${answer:-no answer}"; return 1; }
}

store_answers() { s3 S3 lsf --max-depth 1 "store:${S3_ATTACHMENTS_BUCKET:-oonrumail-attachments}" >/dev/null; }

mx_names_the_host() {
    local words=(+short +time=5 +tries=2)
    [ -z "${VERIFY_RESOLVER:-}" ] || words+=("@${VERIFY_RESOLVER%:*}" -p "${VERIFY_RESOLVER##*:}")
    local answer
    answer=$(dig "${words[@]}" MX "$VERIFY_DOMAIN")
    grep -qiE "^[0-9]+ ${mail_host//./\\.}\.$" <<<"$answer" || { echo "MX of $VERIFY_DOMAIN: ${answer:-none}"; return 1; }
}

# certificate HOST PORT : valid for thirty days more.
certificate() {
    local text
    text=$(timeout 15 openssl s_client -connect "$1:$2" -servername "$1" </dev/null 2>/dev/null | openssl x509 -noout -enddate -checkend 2592000) ||
        { echo "${text:-no certificate}"; return 1; }
    echo "${text%%$'\n'*}"
}

check_services
if [ -n "${POSTGRES_HOST:-}${DATABASE_URL:-}" ]; then
    need_commands psql
    use_postgres
    # Through PgBouncer as the services go.
    unset PGOPTIONS
    check "PostgreSQL" sql "SELECT 'schema ' || max(version) FROM schema_migrations"
else
    skip "PostgreSQL" "POSTGRES_HOST is not set"
fi
if [ -n "${REDIS_HOST:-}" ]; then check "Redis" redis_answers; else skip "Redis" "REDIS_HOST is not set"; fi
if [ -n "${S3_ENDPOINT:-}" ]; then check "S3" store_answers; else skip "S3" "S3_ENDPOINT is not set"; fi
if [ -n "${VERIFY_DOMAIN:-}" ]; then check "DNS" mx_names_the_host; else skip "DNS" "VERIFY_DOMAIN is not set"; fi
check "certificate of the mail host" certificate "$mail_host" "$imaps_port"
case $url in
    https://*)
        place=${url#https://} place=${place%%/*}
        case $place in *:*) ;; *) place=$place:443 ;; esac
        check "certificate of the API host" certificate "${place%:*}" "${place##*:}"
        ;;
    *) skip "certificate of the API host" "$url has none" ;;
esac
if [ -n "${VERIFY_USER:-}" ]; then check_mail; else skip "a trial message" "VERIFY_USER is not set"; fi
if [ -n "${GRAFANA_URL:-}" ]; then check_dashboards; else skip "Grafana" "GRAFANA_URL is not set"; fi
if [ -n "${PROMETHEUS_URL:-}" ]; then check "no critical alert" no_critical_alert; else skip "alerts" "PROMETHEUS_URL is not set"; fi
conclude
