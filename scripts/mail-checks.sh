# What a person would try by hand after a deployment; used by post-deploy-verify.sh, not run by itself.
. "$(dirname "${BASH_SOURCE[0]}")/checks.sh"

# Options with the password, for curl's --config: not among the arguments.
credentials() {
    local password user=$VERIFY_USER
    password=$(head -1 "$VERIFY_PASSWORD_FILE")
    password=${password//\\/\\\\}
    printf 'user = "%s:%s"\n' "${user//\"/\\\"}" "${password//\"/\\\"}"
}

imap() { curl "${curl_options[@]}" --config <(credentials) "imaps://$mail_host:$imaps_port/$1" "${@:2}"; }

# send TO ID
send() {
    printf 'From: <%s>\r\nTo: <%s>\r\nSubject: Deployment check\r\nMessage-ID: <%s>\r\nDate: %s\r\n\r\nThis message checks a deployment.\r\n' \
        "$VERIFY_USER" "$1" "$2" "$(date -uR)" |
        curl "${curl_options[@]}" --config <(credentials) "smtps://$mail_host:$submissions_port" --mail-from "$VERIFY_USER" --mail-rcpt "$1" --upload-file -
}

# arrives ID : within a minute; prints its UID.
arrives() {
    local answer try
    for try in {1..60}; do
        answer=$(imap INBOX -X "UID SEARCH HEADER Message-ID $1") || return 1
        answer=$(tr -d '\r' <<<"$answer")
        answer=${answer##* }
        if [[ $answer =~ ^[0-9]+$ ]]; then echo "$answer"; return 0; fi
        [ "$try" = 60 ] || sleep 1
    done
    echo "did not arrive within a minute"
    return 1
}

is_signed() { imap "INBOX;UID=$1" | grep -qi '^DKIM-Signature:' || { echo "no DKIM-Signature in the header"; return 1; }; }

is_found_by_search() {
    imap INBOX -X 'SEARCH SUBJECT "Deployment check"' | grep -qE '^\* SEARCH [0-9]' || { echo "not found by its subject"; return 1; }
}

has_capability() { imap '' -X CAPABILITY | grep -qiE "^\* CAPABILITY .*\b$1\b"; }

# The index of OpenSearch follows within seconds.
is_indexed() {
    local answer token try
    answer=$(login "$(head -1 "$VERIFY_PASSWORD_FILE")") || return 1
    token=$(jq -r '.access_token // empty' <<<"${answer%$'\n'*}")
    [ -n "$token" ] || { echo "sign-in failed"; return 1; }
    for try in {1..30}; do
        answer=$(api "$token" "/api/search?q=Deployment%20check&limit=1") || return 1
        [ "$(jq '[.. | objects | select(has("subject"))] | length' <<<"$answer")" = 0 ] || return 0
        [ "$try" = 30 ] || sleep 1
    done
    echo "/api/search does not find it within half a minute"
    return 1
}

quota_answers() { imap '' -X 'GETQUOTAROOT INBOX' | grep -q '^\* QUOTAROOT' || { echo "no answer"; return 1; }; }

remove() { imap INBOX -X "UID STORE $1 +FLAGS.SILENT (\\Deleted)" && imap INBOX -X "UID EXPUNGE $1"; }

forwards() {
    local id uid
    id=$(new_id)
    send "$VERIFY_ALIAS" "$id" || return 1
    uid=$(arrives "$id") || { echo "$uid"; return 1; }
    remove "$uid" >/dev/null
}

fails() { echo "$1"; return 1; }

new_id() { printf 'check.%s.%s@%s' "$(date +%s%N)" "$$" "${VERIFY_USER##*@}"; }

# login PASSWORD : prints the answer's code and document.
login() {
    jq -nc --arg email "$VERIFY_USER" --arg password "$1" '{email: $email, password: $password}' |
        curl "${curl_options[@]}" -w '\n%{http_code}' --header 'Content-Type: application/json' --data-binary @- "$url/api/auth/login"
}

api() { curl "${curl_options[@]}" --fail --config <(printf 'header = "Authorization: Bearer %s"\n' "$1") "$url$2"; }

signs_in() {
    local answer token
    answer=$(login "not $(head -1 "$VERIFY_PASSWORD_FILE")") || return 1
    [ "${answer##*$'\n'}" = 401 ] || { echo "a wrong password got HTTP ${answer##*$'\n'}"; return 1; }
    answer=$(login "$(head -1 "$VERIFY_PASSWORD_FILE")") || return 1
    [ "${answer##*$'\n'}" = 200 ] || { echo "HTTP ${answer##*$'\n'}"; return 1; }
    token=$(jq -r .access_token <<<"${answer%$'\n'*}")
    api "$token" /api/users/me >/dev/null
}

domains_are_listed() {
    local answer token
    answer=$(login "$(head -1 "$VERIFY_PASSWORD_FILE")") || return 1
    token=$(jq -r '.access_token // empty' <<<"${answer%$'\n'*}")
    [ -n "$token" ] || { echo "sign-in failed"; return 1; }
    # People who administer nothing are refused, which is an answer too.
    answer=$(curl "${curl_options[@]}" -o /dev/null -w '%{http_code}' --config <(printf 'header = "Authorization: Bearer %s"\n' "$token") "$url/api/domains")
    case $answer in 200 | 403) echo "HTTP $answer" ;; *) echo "HTTP $answer"; return 1 ;; esac
}

check_mail() {
    [ -r "${VERIFY_PASSWORD_FILE:-}" ] || die "VERIFY_PASSWORD_FILE cannot be read"
    local id uid
    id=$(new_id)
    check "sign-in" signs_in
    check "domain management" domains_are_listed
    check "submission takes a message" send "$VERIFY_USER" "$id"
    if uid=$(arrives "$id"); then
        check "the message arrives in IMAP" true
        check "the message is signed by DKIM" is_signed "$uid"
        check "search finds the message" is_found_by_search
        if [ -n "${OPENSEARCH_URL:-}" ]; then
            check "OpenSearch has the message" is_indexed
        else
            skip "OpenSearch" "OPENSEARCH_URL is not set"
        fi
        check "the message is removed" remove "$uid"
    else
        check "the message arrives in IMAP" fails "$uid"
    fi
    if has_capability QUOTA; then check "quota" quota_answers; else skip "quota" "this release does not tell it in IMAP"; fi
    if [ -n "${VERIFY_ALIAS:-}" ]; then
        check "forwarding" forwards
    else
        skip "forwarding" "VERIFY_ALIAS is not set"
    fi
}

# Monitoring

grafana() {
    curl "${curl_options[@]}" --fail -o /dev/null \
        --config <([ -z "${GRAFANA_TOKEN_FILE:-}" ] || printf 'header = "Authorization: Bearer %s"\n' "$(head -1 "$GRAFANA_TOKEN_FILE")") \
        "${GRAFANA_URL%/}$1"
}

check_dashboards() {
    local id
    for id in system-overview email-metrics domain-health api-performance; do
        check "Grafana's $id" grafana "/api/dashboards/uid/$id"
    done
}

no_critical_alert() {
    local firing
    firing=$(curl "${curl_options[@]}" --fail "${PROMETHEUS_URL%/}/api/v1/alerts" |
        jq -r '[.data.alerts[] | select(.state == "firing" and .labels.severity == "critical") | .labels.alertname] | unique | join(", ")') || return 1
    [ -z "$firing" ] || { echo "$firing"; return 1; }
}
