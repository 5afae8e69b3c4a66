package import MailModel

// Pages of those who are to come: invited, registered, signed up; ties by number.

/// What a list of an organisation's open invitations is asked for.
package struct InvitationListing: Listing {
    package enum Sort: String, ListSort {
        case createdAt = "created_at"
        case expiresAt = "expires_at"
        case email
    }

    package var organisation: OrganisationID
    package var role: Role?
    /// A part of the address, the contact or the display name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.createdAt
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(organisation: OrganisationID, limit: Int) { (self.organisation, self.limit) = (organisation, limit) }
}

extension Invitation: Listed {
    package func place(by sort: InvitationListing.Sort) -> ListPosition {
        switch sort {
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id.rawValue)
        case .expiresAt: ListPosition(key: .number(expiresAt.microseconds), tie: id.rawValue)
        case .email: ListPosition(key: .text(address.canonical), tie: id.rawValue)
        }
    }
}

/// What a list of sign-ups that wait is asked for.
package struct SignUpListing: Listing {
    package enum Sort: String, ListSort {
        case createdAt = "created_at"
        case organisation, email
    }

    /// A part of the organisation, the address or the display name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.createdAt
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(limit: Int) { self.limit = limit }
}

extension SignUp: Listed {
    package func place(by sort: SignUpListing.Sort) -> ListPosition {
        switch sort {
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id.rawValue)
        case .organisation: ListPosition(key: .text(organisation), tie: id.rawValue)
        case .email: ListPosition(key: .text(EmailAddress.lowercased(email.description)), tie: id.rawValue)
        }
    }
}

/// What a list of registrations that wait is asked for.
package struct RegistrationListing: Listing {
    package enum Sort: String, ListSort {
        case createdAt = "created_at"
        case email
    }

    /// nil: on domains of every organisation.
    package var organisation: OrganisationID?
    /// In lower case; nil: on every domain.
    package var domain: String?
    /// A part of the address, the contact or the display name, without regard to the case of ASCII letters.
    package var text: String?
    package var sort = Sort.createdAt
    package var isDescending = false
    package var after: ListPosition?
    package var limit: Int
    package init(organisation: OrganisationID? = nil, limit: Int) {
        (self.organisation, self.limit) = (organisation, limit)
    }
}

extension Registration: Listed {
    package func place(by sort: RegistrationListing.Sort) -> ListPosition {
        switch sort {
        case .createdAt: ListPosition(key: .number(createdAt.microseconds), tie: id.rawValue)
        case .email: ListPosition(key: .text(EmailAddress.lowercased(address.description)), tie: id.rawValue)
        }
    }
}
