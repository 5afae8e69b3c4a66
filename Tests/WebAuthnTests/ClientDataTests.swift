import Testing
import WebAuthn

@Suite struct ClientDataTests {
    private func read(_ text: String) throws(WebAuthnFault) -> ClientData { try ClientData(Array(text.utf8)) }

    @Test func browsersWriteItInSeveralWays() throws {
        let plain = try read(
            #"{"type":"webauthn.get","challenge":"AQID","origin":"https://example.org","crossOrigin":false}"#
        )
        #expect(plain.challenge == [1, 2, 3] && plain.origin == "https://example.org" && !plain.isCrossOrigin)
        let other = try read(
            """
             { "origin" : "https:\\/\\/example.org", "challenge":"AQID", "other_keys":{"a":[1,{"b":null}]},
             "topOrigin":"x\\u0041", "n":-1.5e3, "type":"webauthn.get" }
            """
        )
        #expect(other == plain)
        #expect(
            try read(#"{"type":"","challenge":"","origin":"","crossOrigin":true}"#).isCrossOrigin
        )
    }

    @Test func whatIsNoneIsRefused() {
        let refused = [
            "", "[]", "{}", "null", #"{"type":"a","challenge":"AQID"}"#,
            #"{"type":"a","challenge":"A","origin":"b"}"#, #"{"type":"a","challenge":"AQ ID","origin":"b"}"#,
            // A name twice, so that two readers do not see two challenges.
            #"{"type":"a","challenge":"AQID","origin":"b","origin":"c"}"#,
            #"{"type":"a","challenge":"AQID","origin":"b"} x"#, #"{"type":"a","challenge":"AQID","origin":"b",}"#,
            #"{"type":"a","challenge":"AQID","origin":"b","crossOrigin":"false"}"#,
            #"{"type":1,"challenge":"AQID","origin":"b"}"#,
            "{\"type\":\"a\u{1}\",\"challenge\":\"AQID\",\"origin\":\"b\"}",
            #"{"type":"a","challenge":"AQID","origin":"\ud800"}"#,
            #"{"type":"a","challenge":"AQID","origin":"b","x":y}"#,
            #"{"type":"a","challenge":"AQID","origin":"b","x":[[[[[1]]]]]}"#,
            #"{"type":"a","challenge":"AQID","origin":""# + String(repeating: "b", count: 4_096) + #""}"#,
        ]
        for text in refused { #expect(throws: WebAuthnFault.clientData, "\(text)") { try read(text) } }
        #expect(throws: WebAuthnFault.clientData) {
            try ClientData(Array(#"{"type":"a","challenge":"AQID","origin":""#.utf8) + [0xFF] + Array("\"}".utf8))
        }
    }

    @Test func combiningMarksHideNothing() throws {
        let data = try read("{\"type\":\"\u{301}\",\"challenge\":\"AQID\",\"origin\":\"https://example.org\u{301}\"}")
        #expect(data.type == "\u{301}" && Array(data.origin.utf8).count == 21)
        #expect(throws: WebAuthnFault.origin) {
            try Ceremony(
                .get,
                challenge: [1, 2, 3],
                origins: ["https://example.or\u{1E3}"],
                relyingPartyHash: [],
                needsVerification: false
            ).check(
                try read(#"{"type":"webauthn.get","challenge":"AQID","origin":"https://example.org"}"#),
                try AuthenticatorData([UInt8](repeating: 0, count: 32) + [1, 0, 0, 0, 0])
            )
        }
    }
}
