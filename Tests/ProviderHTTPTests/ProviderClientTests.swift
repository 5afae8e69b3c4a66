import MailModel
import MailPorts
import MailTesting
import NIOPosix
import ProviderHTTP
import Testing

@Suite struct ProviderClientTests {
    private func client(
        _ options: ProviderClientOptions = ProviderClientOptions(),
        names: [String: [String]] = [:]
    ) -> ProviderClient {
        var fake = FakeResolver()
        for (name, addresses) in names { fake.hosts[name] = .success(addresses.compactMap { IPAddress($0) }) }
        let resolver = fake
        return ProviderClient(options, resolver: { resolver }, group: .singletonMultiThreadedEventLoopGroup)
    }

    @Test(arguments: [
        "https://127.0.0.1/", "https://10.1.2.3/", "https://169.254.169.254/latest", "https://[::1]/",
        "https://[fe80::1]/",
        "https://[64:ff9b::a00:1]/", "https://192.168.1.1:8443/", "http://198.41.0.4/",
        "https://0.0.0.0/", "https://[fd00::1]/",
    ])
    func `addresses that are not public, and plain HTTP, are refused`(_ text: String) async throws {
        let address = try #require(WebAddress(text))
        #expect(!client().mayAsk(address))
        await #expect(throws: ProviderFetchFault.addressRefused) { try await client().get(address, authorization: nil) }
    }

    @Test func `a name that leads inside is refused, also beside an address that is public`() async throws {
        let client = client(names: ["id.test": ["198.41.0.4", "10.0.0.1"], "in.test": ["169.254.169.254"]])
        for text in ["https://id.test/", "https://in.test/"] {
            let address = try #require(WebAddress(text))
            #expect(client.mayAsk(address))
            await #expect(throws: ProviderFetchFault.addressRefused) {
                try await client.get(address, authorization: nil)
            }
        }
    }

    @Test func `networks that are set are taken`() throws {
        var options = ProviderClientOptions()
        options.networks = [try #require(IPNetwork("10.0.0.0/8"))]
        #expect(client(options).mayAsk(try #require(WebAddress("https://10.1.2.3/"))))
        #expect(!client(options).mayAsk(try #require(WebAddress("http://10.1.2.3/"))))
    }

    @Test(arguments: [
        "https://127.1/", "https://0x7f000001/", "https://2130706433/", "https://a@b.test/", "https://a.test\\@b.test/",
        "https://a.test:0/", "https://a.test:99999/", "https://a_b.test/", "ftp://a.test/", "https://", "https:///x",
        "https://a.test/\r\nX: y", "https://a.test/é", "https://a.test/#x", "https://[::1/", "https://1.2.3.4.5/",
        "https://[::ffff:10.0.0.1]/",
    ])
    func `what readers could take for another host is no address`(_ text: String) {
        #expect(WebAddress(text) == nil)
    }

    @Test func `the parts of an address`() throws {
        let address = try #require(WebAddress("https://ID.test:8443/a?b=c"))
        #expect(address.host == "id.test" && address.port == 8_443 && address.pathAndQuery == "/a?b=c")
        #expect(address.origin == "https://id.test:8443")
        #expect(WebAddress("https://id.test")?.origin == "https://id.test")
    }
}

@Suite struct WebhookSendingTests {
    @Test(arguments: ["https://127.0.0.1/", "https://169.254.169.254/", "http://198.41.0.4/", "https://[fd00::1]/"])
    func `webhooks reach nothing that providers do not`(_ text: String) async throws {
        let client = ProviderClient(
            ProviderClientOptions(),
            resolver: { FakeResolver() },
            group: .singletonMultiThreadedEventLoopGroup
        )
        let address = try #require(WebAddress(text))
        await #expect(throws: ProviderFetchFault.addressRefused) {
            try await client.send([1], to: address, headers: [("Webhook-Id", "evt_1")])
        }
    }
}
