#!/usr/bin/env bash
# Brings a new version of a service under traffic step by step, and takes it back when it does worse.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/canary.sh SERVICE VERSION [--watch TIME] [--interval TIME] [--replicas N] [--max-errors RATIO] [--max-p95 SECONDS]
                         [--registry NAME] [--namespace NAME] [--env-file FILE] [--dry-run]

Makes the deployment SERVICE-canary beside SERVICE, behind the same Kubernetes service, and moves replicas to it: 10, 25, 50, 75 % of N
(at least one). After each step it asks Prometheus, for --watch, for the canary's rate of errors and the 95th percentile of its time to
answer, and Kubernetes for restarts. Good: the next step; at last SERVICE itself takes VERSION by a rolling update and the
canary goes. Bad, or an interrupt: the canary goes at once, SERVICE has its replicas again, exit code 1.

  --watch TIME        how long each step is watched, such as 15m (default) or 90s
  --interval TIME     between two looks (default 15s)
  --replicas N        how many there are together meanwhile (default: as many as now, at least 4)
  --max-errors RATIO  share of HTTP answers with 5xx that is too much (default 0.01)
  --max-p95 SECONDS   (default 0.5)
  --registry NAME     before the image's name; otherwise IMAGE_REGISTRY or email-platform
  --namespace NAME    otherwise KUBE_NAMESPACE or email-platform
  --env-file FILE     read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --dry-run           print the steps
  --help              this text

PROMETHEUS_URL says where Prometheus is; CANARY_WINDOW over which time rates are taken (default 2m). An autoscaler of SERVICE is held still meanwhile.
TEXT
}

seconds() {
    case $1 in
        *m) [[ ${1%m} =~ ^[0-9]+$ ]] && echo $((${1%m} * 60)) ;;
        *s) [[ ${1%s} =~ ^[0-9]+$ ]] && echo "${1%s}" ;;
        *) return 1 ;;
    esac
}

words=() watch=15m interval=15s replicas='' max_errors=0.01 max_p95=0.5 registry='' namespace=''
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --watch) watch=${2:-}; shift ;;
        --interval) interval=${2:-}; shift ;;
        --replicas) replicas=${2:-}; shift ;;
        --max-errors) max_errors=${2:-}; shift ;;
        --max-p95) max_p95=${2:-}; shift ;;
        --registry) registry=${2:-}; shift ;;
        --namespace) namespace=${2:-}; shift ;;
        --env-file) env_file=${2:-}; shift ;;
        --dry-run) dry_run=yes ;;
        -*) usage >&2; exit 64 ;;
        *) words+=("$1") ;;
    esac
    shift
