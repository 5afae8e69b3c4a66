#!/usr/bin/env bash
# Takes the database back to the backup made before a deployment, and the services with it.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/db-rollback.sh --version VERSION [FILE] [--registry NAME] [--namespace NAME] [--yes] [--drop-old] [--env-file FILE] [--dry-run]

Only when a migration has damaged data: mail that came after the backup is not in the database any more (it stays in the database
that is set aside). Scales every deployment to zero and waits, restores FILE (BACKUP_DIR/pre-deploy/latest.sql.gz) by
backups/restore-postgres.sh, prints the schema's versions, sets the images to VERSION, scales each deployment to what it had, and waits.
When the restore fails, the services come back as they were.

  --version VERSION  the release that fits the backup, such as v0.9.0
  --registry NAME    before the images' names; otherwise IMAGE_REGISTRY or email-platform
  --namespace NAME   otherwise KUBE_NAMESPACE or email-platform
  --yes              do not ask
  --drop-old         do not keep the present database
  --env-file FILE    read settings from FILE; otherwise OONRUMAIL_ENV_FILE or ./.env
  --dry-run          print the commands and check the backup
  --help             this text
TEXT
}

file='' version='' registry='' namespace='' restore=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) usage; exit 0 ;;
        --version) version=${2:-}; shift ;;
        --registry) registry=${2:-}; shift ;;
        --namespace) namespace=${2:-}; shift ;;
        --yes | --drop-old) restore+=("$1") ;;
        --env-file) env_file=${2:-}; shift ;;
        --dry-run) dry_run=yes restore+=(--dry-run) ;;
        -*) usage >&2; exit 64 ;;
        *) file=$1 ;;
    esac
    shift
done
[[ $version =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || { usage >&2; exit 64; }
read_settings
need_commands kubectl psql
use_postgres
namespace=${namespace:-${KUBE_NAMESPACE:-email-platform}}
registry=${registry:-${IMAGE_REGISTRY:-email-platform}}
file=${file:-${BACKUP_DIR:-/backups/postgres}/pre-deploy/latest.sql.gz}
check_sum "$file"
[ -z "$env_file" ] || restore+=(--env-file "$env_file")

# Name and replicas of every deployment, as they are now.
mapfile -t deployments < <(kubectl get deployments -n "$namespace" -o 'jsonpath={range .items[*]}{.metadata.name} {.spec.replicas}{"\n"}{end}')
[ ${#deployments[@]} != 0 ] || die "there is no deployment in $namespace"
say "replicas now: ${deployments[*]}"

scale_back() {
    local one
    for one in "${deployments[@]}"; do
        run kubectl scale "deployment/${one% *}" --replicas="${one#* }" -n "$namespace"
    done
}
interrupted() { say "the services come back as they were"; scale_back; }

trap interrupted EXIT
run kubectl scale deployment --all --replicas=0 -n "$namespace"
# Mail that a process still holds is committed or refused before it ends.
ends() {
    local try
    for try in {1..240}; do
        [ -n "$(kubectl get pods -l app.kubernetes.io/part-of=oonrumail,app.kubernetes.io/component=service -n "$namespace" -o name)" ] || return 0
        [ "$try" = 240 ] || sleep 0.5
    done
    die "the services did not end within two minutes"
}
[ "$dry_run" = yes ] || ends
"$root/scripts/backups/restore-postgres.sh" "$file" --disconnect "${restore[@]}"
trap - EXIT

say "versions of the schema:"
if [ "$dry_run" = no ]; then sql 'SELECT version, name FROM schema_migrations ORDER BY version DESC LIMIT 5'; fi
for service in auth smtp imap storage domain-manager; do
    case " ${deployments[*]} " in
        *" $service "*) run kubectl set image "deployment/$service" "$service=$registry/$service:$version" -n "$namespace" ;;
    esac
done
scale_back
for one in "${deployments[@]}"; do
    run kubectl rollout status "deployment/${one% *}" -n "$namespace" --timeout=5m
done
