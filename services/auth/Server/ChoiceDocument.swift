import Accounts
import HTTPKit

/// A token, and what its person chooses to sign in by.
struct ChoiceDocument: RequestDocument {
    static let members: Set<String> = ["token", "password", "credential", "name"]
    var token: String
    var password: String?
    var credential: PasskeyCredential?
    /// Of the passkey.
    var name: String?

    /// nil: nothing is chosen now.
    var choiceIfAny: ChosenFactor? {
        get throws(Problem) { password == nil && credential == nil && name == nil ? nil : try choice }
    }

    var choice: ChosenFactor {
        get throws(Problem) {
            switch (password, credential) {
            case (let password?, nil): return .password(password)
            case (nil, let credential?):
                guard let name else { throw Problem.invalid("name", "Give the passkey a name.") }
                return .passkey(try credential.registration(), name: name)
            default: throw Problem.invalid("password", "Give a password or a passkey.")
            }
        }
    }
}