done
[ ${#words[@]} = 2 ] || { usage >&2; exit 64; }
service=${words[0]} version=${words[1]}
[[ $version =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || die "$version is not a version"
watch=$(seconds "$watch") || die "--watch takes a time such as 15m or 90s"
interval=$(seconds "$interval") || die "--interval takes a time such as 15s"
read_settings
need_commands kubectl jq curl awk
namespace=${namespace:-${KUBE_NAMESPACE:-email-platform}}
image=${registry:-${IMAGE_REGISTRY:-email-platform}}/$service:$version
window=${CANARY_WINDOW:-2m}
[ -n "${PROMETHEUS_URL:-}" ] || die "PROMETHEUS_URL is not set: nobody would see how the new version does"

kube() { kubectl -n "$namespace" "$@"; }
change() { run kubectl -n "$namespace" "$@"; }
before=$(kube get deployment "$service" -o json) || die "there is no deployment $service in $namespace"
had=$(jq .spec.replicas <<<"$before")
total=${replicas:-$((had > 4 ? had : 4))}
[ "$total" -ge 2 ] || die "--replicas takes a whole number from 2"
scaler=$(kube get horizontalpodautoscaler "$service" -o json 2>/dev/null | jq -c '{spec: {minReplicas: .spec.minReplicas, maxReplicas: .spec.maxReplicas}}') || scaler=

# ask QUERY : a number, or nothing when there is no such data.
ask() {
    curl --silent --fail --max-time 10 --data-urlencode "query=$1" "${PROMETHEUS_URL%/}/api/v1/query" |
        jq -r '.data.result[0].value[1] // empty | select(. != "NaN")'
}
exceeds() { awk -v is="$1" -v limit="$2" 'BEGIN { exit !(is > limit) }'; }

# scale STABLE CANARY
scale() {
    if [ -n "$scaler" ]; then
        change patch horizontalpodautoscaler "$service" --type merge -p "{\"spec\":{\"minReplicas\":$1,\"maxReplicas\":$1}}" >/dev/null || return 1
    fi
    change scale "deployment/$service-canary" --replicas="$2" && change scale "deployment/$service" --replicas="$1" &&
        change rollout status "deployment/$service-canary" --timeout=5m
}

tidy() {
    change delete deployment "$service-canary" --ignore-not-found
    change scale "deployment/$service" --replicas="$had"
    if [ -n "$scaler" ]; then change patch horizontalpodautoscaler "$service" --type merge -p "$scaler" >/dev/null; fi
}
back() {
    trap - EXIT INT TERM
    say "✗ ${1:-interrupted}: back to what ran before"
    tidy
    exit 1
}
trap 'back' EXIT INT TERM

# look : ends with a reason when the canary does badly.
look() {
    local here="app=\"$service\",track=\"canary\"" errors p95 restarts
    errors=$(ask "sum(rate(oonrumail_http_requests_total{$here,status=~\"5..\"}[$window])) / sum(rate(oonrumail_http_requests_total{$here}[$window]))") ||
        back "Prometheus does not answer"
    p95=$(ask "histogram_quantile(0.95, sum by (le) (rate(oonrumail_http_request_seconds_bucket{$here}[$window])))") ||
        back "Prometheus does not answer"
    restarts=$(kube get pods -l "app=$service,track=canary" -o json | jq '[.items[].status.containerStatuses[]?.restartCount] | add // 0')
    # No request with 5xx makes no series for the numerator.
    errors=${errors:-0}
    [ "$restarts" = 0 ] || back "the canary restarted $restarts times"
    ! exceeds "$errors" "$max_errors" || back "errors $errors over $max_errors"
    ! exceeds "${p95:-0}" "$max_p95" || back "p95 $p95 s over $max_p95 s"
    seen="errors $errors, p95 ${p95:-unknown} s"
    [ -z "$p95" ] || heard=yes
}

# watch_step NAME
watch_step() {
    local end=$(($(date +%s) + watch))
    heard=no
    while :; do
        [ "$dry_run" = no ] || return 0
        look
        [ "$(date +%s)" -lt "$end" ] || break
        sleep "$interval"
    done
    [ $heard = yes ] || back "Prometheus has no data of the canary"
    echo "✓ $1: $seen"
}

manifest=$(jq --arg image "$image" --arg name "$service" '
    {apiVersion, kind, metadata: {name: ($name + "-canary"), namespace: .metadata.namespace, labels: .metadata.labels}, spec}
    | .spec.replicas = 0 | .metadata.labels.track = "canary"
    | .spec.selector.matchLabels.track = "canary" | .spec.template.metadata.labels.track = "canary"
    | .spec.template.spec.containers |= map(if .name == $name then .image = $image else . end)
' <<<"$before")
change apply -f - <<<"$manifest"

for share in 10 25 50 75; do
    canary=$(((total * share + 50) / 100))
    [ $canary != 0 ] || canary=1
    echo "→ $share %: $canary of $total replicas of $service are $version"
    scale $((total - canary)) $canary || back "the canary does not come up"
    watch_step "$share %"
done
echo "→ 100 %: $service takes $version"
change set image "deployment/$service" "$service=$image" || back "the image could not be set"
change rollout status "deployment/$service" --timeout=10m || { change rollout undo "deployment/$service"; back "$service does not come up"; }
trap - EXIT INT TERM
tidy
echo "✓ $service is $version"
