#!/usr/bin/env bash
# Takes the services back to what ran before.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/rollback.sh [SERVICE…] [--to-revision N] [--reason TEXT] [--namespace NAME] [--timeout TIME] [--no-notify] [--env-file FILE] [--dry-run]

`kubectl rollout undo` for auth, smtp, imap, storage and domain-manager (or the given ones), all at once; then waits until they
run, runs health-check-all.sh and tells Slack. The schema stays: the release before works on it (docs/POSTGRESQL.md).

  --to-revision N   of the deployments' history; otherwise the one before
  --reason TEXT     for the people who read it in Slack
  --namespace NAME  otherwise KUBE_NAMESPACE or email-platform
  --timeout TIME    how long to wait for each deployment (default 5m)
  --no-notify       tell nobody
  --env-file FILE   read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --dry-run         print the commands
  --help            this text

SLACK_CHANNEL is #incidents when it is not set. Exit code 1 when a deployment does not come up or the health is not good.
TEXT
}

services=() revision='' reason='Deployment rolled back due to critical issue' namespace='' timeout=5m notify=yes
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --to-revision) revision=${2:-}; shift ;;
        --reason) reason=${2:-}; shift ;;
        --namespace) namespace=${2:-}; shift ;;
        --timeout) timeout=${2:-}; shift ;;
        --no-notify) notify=no ;;
        --env-file) env_file=${2:-}; shift ;;
        --dry-run) dry_run=yes ;;
        -*) usage >&2; exit 64 ;;
        *) services+=("$1") ;;
    esac
    shift
done
[ ${#services[@]} != 0 ] || services=(auth smtp imap storage domain-manager)
read_settings
need_commands kubectl
namespace=${namespace:-${KUBE_NAMESPACE:-email-platform}}

bad=()
for service in "${services[@]}"; do
    run kubectl rollout undo "deployment/$service" ${revision:+--to-revision="$revision"} -n "$namespace" || bad+=("$service: not undone")
done
for service in "${services[@]}"; do
    run kubectl rollout status "deployment/$service" -n "$namespace" --timeout="$timeout" || bad+=("$service: does not come up")
done
run "$root/scripts/health-check-all.sh" || bad+=("the health is not good")

text="$reason: ${services[*]}"
[ ${#bad[@]} = 0 ] || text="$text; FAILED: $(printf '%s, ' "${bad[@]}" | sed 's/, $//')"
if [ $notify = yes ]; then
    if [ "$dry_run" = yes ]; then
        printf 'would tell %s: %s\n' "${SLACK_CHANNEL:-#incidents}" "$text"
    else
        "$root/scripts/notify-slack.sh" --channel="${SLACK_CHANNEL:-#incidents}" <<<"$text" || say "Slack was not told"
    fi
fi
[ ${#bad[@]} = 0 ] || die "$text"
say "$text"
