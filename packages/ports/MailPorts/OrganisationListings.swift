package import MailModel

// Pages of what organisations have: events for their webhooks, links, grants, programs, shared accounts.

/// What a list of a webhook's events is asked for; the newest first, unless asked otherwise.
package struct DeliveryListing: Listing {
    package enum Sort: String, ListSort {
        case createdAt = "created_at"
        case finishedAt = "finished_at"
    }

    package var organisation: OrganisationID
    package var state: WebhookDelivery.State?
    /// The kind of the event.
    package var kind: String?
    /// The event's id.
    package var event: String?
    package var sort = Sort.createdAt
    package var isDescending = true
    package var after: ListPosition?
    package var limit: Int
    package init(organisation: OrganisationID, limit: Int) { (self.organisation, self.limit) = (organisation, limit) }
}

extension WebhookDelivery: Listed {
    package func place(by sort: DeliveryListing.Sort) -> ListPosition {
        switch sort {
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id.rawValue)
        case .finishedAt: ListPosition(key: .number(finishedAt?.microseconds ?? 0), tie: id.rawValue)
        }
    }
}

/// What a list of the accounts that a domain's provider signs in is asked for.
package struct LinkListing: Listing {
    package enum Sort: String, ListSort {
        case accountID = "account_id"
        case email
        case linkedAt = "linked_at"
        case lastUsedAt = "last_used_at"
        package var isNumber: Bool { self != .email }
    }

    package var domain: String
    /// A part of the address or of the subject, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.accountID
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(domain: String, limit: Int) { (self.domain, self.limit) = (domain, limit) }
}

extension ProviderLink: Listed {
    package func place(by sort: LinkListing.Sort) -> ListPosition {
        switch sort {
        case .accountID: ListPosition(key: .number(account.rawValue), tie: account.rawValue)
        case .email: ListPosition(key: .text(address.canonical), tie: account.rawValue)
        case .linkedAt: ListPosition(key: .number(linkedAt.microseconds), tie: account.rawValue)
        case .lastUsedAt: ListPosition(key: .number(lastUse?.at.microseconds ?? 0), tie: account.rawValue)
        }
    }
}

/// What a list of grants to send is asked for.
package struct GrantListing: Listing {
    package enum Sort: String, ListSort {
        case createdAt = "created_at"
        case address, grantee
    }

    package var subject: SendingGrantSubject
    /// This grant alone.
    package var id: SendingGrantID?
    package var kind: SendingGrantKind?
    /// How the address and the grantee's begin, in canonical form.
    package var address: String?
    package var grantee: String?
    /// A part of either, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.createdAt
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(_ subject: SendingGrantSubject, limit: Int) { (self.subject, self.limit) = (subject, limit) }
}

extension SendingGrant: Listed {
    package func place(by sort: GrantListing.Sort) -> ListPosition {
        switch sort {
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id.rawValue)
        case .address: ListPosition(key: .text(address.canonical), tie: id.rawValue)
        case .grantee: ListPosition(key: .text(granteeAddress.canonical), tie: id.rawValue)
        }
    }
}

/// What a list of accounts without sign-in is asked for.
package struct TeamListing: Listing {
    package enum Sort: String, ListSort {
        case email
        case createdAt = "created_at"
    }

    /// nil: of every organisation.
    package var organisation: OrganisationID?
    package var status: Account.Status?
    /// A part of the address or of the display name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.email
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(organisation: OrganisationID?, limit: Int) { (self.organisation, self.limit) = (organisation, limit) }
}

extension TeamAccount: Listed {
    package func place(by sort: TeamListing.Sort) -> ListPosition {
        switch sort {
        case .email: ListPosition(key: .text(address.canonical), tie: account.rawValue)
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: account.rawValue)
        }
    }
}

/// What a list of registered programs is asked for; ties by `client_id`.
package struct ClientListing: Listing {
    package enum Sort: String, ListSort {
        case name
        case createdAt = "created_at"
        package var isTieNumber: Bool { false }
    }

    /// nil: of every organisation, and the platform's.
    package var organisation: OrganisationID?
    package var isPublic: Bool?
    /// A part of the name or of the id, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.name
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(organisation: OrganisationID? = nil, limit: Int) {
        (self.organisation, self.limit) = (organisation, limit)
    }
}

extension OAuthClient: Listed {
    package func place(by sort: ClientListing.Sort) -> ListPosition {
        switch sort {
        case .name: ListPosition(key: .text(name), tie: id)
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id)
        }
    }
}
