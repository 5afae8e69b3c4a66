import Glibc
import Logging
import MailCrypto
import MailModel
import MailPorts
import MailTesting
import Synchronization
import Telemetry
import Testing

@testable import Domains

@Suite final class CertificateWatchTests: Sendable {
    private let directory = FakeDirectory()
    private let store = FakeCertificates()
    private let probe = FakeProbe()
    private let clock = ManualClock()
    private let resolver: FakeResolver
    private let own: SelfSignedCertificate
    private let file = Mutex<CertificateFiles?>(nil)

    init() throws {
        var resolver = FakeResolver()
        resolver.hosts["mail.host.test"] = .success([IPAddress("127.0.0.1")].compactMap { $0 })
        resolver.hosts["autoconfig.shop.test"] = .success([IPAddress("9.9.9.9")].compactMap { $0 })
        resolver.hosts["autoconfig.inside.test"] = .success(
            [IPAddress("9.9.9.9"), IPAddress("10.0.0.1")].compactMap { $0 }
        )
        resolver.hosts["autoconfig.silent.test"] = .failure(.temporary(reason: "SERVFAIL"))
        self.resolver = resolver
        own = try SelfSignedCertificate(hostNames: ["mail.host.test", "autoconfig.shop.test"], validDays: 20)
    }

    /// The present, as certificates are made for it.
    private var now: Timestamp { Timestamp(seconds: Int64(time(nil))) }

    private func der(_ made: SelfSignedCertificate) -> [[UInt8]] {
        Certificate.chain(pem: made.certificatePEM).map(\.der)
    }

    private func look(roots: String? = nil, takesPrivate: Bool = false) -> CertificateLook {
        let (resolver, held) = (resolver, file.withLock { $0 })
        return CertificateLook(
            resolver: { resolver },
            probe: probe,
            files: { held },
            roots: roots,
            takesPrivate: takesPrivate
        )
    }

    private func watch(places: [CertificatePlace]) async throws -> CertificateWatch {
        let organisation = try await directory.addOrganisation(name: "Shop")
        _ = try await directory.addDomain("shop.test", organisation: organisation.id, keys: [])
        for (name, role) in [("owner@shop.test", Role.owner), ("root@shop.test", .platformAdmin)] {
            _ = try await directory.addAccount(
                NewAccount(
                    organisation: organisation.id,
                    address: try #require(EmailAddress(name)),
                    role: role,
                    passwordHash: ""
                )
            )
        }
        store.host("shop.test", organisation: organisation.id)
        return CertificateWatch(
            store: store,
            upkeep: directory,
            look: look(),
            arrangement: CertificateArrangement(places: places, labels: ["autoconfig"], port: 443),
            notice: try OwnerNotice(directory, RecordingDeliveries()),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
    }

    private func see(_ host: String, port: UInt16 = 443, isOwn: Bool = false) async -> CertificateSight {
        let place = CertificatePlace(host: host, port: port)
        return await look().look(at: place, start: TLSStart(usualAt: port), isOwn: isOwn, now: now)
    }

    // MARK: - Looks

    @Test func `a chain is judged by its time, its names, its key and who signed it`() async throws {
        let chain = Certificate.chain(pem: own.certificatePEM)
        let judge = CertificateJudge(roots: nil)
        let seen = judge.sight(of: chain, host: "mail.host.test", now: now)
        #expect(seen.status == .untrusted && seen.fault.contains("self"))
        #expect(seen.names.contains("autoconfig.shop.test") && seen.keyHash.utf8.count == 64)
        #expect(judge.sight(of: chain, host: "other.test", now: now).status == .wrongName)
        #expect(judge.sight(of: chain, host: "mail.host.test", isKeysOwn: false, now: now).status == .keyMismatch)
        #expect(
            judge.sight(of: chain, host: "mail.host.test", now: now.adding(seconds: 21 * 86_400)).status == .expired
        )
        #expect(judge.sight(of: chain, host: "mail.host.test", now: now.adding(seconds: -7_200)).status == .notYetValid)
        #expect(judge.sight(of: [], host: "mail.host.test", now: now).status == .unreachable)
    }

    @Test func `trusted certificates are told by the days that are left`() async throws {
        let chain = Certificate.chain(pem: own.certificatePEM)
        var path = Array("/tmp/roots.XXXXXX".utf8CString)
        let descriptor = mkstemp(&path)
        defer { close(descriptor) }
        #expect(write(descriptor, own.certificatePEM, own.certificatePEM.count) == own.certificatePEM.count)
        let name = String(decoding: path.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { unlink(name) }
        let judge = CertificateJudge(roots: name)
        #expect(judge.sight(of: chain, host: "mail.host.test", now: now).status == .expiring)
        #expect(
            judge.sight(of: chain, host: "mail.host.test", now: now.adding(seconds: 14 * 86_400)).status == .urgent
        )
        let long = Certificate.chain(
            pem: try SelfSignedCertificate(hostNames: ["a.test"], validDays: 90).certificatePEM
        )
        #expect(judge.sight(of: long, host: "a.test", now: now).status == .untrusted)
    }

