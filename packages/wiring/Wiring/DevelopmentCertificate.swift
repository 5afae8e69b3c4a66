import MailCrypto
import PlatformConfig

/// A certificate for trying things out: made once, trusted by nobody.
enum DevelopmentCertificate {
    /// Paths of the certificate and key in force; a self-signed pair is made when the settings name none.
    static func paths(
        _ settings: PlatformSettings,
        _ folder: DataFolder
    ) throws(StartupError) -> (certificate: String, key: String) {
        if let certificate = settings.tlsCertificate, let key = settings.tlsKey { return (certificate, key) }
        let (certificate, key) = (try folder.read(folder.certificate), try folder.read(folder.certificateKey))
        if certificate == nil || key == nil {
            do throws(CryptoError) {
                let made = try SelfSignedCertificate(hostNames: [settings.hostname, "localhost"])
                try write(made, folder)
            } catch {
                throw StartupError("cannot make a certificate for \(settings.hostname)")
            }
        }
        return (folder.certificate, folder.certificateKey)
    }

    private static func write(_ made: SelfSignedCertificate, _ folder: DataFolder) throws(CryptoError) {
        do throws(StartupError) {
            try folder.write(made.keyPEM, to: folder.certificateKey)
            try folder.write(made.certificatePEM, to: folder.certificate)
        } catch {
            throw .failed
        }
    }
}
