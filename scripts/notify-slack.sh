#!/usr/bin/env bash
# Sends standard input to a Slack channel.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: … | scripts/notify-slack.sh [--channel=#NAME] [--env-file FILE] [--dry-run]

Posts standard input, at most 3000 octets of it, to the incoming webhook SLACK_WEBHOOK_URL (or the one in the file SLACK_WEBHOOK_FILE).
Tries five times when Slack does not answer, is busy or fails.

  --channel=#NAME   for webhooks that may choose; otherwise SLACK_CHANNEL, or the webhook's own channel
  --env-file FILE   read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --dry-run         print what would be sent
  --help            this text
TEXT
}

channel=
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --channel=*) channel=${1#*=} ;;
        --channel) channel=${2:-}; shift ;;
        --env-file) env_file=${2:-}; shift ;;
        --dry-run) dry_run=yes ;;
        *) usage >&2; exit 64 ;;
    esac
    shift
done
read_settings
need_commands curl jq
channel=${channel:-${SLACK_CHANNEL:-}}
# The three characters with a meaning in Slack's text are escaped, so that nothing in it mentions a whole channel.
document=$(head -c 3000 | jq -Rsc --arg channel "$channel" '
    {text: (rtrimstr("\n") | gsub("&"; "&amp;") | gsub("<"; "&lt;") | gsub(">"; "&gt;"))}
    + (if $channel == "" then {} else {channel: $channel} end)
    | if .text == "" then error("there is nothing to send") else . end')
if [ "$dry_run" = yes ]; then
    echo "$document"
    exit 0
fi
webhook=${SLACK_WEBHOOK_URL:-}
[ -n "$webhook" ] || [ -z "${SLACK_WEBHOOK_FILE:-}" ] || webhook=$(head -1 "$SLACK_WEBHOOK_FILE")
[ -n "$webhook" ] || die "neither SLACK_WEBHOOK_URL nor SLACK_WEBHOOK_FILE is set"

# The address is the secret: it goes by a file descriptor, not among the arguments.
answer=$(curl --silent --show-error --write-out '\n%{http_code}' --max-time 10 --retry 4 --retry-connrefused \
    ${SLACK_RETRY_DELAY:+--retry-delay "$SLACK_RETRY_DELAY"} --header 'Content-Type: application/json' \
    --data-binary @- --config <(printf 'url = "%s"\n' "${webhook//\"/}") <<<"$document") || true
code=${answer##*$'\n'}
[ "$code" = 200 ] || die "Slack did not take the message (HTTP $code)"
