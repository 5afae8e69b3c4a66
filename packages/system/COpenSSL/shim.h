#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

/* EVP_EC_gen is a macro over a variadic function, which Swift does not import. */
static inline EVP_PKEY *shim_ec_keygen(void) { return EVP_EC_gen("P-256"); }

/* Stacks are macros: asks for one extension. */
static inline int shim_request_extension(X509_REQ *request, X509_EXTENSION *field) {
    STACK_OF(X509_EXTENSION) *fields = sk_X509_EXTENSION_new_null();
    int done = 0;
    if (fields != NULL && sk_X509_EXTENSION_push(fields, field) > 0) done = X509_REQ_add_extensions(request, fields);
    sk_X509_EXTENSION_free(fields);
    return done;
}

/* Stacks are macros: the DNS name at that place among the alternative names; its length, 0 for another kind of name,
   -1 after the last. */
static inline int shim_alternative_name(X509 *certificate, int place, unsigned char *output, int capacity) {
    GENERAL_NAMES *names = (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    int result = -1;
    if (names != NULL && place < sk_GENERAL_NAME_num(names)) {
        GENERAL_NAME *name = sk_GENERAL_NAME_value(names, place);
        result = 0;
        if (name->type == GEN_DNS) {
            int length = ASN1_STRING_length(name->d.dNSName);
            if (length > 0 && length <= capacity) {
                for (int i = 0; i < length; i++) output[i] = ASN1_STRING_get0_data(name->d.dNSName)[i];
                result = length;
            }
        }
    }
    GENERAL_NAMES_free(names);
    return result;
}

static inline STACK_OF(X509) *shim_certificates(void) { return sk_X509_new_null(); }
static inline int shim_add_certificate(STACK_OF(X509) *all, X509 *one) { return sk_X509_push(all, one); }
static inline void shim_free_certificates(STACK_OF(X509) *all) { sk_X509_pop_free(all, X509_free); }

/* Seconds of 1970; -1 when it does not read. By OpenSSL's own arithmetic: a feature macro for timegm would change the
   system's types in this module alone, and importers would see two. */
static inline long long shim_seconds(const ASN1_TIME *time) {
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    int ok = epoch != NULL && ASN1_TIME_diff(&days, &seconds, epoch, time);
    ASN1_TIME_free(epoch);
    return ok ? (long long)days * 86400 + seconds : -1;
}
