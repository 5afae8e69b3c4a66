# Checks of a running platform; shared by health-check-all.sh and post-deploy-verify.sh, not run by itself.

checked=0 failed=0
url=${VERIFY_URL:-}
mail_host=${VERIFY_MAIL_HOST:-}
allow_degraded=no
curl_options=(--silent --show-error --max-time 15)
tls_options=()

# Where the platform is, after read_settings and the command line.
use_places() {
    url=${url:-http://127.0.0.1:${OONRUMAIL_HTTP_PORT:-8080}}
    url=${url%/}
    mail_host=${mail_host:-127.0.0.1}
    smtp_port=${VERIFY_SMTP_PORT:-${OONRUMAIL_SMTP_PORT:-25}}
    # shellcheck disable=SC2034 # mail-checks.sh uses it
    submissions_port=${VERIFY_SUBMISSIONS_PORT:-${OONRUMAIL_SUBMISSIONS_PORT:-465}}
    imaps_port=${VERIFY_IMAPS_PORT:-${OONRUMAIL_IMAPS_PORT:-993}}
    if [ -n "${VERIFY_CA_FILE:-}" ]; then
        curl_options+=(--cacert "$VERIFY_CA_FILE")
        tls_options+=(-CAfile "$VERIFY_CA_FILE")
    fi
}

# check NAME COMMAND… : runs it and prints one line; what it prints is the reason of a failure.
check() {
    local name=$1 answer
    shift
    checked=$((checked + 1))
    if answer=$("$@" 2>&1); then
        printf '✓ %s%s\n' "$name" "${answer:+: ${answer%%$'\n'*}}"
    else
        failed=$((failed + 1))
        answer=${answer%$'\n'}
        printf '✗ %s: %s\n' "$name" "${answer##*$'\n'}"
    fi
}

# Prints the sum and gives the exit code.
conclude() {
    if [ $failed = 0 ]; then
        echo "all $checked checks passed"
    else
        echo "$failed of $checked checks failed"
        return 1
    fi
}

# service_health NAME PATH : the status of the service and of what it needs, by name.
service_health() {
    local answer code body bad
    answer=$(curl "${curl_options[@]}" -w '\n%{http_code}' "$url$2") || return 1
    code=${answer##*$'\n'} body=${answer%$'\n'*}
    bad=$(jq -r '[.checks[]? | select(.status != "ok") | "\(.name) is \(.status)"] | join(", ")' <<<"$body" 2>/dev/null) || bad=
    if [ "$code" != 200 ]; then
        echo "HTTP $code${bad:+, $bad}"
        return 1
    fi
    if [ -n "$bad" ]; then
        echo "$bad"
        [ $allow_degraded = yes ]
    fi
}

smtp_answers() {
    local talk
    # shellcheck disable=SC2016 # the inner shell expands them
    talk=$(timeout 15 bash -c 'exec 3<>"/dev/tcp/$0/$1" || exit 1
        IFS= read -r -t 10 line <&3 && printf "%s\n" "$line" && printf "QUIT\r\n" >&3 && cat <&3' "$mail_host" "$smtp_port" 2>/dev/null) ||
        { echo "nothing answers at $mail_host:$smtp_port"; return 1; }
    case $talk in 220*$'\n'221*) return 0 ;; *) echo "${talk:-no greeting}"; return 1 ;; esac
}

imap_answers() {
    local talk
    talk=$(printf 'a1 LOGOUT\r\n' | timeout 15 openssl s_client -connect "$mail_host:$imaps_port" -quiet "${tls_options[@]}" 2>/dev/null) ||
        { echo "nothing answers at $mail_host:$imaps_port"; return 1; }
    case $talk in *'a1 OK'*) return 0 ;; *) echo "${talk:-no greeting}"; return 1 ;; esac
}

# The runbook's health of every service, and the two mail ports.
check_services() {
    local name
    for name in auth smtp imap storage domain-manager; do
        check "$name" service_health "$name" "/health/$name"
    done
    check "domains" service_health domain-manager /api/domains/health
    check "SMTP at $mail_host:$smtp_port" smtp_answers
    check "IMAP at $mail_host:$imaps_port" imap_answers
}