    @Test func `the file is read with its key`() async throws {
        let other = try SelfSignedCertificate(hostNames: ["mail.host.test"])
        #expect(await see("mail.host.test", port: CertificatePlace.file).status == .absent)
        file.withLock { $0 = CertificateFiles(chain: own.certificatePEM, key: other.keyPEM) }
        #expect(await see("mail.host.test", port: CertificatePlace.file).status == .keyMismatch)
        file.withLock { $0 = CertificateFiles(chain: own.certificatePEM, key: own.keyPEM) }
        #expect(await see("mail.host.test", port: CertificatePlace.file).status == .untrusted)
        file.withLock { $0 = CertificateFiles(chain: Array("nothing".utf8), key: own.keyPEM) }
        #expect(await see("mail.host.test", port: CertificatePlace.file).status == .absent)
    }

    @Test func `a name is looked up and asked for by itself`() async throws {
        probe.serve(der(own), at: "9.9.9.9", port: 443)
        let seen = await see("autoconfig.shop.test")
        #expect(seen.status == .untrusted && probe.asked == ["autoconfig.shop.test"])
        #expect(seen.notAfter.map { $0 > now.adding(seconds: 19 * 86_400) } == true)
        #expect(await see("gone.shop.test").status == .absent)
        #expect(await see("autoconfig.silent.test").status == .unreachable)
        #expect(await see("autoconfig.shop.test", port: 444).status == .unreachable)
    }

    @Test func `TLS is asked for as the port wants it, and a server without it has a state of its own`() async throws {
        for (port, start) in [25: TLSStart.smtp, 587: .smtp, 143: .imap, 465: .implicit, 993: .implicit]
            as [UInt16: TLSStart]
        {
            probe.serve(der(own), at: "9.9.9.9", port: port)
            #expect(await see("autoconfig.shop.test", port: port).status == .untrusted)
            #expect(probe.starts[port] == start)
        }
        probe.serveInClear(at: "9.9.9.9", port: 25)
        let seen = await see("autoconfig.shop.test", port: 25)
        #expect(seen.status == .noSTARTTLS && seen.notAfter == nil && seen.fault.contains("STARTTLS"))
        let arrangement = CertificateArrangement(
            places: [],
            labels: [],
            port: 443,
            starts: [CertificatePlace(host: "mail.host.test", port: 2525): .smtp]
        )
        #expect(arrangement.start(at: CertificatePlace(host: "Mail.host.test", port: 2525)) == .smtp)
        #expect(arrangement.start(at: CertificatePlace(host: "other.test", port: 2525)) == .implicit)
        #expect(Set(CertificateStatus.allCases.map(\.severity)) == Set(0..<CertificateStatus.allCases.count))
    }

    @Test func `the worst port is the state of a name, and is named`() {
        func place(_ port: UInt16, _ status: CertificateStatus, _ fault: String = "") -> WatchedCertificate {
            let sight = CertificateSight(at: now, status: status, fault: fault)
            return WatchedCertificate(place: CertificatePlace(host: "mail.host.test", port: port), sight: sight)
        }
        let good = [place(0, .ok), place(993, .ok)]
        #expect(CertificateSummary(good).status == .ok && CertificateSummary(good).detail.isEmpty)
        let bad = CertificateSummary(
            good + [
                place(587, .expired, "it has ended"), place(465, .urgent, "soon"), place(25, .expired, "it has ended"),
            ]
        )
        #expect(bad.status == .expired && bad.detail == "ports 25, 587: it has ended")
        #expect(CertificateSummary([place(0, .absent, "no file"), place(25, .ok)]).detail == "file: no file")
        let two = CertificateSummary([place(25, .unreachable, "a"), place(143, .unreachable, "b")])
        #expect(two.detail == "port 25: a; port 143: b")
        let unseen = WatchedCertificate(place: CertificatePlace(host: "mail.host.test", port: 143))
        #expect(CertificateSummary(good + [unseen]).status == .unknown)
    }

