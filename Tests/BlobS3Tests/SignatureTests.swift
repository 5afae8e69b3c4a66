import BlobS3
import MailModel
import Testing

/// The examples of Amazon's page "Authenticating Requests: Using the Authorization Header (AWS Signature Version 4)".
struct SignedRow: Sendable, CustomTestStringConvertible {
    let method: String
    let path: String
    var query: [S3Signature.Field] = []
    var fields: [S3Signature.Field] = []
    var digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    let signature: String
    var testDescription: String { "\(method) \(path)" }
}

@Suite("S3: signatures") struct SignatureTests {
    private static let signature = S3Signature(
        accessKeyID: "AKIAIOSFODNN7EXAMPLE",
        secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
        region: "us-east-1"
    )
    /// The moment of the examples: 2013-05-24, midnight.
    private static let moment = Timestamp(seconds: 1_369_353_600)

    @Test(
        "the published examples",
        arguments: [
            SignedRow(
                method: "GET",
                path: "/test.txt",
                fields: [.init("range", "bytes=0-9")],
                signature: "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
            ),
            SignedRow(
                method: "PUT",
                path: "/test$file.text",
                fields: [
                    .init("date", "Fri, 24 May 2013 00:00:00 GMT"), .init("x-amz-storage-class", "REDUCED_REDUNDANCY"),
                ],
                digest: "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
                signature: "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
            ),
            SignedRow(
                method: "GET",
                path: "/",
                query: [.init("lifecycle", "")],
                signature: "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
            ),
            SignedRow(
                method: "GET",
                path: "/",
                query: [.init("prefix", "J"), .init("max-keys", "2")],
                signature: "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
            ),
        ]
    )
    func example(row: SignedRow) {
        let fields =
            row.fields + [
                .init("host", "examplebucket.s3.amazonaws.com"), .init("x-amz-date", "20130524T000000Z"),
                .init("x-amz-content-sha256", row.digest),
            ]
        let text = Self.signature.authorization(
            row.method,
            path: row.path,
            query: row.query,
            fields: fields,
            digest: row.digest,
            now: Self.moment
        )
        #expect(text.hasSuffix("Signature=\(row.signature)"))
        #expect(
            text.hasPrefix("AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,")
        )
    }

    @Test func encoding() {
        #expect(S3Signature.encoded("a b/ü~*") == "a%20b%2F%C3%BC~%2A")
        #expect(S3Signature.encoded("a b/c", keepsSlashes: true) == "a%20b/c")
        #expect(S3Signature.moment(Timestamp(seconds: 0)) == "19700101T000000Z")
        #expect(S3Signature.moment(Timestamp(seconds: 1_709_251_199)) == "20240229T235959Z")
        #expect(S3Signature.moment(Timestamp(seconds: 1_735_689_599)) == "20241231T235959Z")
    }
}
