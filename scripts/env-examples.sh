#!/usr/bin/env bash
# Writes .env.example and .env.production.example from the settings that the program has.
. "$(dirname "$0")/operations.sh"

usage() {
    cat <<'TEXT'
usage: scripts/env-examples.sh [--check]

Both hold every setting with its meaning and default, commented out, from `oonrumail config example`; the one for production sets what a production of
several replicas must set, and adds the settings of the scripts for operating.

  --check   change nothing; exit code 1 when the files are not what would be written
  --help    this text
TEXT
}

check=no
case ${1:-} in
    --help | -h) usage; exit 0 ;;
    --check) check=yes ;;
    '') ;;
    *) usage >&2; exit 64 ;;
esac
find_oonrumail
[ -n "$oonrumail" ] || die "there is no oonrumail here: build it first"

# NAME=value of production; a value in <…> is to be replaced.
production() {
    cat <<'TEXT'
OONRUMAIL_PRODUCTION=true
OONRUMAIL_DATA=/var/lib/oonrumail
OONRUMAIL_HOSTNAME=mail.example.test
OONRUMAIL_HTTP_ADDRESS=127.0.0.1
OONRUMAIL_TLS_CERTIFICATE=/etc/oonrumail/tls/tls.crt
OONRUMAIL_TLS_KEY=/etc/oonrumail/tls/tls.key
OONRUMAIL_MASTER_KEY_FILE=/etc/oonrumail/keys/master.key
OONRUMAIL_MIGRATE_AT_START=false
POSTGRES_HOST=pgbouncer.internal.example.test
POSTGRES_USER=oonrumail
POSTGRES_PASSWORD=<from the secret store>
POSTGRES_SSLMODE=verify-full
POSTGRES_PREPARED_STATEMENTS=false
REDIS_HOST=redis.internal.example.test
REDIS_PASSWORD=<from the secret store>
REDIS_TLS=true
S3_ENDPOINT=https://s3.example.test
S3_ATTACHMENTS_BUCKET=oonrumail-attachments
S3_ACCESS_KEY_ID=<from the secret store>
S3_SECRET_ACCESS_KEY=<from the secret store>
OPENSEARCH_URL=https://opensearch.internal.example.test:9200
OPENSEARCH_USERNAME=oonrumail
OPENSEARCH_PASSWORD=<from the secret store>
TEXT
}

operating() {
    cat <<'TEXT'

# --- the scripts for operating; --help of each explains them ---

BACKUP_DIR=/backups/postgres
BACKUP_POSTGRES_HOST=postgres.internal.example.test
BACKUP_RECIPIENTS_FILE=/etc/oonrumail/backup-recipients
#BACKUP_KEEP_DAILY=14
#BACKUP_KEEP_PRE_DEPLOY=10
#BACKUP_OBJECTS_DIR=
#BACKUP_S3_BUCKET=
#BACKUP_METRICS_DIR=/var/lib/prometheus/node-exporter
SLACK_WEBHOOK_FILE=/etc/oonrumail/slack-webhook
PROMETHEUS_URL=http://prometheus.internal.example.test:9090
GRAFANA_URL=https://grafana.example.test
VERIFY_URL=https://api.example.test
VERIFY_MAIL_HOST=mail.example.test
VERIFY_DOMAIN=example.test
#VERIFY_USER=
#VERIFY_PASSWORD_FILE=
TEXT
}

example() { (cd / && env -i PATH="$PATH" "$oonrumail" config example); }

production_example() {
    echo "# Settings of a production on several machines; mode 600. Check it: oonrumail config check --checklist --env-file .env.production"
    example | awk 'NR == FNR { split($0, part, "="); value[part[1]] = $0; next }
        FNR == 1 { next }
        /^#[A-Z0-9_]+=/ { name = $0; sub(/^#/, "", name); sub(/=.*/, "", name)
            if (name in value) { print value[name]; delete value[name]; next } }
        { print }
        END { for (name in value) { print "no setting " name > "/dev/stderr"; exit 1 } }' <(production) -
    operating
}

different=0
for kind in example production.example; do
    file=$root/.env.$kind
    if [ $kind = example ]; then content=$(example); else content=$(production_example); fi
    if [ $check = yes ]; then
        diff "$file" - <<<"$content" >&2 || different=1
    else
        printf '%s\n' "$content" >"$file"
    fi
done
[ $different = 0 ] || die "run scripts/env-examples.sh"
