import CLDAP
import Glibc
import MailPorts

/// One connection with a server, used by one thread at a time; its calls block, each within the limit of its opening.
///
/// Referrals and references are not followed: libldap is told so, and entries alone are read.
final class LDAPSession {
    enum Protection: Sendable { case plain, tls, startTLS }

    enum BindAnswer: Equatable { case right, refused }

    /// Attributes of an entry, under their names as they were asked for.
    struct Entry {
        var name: String
        var values: [String: [[UInt8]]]

        /// Values that are UTF-8.
        func texts(_ attribute: String) -> [String] {
            (values[attribute] ?? []).compactMap { String(validating: $0, as: UTF8.self) }
        }
    }

    /// Octets of a value that are read, and values of an attribute.
    private static let longestValue = 1_024
    private static let mostValues = 1_000

    private let handle: OpaquePointer
    private let seconds: Int32
    /// Nothing more can be done with it.
    private(set) var isLost = false

    private init(_ handle: OpaquePointer, _ seconds: Int32) { (self.handle, self.seconds) = (handle, seconds) }

    deinit { oonrumail_ldap_close(handle) }

    /// - Parameters:
    ///   - descriptor: of a connected socket; it is this session's from now on.
    ///   - url: whose host the certificate is for.
    ///   - authorities: a file.
    static func open(
        _ descriptor: Int32,
        url: String,
        protection: Protection,
        authorities: String,
        seconds: Int32
    ) throws(DirectoryFault) -> LDAPSession {
        let word =
            switch protection {
            case .plain: OONRUMAIL_LDAP_PLAIN
            case .tls: OONRUMAIL_LDAP_TLS
            case .startTLS: OONRUMAIL_LDAP_START_TLS
            }
        var handle: OpaquePointer?
        let code = oonrumail_ldap_open(descriptor, url, authorities, seconds, word, &handle)
        guard code == LDAP_SUCCESS, let handle else { throw fault(code) }
        return LDAPSession(handle, seconds)
    }

    /// A simple bind; an empty password is never sent, as it would sign in nobody and be answered as right (RFC 4513 §5.1.2).
    func bind(_ name: String, _ password: String) throws(DirectoryFault) -> BindAnswer {
        guard !password.utf8.isEmpty, !name.utf8.isEmpty else { return .refused }
        let bytes = password.utf8.map { CChar(bitPattern: $0) }
        let code = oonrumail_ldap_bind(handle, name, bytes, UInt(bytes.count))
        switch code {
        case LDAP_SUCCESS: return .right
        // Locked, expired, not allowed to, or gone by now: it does not open, and the server has said so.
        case LDAP_INVALID_CREDENTIALS, LDAP_INAPPROPRIATE_AUTH, LDAP_INSUFFICIENT_ACCESS, LDAP_UNWILLING_TO_PERFORM,
            LDAP_CONSTRAINT_VIOLATION, LDAP_NO_SUCH_OBJECT, LDAP_INVALID_DN_SYNTAX:
            return .refused
        default: throw lost(code)
        }
    }

    /// - Returns: `limit` entries at most; there may be more.
    func search(
        _ base: String,
        _ filter: String,
        _ attributes: [String],
        limit: Int
    ) throws(DirectoryFault) -> [Entry] {
        var message: OpaquePointer?
        let code = Self.withNames(attributes) { names in
            oonrumail_ldap_search(handle, base, filter, names, seconds, Int32(limit), &message)
        }
        defer { if let message { ldap_msgfree(message) } }
        guard code == LDAP_SUCCESS || code == LDAP_SIZELIMIT_EXCEEDED else { throw lost(code) }
        return message.map { entries($0, attributes) } ?? []
    }

    /// Every entry, page by page (RFC 2696).
    func walk(
        _ base: String,
        _ filter: String,
        _ attributes: [String],
        page: Int,
        body: (Entry) throws(DirectoryFault) -> Void
    ) throws(DirectoryFault) {
        var cookie = berval(bv_len: 0, bv_val: nil)
        defer { if let left = cookie.bv_val { ber_memfree(left) } }
        repeat {
            var message: OpaquePointer?
            let code = Self.withNames(attributes) { names in
                oonrumail_ldap_page(handle, base, filter, names, seconds, Int32(page), &cookie, &message)
            }
            defer { if let message { ldap_msgfree(message) } }
            guard code == LDAP_SUCCESS else { throw lost(code) }
            for entry in message.map({ entries($0, attributes) }) ?? [] { try body(entry) }
        } while cookie.bv_val != nil
    }

    // MARK: - Reading

    private func entries(_ message: OpaquePointer, _ attributes: [String]) -> [Entry] {
        var found: [Entry] = []
        var next = ldap_first_entry(handle, message)
        while let entry = next {
            next = ldap_next_entry(handle, entry)
            guard let name = ldap_get_dn(handle, entry) else { continue }
            defer { ldap_memfree(name) }
            var read = Entry(name: String(cString: name), values: [:])
            for attribute in attributes { read.values[attribute] = values(of: attribute, entry) }
            found.append(read)
        }
        return found
    }

    /// Those that are not too long.
    private func values(of attribute: String, _ entry: OpaquePointer) -> [[UInt8]] {
        guard let values = ldap_get_values_len(handle, entry, attribute) else { return [] }
        defer { ldap_value_free_len(values) }
        let count = min(Int(ldap_count_values_len(values)), Self.mostValues)
        return (0..<count).compactMap { index in
            guard let value = values[index]?.pointee, let start = value.bv_val, value.bv_len <= Self.longestValue else {
                return nil
            }
            return Array(UnsafeRawBufferPointer(start: start, count: Int(value.bv_len)))
        }
    }

    private static func withNames<Value>(
        _ names: [String],
        _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Value
    ) -> Value {
        var copies: [UnsafeMutablePointer<CChar>?] = names.map { strdup($0) } + [nil]
        defer { for copy in copies { free(copy) } }
        return copies.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { preconditionFailure("the array has its last nil") }
            return body(start)
        }
    }

    // MARK: - Failures

    private func lost(_ code: Int32) -> DirectoryFault {
        isLost = true
        return Self.fault(code)
    }

    private static func fault(_ code: Int32) -> DirectoryFault {
        switch code {
        case LDAP_TIMEOUT, LDAP_TIMELIMIT_EXCEEDED: .tooSlow
        case LDAP_SERVER_DOWN, LDAP_CONNECT_ERROR, LDAP_UNAVAILABLE: .unreachable
        case LDAP_BUSY: .busy
        case LDAP_ADMINLIMIT_EXCEEDED, LDAP_SIZELIMIT_EXCEEDED: .malformed("size_limit")
        case LDAP_INSUFFICIENT_ACCESS, LDAP_INAPPROPRIATE_AUTH, LDAP_INVALID_CREDENTIALS: .secretRefused
        case LDAP_FILTER_ERROR: .malformed("filter")
        case LDAP_NO_SUCH_OBJECT, LDAP_INVALID_DN_SYNTAX, LDAP_REFERRAL: .malformed("base")
        case LDAP_UNAVAILABLE_CRITICAL_EXTENSION: .malformed("pages")
        default: .malformed("code_\(code)")
        }
    }
}
