package import MailModel
package import MailPorts

/// What was asked of a profile, unread.
package struct ProfileText: Sendable {
    /// A BCP 47 language tag.
    package var language: Edit<String>
    /// A name of the system's zone data.
    package var timeZone: Edit<String>
    package init(language: Edit<String> = .keep, timeZone: Edit<String> = .keep) {
        (self.language, self.timeZone) = (language, timeZone)
    }
}

/// One's own account: name, language, time zone.
extension PeopleService {
    package func own(_ account: Account) async throws(AccountError) -> Person {
        guard
            let found = try await AccountError.stored({ () async throws(StoreError) in
                try await store.person(account.id)
            })
        else {
            throw .store(.notFound)
        }
        return found
    }

    /// nil stays as it is.
    package func changeOwn(
        _ account: Account,
        displayName: String?,
        profile: ProfileText,
        remote: IPAddress?,
        now: Timestamp
    ) async throws(AccountError) -> Person {
        let (name, change) = try checked(displayName, profile)
        let actor = PeopleActor(account, remote: remote)
        return try await changed { () async throws(StoreError) in
            try await store.take(
                .change(displayName: name, role: nil, profile: change),
                on: account.id,
                upTo: account.role,
                audit: actor.event("account.profile", actor.name, now)
            )
        }
    }

    func checked(
        _ displayName: String?,
        _ profile: ProfileText
    ) throws(AccountError) -> (name: String?, change: ProfileChange) {
        var name: String?
        if let displayName { name = try Self.text(displayName, "display_name", mayBeEmpty: true) }
        var change = ProfileChange()
        switch profile.language {
        case .keep: ()
        case .set(nil): change.language = .set(nil)
        case .set(let text?):
            guard let tag = LanguageTag(text) else {
                throw .fieldRefused("language", "A language is a BCP 47 tag such as de, pt-BR or zh-Hant.")
            }
            change.language = .set(tag)
        }
        switch profile.timeZone {
        case .keep: ()
        case .set(nil): change.timeZone = .set(nil)
        case .set(let text?):
            guard limits.isTimeZone(text) else {
                throw .fieldRefused("time_zone", "A time zone is a name of the IANA database such as Europe/Berlin.")
            }
            change.timeZone = .set(text)
        }
        return (name, change)
    }
}
