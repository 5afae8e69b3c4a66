import ACMEClient
import Domains
import MailCrypto
package import MailPorts
import NIOPosix
import PlatformConfig

extension Platform {
    /// What orders the platform's own certificate; nil where no authority is set.
    func renewal() throws(StartupError) -> CertificateRenewal? {
        guard let directory = settings.acmeDirectory else { return nil }
        var options = ACMEOptions(directory: directory)
        options.contacts = settings.acmeContacts
        options.roots = settings.acmeRoots
        return CertificateRenewal(
            names: settings.orderedNames,
            kinds: settings.acmeChallenge.kinds.compactMap { ChallengeKind(rawValue: $0.rawValue) },
            issuer: ACMEAuthority(options, key: try accountKey(), group: .singletonMultiThreadedEventLoopGroup),
            pair: folder,
            board: MemoryChallengeBoard()
        )
    }

    /// Made once: the authority counts orders by it.
    private func accountKey() throws(StartupError) -> ACMEAccountKey {
        if let known = try folder.read(folder.authorityKey) {
            guard let key = try? ACMEAccountKey(privateDER: known) else {
                throw StartupError("\(folder.authorityKey) is no key on P-256")
            }
            return key
        }
        guard let made = try? ACMEAccountKey(), let octets = try? made.privateDER() else {
            throw StartupError("no key can be made for the authority")
        }
        try folder.write(octets, to: folder.authorityKey)
        return made
    }
}

extension DataFolder: CertificatePair {
    package func read() throws -> (chain: [UInt8], key: [UInt8])? {
        guard let chain = try read(certificate), let key = try read(certificateKey) else { return nil }
        return (chain, key)
    }

    package func replace(with issued: IssuedCertificate) throws {
        // The key first: on renewals it is the same.
        try write(issued.keyPEM, to: certificateKey)
        try write(issued.chainPEM, to: certificate)
    }
}
