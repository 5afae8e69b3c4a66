package import MailModel
package import MailPorts

/// What of a policy of signing in is changed.
package struct SignInPolicyChange: Sendable {
    package enum Number: Sendable {
        case stays
        /// As the platform asks of everybody.
        case platform
        case at(Int)
    }
    package var minimumLength = Number.stays
    package var history = Number.stays
    /// nil stays.
    package var asksBreachedList: Bool?
    package var needsSecondFactor: Bool?
    package init() {}

    fileprivate func applied(to policy: SignInPolicy) -> SignInPolicy {
        func value(_ change: Number, _ before: Int?) -> Int? {
            switch change {
            case .stays: before
            case .platform: nil
            case .at(let number): number
            }
        }
        return SignInPolicy(
            minimumLength: value(minimumLength, policy.minimumLength),
            history: value(history, policy.history),
            asksBreachedList: asksBreachedList ?? policy.asksBreachedList,
            needsSecondFactor: needsSecondFactor ?? policy.needsSecondFactor
        )
    }

    /// Only what is changed is checked: what the platform asks may have grown since the rest was set.
    fileprivate func check(_ rules: PasswordRules) throws(AccountError) {
        if case .at(let number) = minimumLength {
            try Self.require(number, in: rules.minimumLength...SignInPolicy.longestMinimum, "minimum_length")
        }
        if case .at(let number) = history {
            try Self.require(number, in: rules.history...SignInPolicy.longestHistory, "history")
        }
        if asksBreachedList == true, rules.isBreached == nil {
            throw .fieldRefused("breached_list", "The platform has no list of passwords that attackers know.")
        }
    }

    private static func require(_ number: Int, in range: ClosedRange<Int>, _ field: String) throws(AccountError) {
        guard range.contains(number) else {
            throw .fieldRefused(field, "It takes \(range.lowerBound), as the platform asks, to \(range.upperBound).")
        }
    }
}

/// Policies of organisations for signing in: their managers, and operators of the platform.
extension PeopleService {
    package func signInPolicy(
        of id: OrganisationID,
        for actor: PeopleActor
    ) async throws(AccountError) -> SignInPolicyRecord {
        _ = try await organisation(id, for: actor)
        return try await AccountError.stored { () async throws(StoreError) in try await directory.signInPolicy(of: id) }
    }

    /// Changes what is given; the rest stays.
    ///
    /// - Parameters:
    ///   - rules: the platform's: a policy adds to them.
    ///   - expected: the version to be changed; nil: whichever is in force.
    /// - Throws: `.store(.alreadyExists)` when another version is in force.
    package func changeSignInPolicy(
        of id: OrganisationID,
        _ change: SignInPolicyChange,
        beyond rules: PasswordRules,
        replacing expected: Int64? = nil,
        by actor: PeopleActor,
        now: Timestamp
    ) async throws(AccountError) -> SignInPolicyRecord {
        let present = try await signInPolicy(of: id, for: actor)
        if let expected, expected != present.version { throw .store(.alreadyExists) }
        try change.check(rules)
        let policy = change.applied(to: present.policy)
        guard policy != present.policy else { return present }
        return try await AccountError.stored { () async throws(StoreError) in
            try await store.setSignInPolicy(
                policy,
                of: id,
                replacing: present.version,
                audit: actor.event("organisation.sign_in_policy", Self.subject(id), now)
            )
        }
    }
}
