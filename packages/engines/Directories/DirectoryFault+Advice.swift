package import MailPorts

extension DirectoryFault {
    /// A sentence for the domain's administrator.
    package var advice: String {
        switch self {
        case .addressRefused: "The directory's address is not of the public Internet, or TLS is missing."
        case .nameUnknown: "The directory's host name is not found in DNS."
        case .unreachable: "No connection with the directory, or its certificate does not verify."
        case .tooSlow: "The directory takes too long."
        case .secretRefused: "The directory refuses the connection's own name or password."
        case .malformed("filter"): "The directory does not take the filter."
        case .malformed("base"): "The directory does not have the base."
        case .malformed("pages"): "The directory does not give its people in pages (RFC 2696)."
        case .malformed("size_limit"):
            "The directory gives a part of its people only: raise its size limit for the connection's name."
        case .malformed("password_scheme"):
            "The password's hash is of a scheme that is not known here; the log names it."
        case .malformed(let what): "What the directory says cannot be used: \(what)."
        case .busy: "Too many ask the directory already; try again."
        case .tooMany: "The directory has more people than are read."
        case .sealedOtherwise: "The connection's secret does not open with the master key; set it again."
        }
    }
}
