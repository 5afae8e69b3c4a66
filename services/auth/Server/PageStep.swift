import HTTPKit
import MailCrypto
import MailModel
import MailPorts
import OpenIDProvider
import SingleSignOn

/// What a browser keeps for the sign-in pages between two requests: sealed, one thing at a time, out of reach of scripts.
///
/// So any replica goes on with what another began, and nothing is written for sign-ins that nobody finishes.
enum PageStep {
    static let cookie = "__Host-oonrumail-step"
    /// Octets of its value: browsers keep 4,096 with the name (RFC 6265 §6.1).
    static let longest = 4_000
    static let ended = PageVisit.cookie(cookie, "", seconds: 0)

    /// Paths that people are taken back to.
    private static let pages = [ProviderDocument.authorization, ProviderDocument.devicePage]

    /// Whether the browser may be sent there: a page of ours, whatever its query.
    static func isPage(_ action: String) -> Bool {
        pages.contains { action.utf8.elementsEqual($0.utf8) || action.utf8.starts(with: "\($0)?".utf8) }
    }

    static func kept(_ request: APIRequest) -> String { request.cookie(cookie) ?? "" }

    static func hash(_ action: String) -> String {
        Base64URL.encode(SHA256.hash(Array("oonrumail page action\0\(action)".utf8)))
    }
}

/// A sign-in that a page waits for, while the person is at the identity provider of their domain.
struct ProviderStep {
    var verifier: String
    /// `PageVisit.markHash` of the browser that began.
    var mark: String
    var wish: SignInWish
    var begun: Timestamp
    /// The page to come back to, whole.
    var action: String

    init(_ visit: PageVisit, now: Timestamp) {
        verifier = Base64URL.encode(SecureRandom.bytes(32))
        mark = visit.markHash
        wish = visit.wish
        begun = now
        action = visit.action
    }

    /// nil for what is not ours, was begun by another session of the browser or has expired.
    init?(_ request: APIRequest, of visit: PageVisit, now: Timestamp) {
        guard let step = SealedStep(PageStep.kept(request), .page, count: 6, visit.context.secrets, now: now),
            let begun = Int64(step.fields[2]), let wish = SignInWish(prompt: step.fields[3], maxAge: step.fields[4]),
            constantTimeEqual(Array(step.fields[1].utf8), Array(visit.markHash.utf8)), PageStep.isPage(step.fields[5])
        else { return nil }
        (verifier, mark, action) = (step.fields[0], step.fields[1], step.fields[5])
        self.begun = Timestamp(microseconds: begun)
        self.wish = wish
    }

    /// RFC 7636 §4.2.
    var challenge: String { Base64URL.encode(SHA256.hash(Array(verifier.utf8))) }

    /// nil when the page's address is too long to be kept.
    func cookie(_ context: OpenIDContext) -> String? {
        let seconds = context.providers.limits.stepSeconds
        let age = wish.maxAge.map { "\($0)" } ?? ""
        let text = SealedStep(
            [verifier, mark, "\(begun.microseconds)", wish.promptText, age, action],
            expiresAt: begun.adding(seconds: seconds)
        ).text(.page, context.secrets)
        return text.utf8.count > PageStep.longest ? nil : PageVisit.cookie(PageStep.cookie, text, seconds: seconds)
    }
}

/// Why a sign-in by the identity provider of a domain led to nobody, as people read it.
enum SignInFault: String {
    case denied
    case refused
    case unavailable = "provider_unavailable"
    case expired
    /// The person was not asked anew, as the program wishes.
    case notAnew = "not_anew"

    var sentence: String {
        switch self {
        case .denied: "Your organisation's sign-in page did not let you in."
        case .refused:
            "What your organisation's sign-in page says of you opens no account here. Ask whoever runs your organisation's mail."
        case .unavailable: "Your organisation's sign-in page cannot be asked now. Try again later."
        case .expired: "That took too long, or was finished before. Sign in again."
        case .notAnew:
            "The program wants you to sign in anew, and your organisation's sign-in page did not ask you. Sign out there first."
        }
    }

    var status: Int {
        switch self {
        case .denied, .refused, .expired, .notAnew: 403
        case .unavailable: 503
        }
    }
}

/// What a page is to know when the browser comes back to it.
enum PageNote {
    /// The browser's session, which began on the way.
    case signedIn(family: String)
    case fault(SignInFault)

    /// Long enough to read recovery codes.
    private static let seconds: Int64 = 600

    init?(_ request: APIRequest, for action: String, _ context: OpenIDContext, now: Timestamp) {
        guard let step = SealedStep(PageStep.kept(request), .note, count: 3, context.secrets, now: now),
            step.fields[0] == PageStep.hash(action)
        else { return nil }
        switch step.fields[1] {
        case "signed-in": self = .signedIn(family: step.fields[2])
        case "fault":
            guard let fault = SignInFault(rawValue: step.fields[2]) else { return nil }
            self = .fault(fault)
        default: return nil
        }
    }

    func cookie(for action: String, _ context: OpenIDContext, now: Timestamp) -> String {
        let words =
            switch self {
            case .signedIn(let family): ["signed-in", family]
            case .fault(let fault): ["fault", fault.rawValue]
            }
        let step = SealedStep([PageStep.hash(action)] + words, expiresAt: now.adding(seconds: Self.seconds))
        return PageVisit.cookie(PageStep.cookie, step.text(.note, context.secrets), seconds: Self.seconds)
    }
}
