import HTTPKit
import MailModel
import Testing

@Suite struct DocumentTests {
    private struct Named: RequestDocument {
        static let members: Set<String> = ["name"]
        var name: String
    }

    private static func routes() -> RouteSet {
        var set = RouteSet()
        set.post("/things/{id}") { request in
            APIResponse.text(try await request.decode(Named.self).name)
        }
        set.get("/things") { _ in .noContent }
        set.describe(
            "POST",
            "/things/{id}",
            RouteDescription("Name a thing", body: ["name"], query: ["dry"], answers: [200: "Named"])
        )
        return set
    }

    @Test func deepDocumentsAreRefusedAndBracketsInTextsAreNone() async throws {
        try await withServer([Self.routes()]) { client async throws in
            func send(_ json: String) async throws -> Answer { try await client.send("POST", "/things/1", json: json) }
            let deep = String(repeating: "[", count: 100_000)
            for body in [#"{"name":\#(deep)"#, #"{"x":\#(String(repeating: #"{"a":"#, count: 17))"#] {
                let answer = try await send(body)
                #expect(answer.status == 400 && answer.body.contains("nest"))
            }
            let brackets = try await send(#"{"name":"\#(String(repeating: "[{\\\"", count: 50))"}"#)
            #expect(brackets.status == 200)
            #expect(try await send(#"{"name":"x","other":1}"#).status == 422)
        }
    }

    @Test func theDocumentHasEveryRouteAndNoOther() throws {
        let text = String(decoding: try OpenAPI.document([Self.routes()], version: "1"), as: UTF8.self)
        #expect(text.contains(#""openapi":"3.1.0""#))
        #expect(text.contains(#""/things/{id}":{"post":{"operationId":"post_things_id""#))
        #expect(text.contains(#""/things":{"get":{"operationId":"get_things""#))
        #expect(text.contains(#"{"in":"path","name":"id","required":true"#))
        #expect(text.contains(#"{"in":"query","name":"dry","required":false"#))
        #expect(text.contains(#""additionalProperties":false,"properties":{"name":{"type":"string"}}"#))
    }
}
