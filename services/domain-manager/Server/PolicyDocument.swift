import HTTPKit
import MailModel
import MailPolicy

/// A policy as the body of a request.
struct PolicyDocument: RequestDocument {
    static var members: Set<String> { StrictPolicy.members }
    let policy: DomainPolicy

    init(from decoder: any Decoder) throws {
        let strict = try StrictPolicy(from: decoder)
        policy = strict.policy
    }
}
