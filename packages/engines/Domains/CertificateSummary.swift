package import MailPorts

/// What the certificates of one name come to over its ports: clients of each port meet that port's certificate, so the worst counts.
package struct CertificateSummary: Hashable, Sendable {
    package var status: CertificateStatus
    /// Which ports it is of, and what is wrong there, as in `ports 25, 587: it has ended`; empty where nothing is.
    package var detail: String

    /// - Parameter places: the name at each of its ports, one at least.
    package init(_ places: [WatchedCertificate]) {
        let worst = places.map(\.status).max { $0.severity < $1.severity } ?? .unknown
        status = worst
        var faults: [(text: String, places: [CertificatePlace])] = []
        for one in places where one.status == worst {
            guard let fault = one.sight?.fault, !fault.isEmpty else { continue }
            if let known = faults.firstIndex(where: { $0.text == fault }) {
                faults[known].places.append(one.place)
            } else {
                faults.append((fault, [one.place]))
            }
        }
        detail = faults.map { "\(Self.ports($0.places)): \($0.text)" }.joined(separator: "; ")
    }

    /// `file, ports 25, 587`.
    static func ports(_ places: [CertificatePlace]) -> String {
        let numbers = places.map(\.port).filter { $0 != CertificatePlace.file }.sorted()
        let file = places.contains { $0.port == CertificatePlace.file } ? ["file"] : []
        guard !numbers.isEmpty else { return file.joined() }
        let word = numbers.count == 1 ? "port" : "ports"
        return (file + ["\(word) \(numbers.map(String.init).joined(separator: ", "))"]).joined(separator: ", ")
    }
}

extension WatchedCertificate {
    package var status: CertificateStatus { sight?.status ?? .unknown }
}
