#include <ldap.h>
#include <openldap.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* How a connection is protected. */
#define OONRUMAIL_LDAP_PLAIN 0
#define OONRUMAIL_LDAP_TLS 1
#define OONRUMAIL_LDAP_START_TLS 2

/* A file that is memory of this process and has no name; closed by exec. */
static inline int oonrumail_memory_file(void) { return (int)syscall(SYS_memfd_create, "authorities", 1u); }

/* A session over a socket that is connected already; `authorities` is a file of certificates.
   The server's certificate is checked against the host of `url`. Whatever happens, the socket is the session's. */
static inline int oonrumail_ldap_open(int descriptor, const char *url, const char *authorities, int seconds, int protection, LDAP **out) {
    LDAP *session = NULL;
    int version = 3, demand = LDAP_OPT_X_TLS_DEMAND, oldest = LDAP_OPT_X_TLS_PROTOCOL_TLS1_2, server = 0, deref = LDAP_DEREF_NEVER;
    struct timeval limit = {seconds, 0};
    int code = ldap_init_fd(descriptor, LDAP_PROTO_TCP, url, &session);
    *out = NULL;
    if (code != LDAP_SUCCESS) return code;
    ldap_set_option(session, LDAP_OPT_PROTOCOL_VERSION, &version);
    ldap_set_option(session, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
    ldap_set_option(session, LDAP_OPT_RESTART, LDAP_OPT_OFF);
    ldap_set_option(session, LDAP_OPT_DEREF, &deref);
    ldap_set_option(session, LDAP_OPT_NETWORK_TIMEOUT, &limit);
    ldap_set_option(session, LDAP_OPT_TIMEOUT, &limit);
    if (protection != OONRUMAIL_LDAP_PLAIN) {
        code = ldap_set_option(session, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand);
        if (code == LDAP_SUCCESS) code = ldap_set_option(session, LDAP_OPT_X_TLS_PROTOCOL_MIN, &oldest);
        if (code == LDAP_SUCCESS) code = ldap_set_option(session, LDAP_OPT_X_TLS_CACERTFILE, authorities);
        if (code == LDAP_SUCCESS) code = ldap_set_option(session, LDAP_OPT_X_TLS_NEWCTX, &server);
        if (code == LDAP_SUCCESS)
            code = protection == OONRUMAIL_LDAP_TLS ? ldap_install_tls(session) : ldap_start_tls_s(session, NULL, NULL);
    }
    if (code != LDAP_SUCCESS) {
        ldap_unbind_ext_s(session, NULL, NULL);
        return code;
    }
    *out = session;
    return LDAP_SUCCESS;
}

static inline void oonrumail_ldap_close(LDAP *session) { ldap_unbind_ext_s(session, NULL, NULL); }

/* A simple bind (RFC 4513 §5.1). */
static inline int oonrumail_ldap_bind(LDAP *session, const char *name, const char *password, unsigned long length) {
    struct berval secret = {length, (char *)password};
    return ldap_sasl_bind_s(session, name, LDAP_SASL_SIMPLE, &secret, NULL, NULL, NULL);
}

static inline int oonrumail_ldap_search(LDAP *session, const char *base, const char *filter, char **attributes, int seconds, int limit, LDAPMessage **out) {
    struct timeval time = {seconds, 0};
    return ldap_search_ext_s(session, base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, NULL, NULL, &time, limit, out);
}

/* One page (RFC 2696); `cookie` goes in and comes out, and is empty after the last. */
static inline int oonrumail_ldap_page(LDAP *session, const char *base, const char *filter, char **attributes, int seconds, int size, struct berval *cookie, LDAPMessage **out) {
    struct timeval time = {seconds, 0};
    LDAPControl *page = NULL, *controls[2] = {NULL, NULL}, **answered = NULL, *found;
    struct berval next = {0, NULL};
    ber_int_t estimate;
    int told = LDAP_OTHER;
    int code = ldap_create_page_control(session, size, cookie->bv_val ? cookie : NULL, 1, &page);
    *out = NULL;
    if (code != LDAP_SUCCESS) return code;
    controls[0] = page;
    code = ldap_search_ext_s(session, base, LDAP_SCOPE_SUBTREE, filter, attributes, 0, controls, NULL, &time, 0, out);
    ldap_control_free(page);
    if (cookie->bv_val) ber_memfree(cookie->bv_val);
    cookie->bv_val = NULL;
    cookie->bv_len = 0;
    if (code != LDAP_SUCCESS) return code;
    code = ldap_parse_result(session, *out, &told, NULL, NULL, NULL, &answered, 0);
    if (code != LDAP_SUCCESS || told != LDAP_SUCCESS) {
        if (answered) ldap_controls_free(answered);
        return code != LDAP_SUCCESS ? code : told;
    }
    found = ldap_control_find(LDAP_CONTROL_PAGEDRESULTS, answered, NULL);
    if (!found) {
        if (answered) ldap_controls_free(answered);
        return LDAP_UNAVAILABLE_CRITICAL_EXTENSION;
    }
    code = ldap_parse_pageresponse_control(session, found, &estimate, &next);
    ldap_controls_free(answered);
    if (code != LDAP_SUCCESS) return code;
    if (next.bv_len) *cookie = next; else if (next.bv_val) ber_memfree(next.bv_val);
    return LDAP_SUCCESS;
}