    @Test func `ports that show one certificate are told of together`() async throws {
        for port in [25, 993] as [UInt16] { probe.serve(der(own), at: "127.0.0.1", port: port) }
        let watch = try await watch(places: [25, 993].map { CertificatePlace(host: "mail.host.test", port: $0) })
        clock.set(now.adding(seconds: 60))
        _ = try await watch.pass(holder: "one", clock: clock)
        #expect(store.letters.count == 1 && store.audit.count == 2)
        let text = CertificateText.body(
            try await store.certificates(CertificateListing(host: "mail.host.test", limit: 9)),
            isOwners: false,
            now: now
        )
        #expect(text.contains("mail.host.test (ports 25, 993)\n  ends "))
        #expect(text.split(separator: "\n").filter { $0.hasPrefix("mail.host.test") }.count == 1)
    }

    @Test func `nobody's DNS leads inside`() async throws {
        probe.serve(der(own), at: "10.0.0.1", port: 443)
        probe.serve(der(own), at: "127.0.0.1", port: 443)
        #expect(await see("autoconfig.inside.test").status == .refused)
        #expect(probe.asked.isEmpty)
        let inside = CertificatePlace(host: "autoconfig.inside.test", port: 443)
        #expect(
            await look(takesPrivate: true).look(at: inside, start: .implicit, isOwn: false, now: now).status
                == .wrongName
        )
        #expect(await see("mail.host.test", isOwn: true).status == .untrusted)
    }

    // MARK: - Watching

    @Test func `owners and operators are told once for each step`() async throws {
        probe.serve(der(own), at: "9.9.9.9", port: 443)
        probe.serve(der(own), at: "127.0.0.1", port: 993)
        let watch = try await watch(places: [CertificatePlace(host: "mail.host.test", port: 993)])
        let start = now.adding(seconds: 60)
        clock.set(start)
        #expect(try await watch.pass(holder: "one", clock: clock) == 2)
        let letters = store.letters
        #expect(
            letters.map { $0.localCopies.map(\.recipient.description) } == [["root@shop.test"], ["owner@shop.test"]]
        )
        #expect(letters.first?.summary.subject == "The certificate of mail.host.test ends in 19 days")
        #expect(store.audit.map(\.action) == ["certificate.warning", "certificate.warning"])
        #expect(store.audit.first?.detail.contains("\"days\":19") == true)
        _ = try await watch.pass(holder: "one", clock: clock)
        #expect(store.letters.count == 2)
        clock.set(start.adding(seconds: 14 * 86_400))
        _ = try await watch.pass(holder: "one", clock: clock)
        #expect(store.letters.count == 4)
        clock.set(start.adding(seconds: 25 * 86_400))
        _ = try await watch.pass(holder: "one", clock: clock)
        _ = try await watch.pass(holder: "one", clock: clock)
        #expect(store.letters.count == 6)
        #expect(store.letters.last?.summary.subject == "The certificate of autoconfig.shop.test has ended")
        let renewed = try SelfSignedCertificate(hostNames: ["autoconfig.shop.test"], validDays: 32)
        probe.serve(der(renewed), at: "9.9.9.9", port: 443)
        clock.set(start.adding(seconds: 26 * 86_400))
        _ = try await watch.pass(holder: "one", clock: clock)
        #expect(store.letters.count == 7)
    }

    @Test func `what cannot be mailed is audited`() async throws {
        probe.serve(der(own), at: "127.0.0.1", port: 993)
        let watch = try await watch(places: [CertificatePlace(host: "mail.host.test", port: 993)])
        store.fill()
        clock.set(now)
        _ = try await watch.pass(holder: "one", clock: clock)
        #expect(store.letters.isEmpty && store.audit.count == 1)
    }

    @Test func `one process at a time looks`() async throws {
        let watch = try await watch(places: [])
        clock.set(now)
        #expect(try await watch.pass(holder: "one", clock: clock) == 1)
        clock.advance(seconds: 1)
        store.host("new.test", organisation: OrganisationID(1))
        let until = clock.now().adding(seconds: CertificateWatch.leaseSeconds)
        #expect(try await directory.takeUpkeep(CertificateWatch.task, holder: "one", until: until, now: clock.now()))
        #expect(try await watch.pass(holder: "two", clock: clock) == 0)
        // Of one that was killed it ends by itself.
        clock.advance(seconds: CertificateWatch.leaseSeconds)
        #expect(try await watch.pass(holder: "two", clock: clock) == 1)
    }

    @Test func `a process that is done or stopped leaves the next one its turn at once`() async throws {
        let watch = try await watch(places: [])
        clock.set(now)
        #expect(try await watch.pass(holder: "one", clock: clock) == 1)
        store.host("new.test", organisation: OrganisationID(1))
        #expect(try await watch.pass(holder: "two", clock: clock) == 1)
        store.host("newer.test", organisation: OrganisationID(1))
        let stopped = Task { [clock] in try await watch.pass(holder: "three", clock: clock) }
        stopped.cancel()
        let seen = try await stopped.value
        #expect(try await watch.pass(holder: "four", clock: clock) == 1 - seen)
    }
}
