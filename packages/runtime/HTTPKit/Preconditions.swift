import HTTPTypes
import MailCrypto

/// Conditional requests (RFC 9110 §13), for every route alike.
///
/// What is there is what `GET` of the same path answers to the same caller. Conditional changes of one resource take turns, on all
/// replicas: of several that saw the same state one is done. What is changed otherwise (without a condition, by another route,
/// by the command line) does not wait for such a turn; a route whose store has a version compares it there.
struct Preconditions {
    let ifMatch: EntityTagList?
    let ifNoneMatch: EntityTagList?

    /// A field that cannot be read.
    ///
    /// To ignore it would be to change what the client did not mean. RFC 9110 §13.2.1: whoever may not have the resource
    /// learns that first.
    private let fault: Problem?

    init(_ request: APIRequest) {
        ifMatch = request.header("If-Match").flatMap { EntityTagList($0) }
        ifNoneMatch = request.header("If-None-Match").flatMap { EntityTagList($0) }
        let lists = [("If-Match", ifMatch), ("If-None-Match", ifNoneMatch)]
        fault = lists.first { $0.1 == nil && request.header($0.0) != nil }.map {
            Problem(.badRequest, detail: "\($0.0) takes entity tags between quotes, or *.")
        }
    }

    var isEmpty: Bool { ifMatch == nil && ifNoneMatch == nil && fault == nil }

    // MARK: - Reading

    /// Gives a GET's answer its tag; 304 when the client has it already.
    func answer(_ answer: APIResponse) throws(Problem) -> APIResponse {
        guard answer.status == 200 else { return answer }
        var answer = answer
        let tag = answer.entityTag
        answer.headers["ETag"] = tag.text
        if let fault { throw fault }
        if let ifMatch, !Self.holds(ifMatch, tag) { throw Self.failed }
        guard let ifNoneMatch else { return answer }
        let hasIt =
            switch ifNoneMatch {
            case .any: true
            case .tags(let tags): tags.contains { $0.isWeaklyEqual(to: tag) }
            }
        guard hasIt else { return answer }
        // RFC 9110 §15.4.5: what a 200 would have said of caching, and no content.
        return APIResponse(status: 304, headers: answer.headers)
    }

    // MARK: - Changing

    /// Runs a change if its conditions hold for what is there.
    ///
    /// - Parameter current: what GET of the path answers; nil when the path has none.
    func change(
        _ request: APIRequest,
        current: RouteSet.Handler?,
        _ change: @Sendable () async throws -> APIResponse
    ) async throws -> APIResponse {
        guard !isEmpty else { return try await change() }
        guard let current else {
            // There is no tag that could match; whether it exists the route finds out itself.
            if let fault { throw fault }
            if case .tags = ifMatch { throw Self.failed }
            return try await change()
        }
        // Who may not read it learns so, and takes nobody's turn.
        try await require(current, request)
        guard let answers = request.gate.answers else { return try await change() }
        let name = SHA256.hash(Array("turn \(request.resource)".utf8))
        let turn = try await answers.inTurn(name) {
            try await require(current, request)
            return try await change()
        }
        guard let turn else {
            throw Problem(
                .requestRunning,
                detail: "Another change of this is under way.",
                headers: ["Retry-After": "1"]
            )
        }
        return turn
    }

    /// Nothing there: `If-None-Match` holds, so that PUT may make it; whoever shows no token hears of that first.
    private func require(_ current: RouteSet.Handler, _ request: APIRequest) async throws {
        let present: APIResponse
        do {
            present = try await current(request)
        } catch let problem as Problem where problem.status == 404 {
            if let fault { throw fault }
            if ifMatch == nil { return }
            throw request.bearerToken == nil ? Problem.unauthenticated() : problem
        }
        try require(present)
    }

    private func require(_ present: APIResponse) throws(Problem) {
        if let fault { throw fault }
        let tag = present.entityTag
        if let ifMatch, !Self.holds(ifMatch, tag) { throw Self.failed }
        switch ifNoneMatch {
        case nil: ()
        case .any: throw Self.failed
        case .tags(let tags): if tags.contains(where: { $0.isWeaklyEqual(to: tag) }) { throw Self.failed }
        }
    }

    private static func holds(_ list: EntityTagList, _ tag: EntityTag) -> Bool {
        switch list {
        case .any: true
        case .tags(let tags): tags.contains { $0.isStronglyEqual(to: tag) }
        }
    }

    private static var failed: Problem {
        Problem(.preconditionFailed, detail: "It is not, or not any more, what the request's condition names.")
    }
}

extension APIResponse {
    /// The tag that the route gave, or else that of the octets.
    var entityTag: EntityTag {
        headers["ETag"].flatMap { EntityTag(text: $0) } ?? EntityTag(of: body, type: contentType)
    }

    /// The answer under the tag of a version that the store counts, rather than of its octets.
    package func tagged(version: Int64) -> APIResponse {
        var answer = self
        answer.headers["ETag"] = EntityTag(version: version).text
        return answer
    }
}

extension APIRequest {
    /// The version that `If-Match` names, for a store that compares it in its own transaction; nil: any will do.
    ///
    /// 412 when it names something else.
    package func expectedVersion() throws(Problem) -> Int64? {
        guard let text = header("If-Match"), case .tags(let tags)? = EntityTagList(text) else { return nil }
        let versions = tags.compactMap { tag in
            tag.isWeak || tag.opaque.first != UInt8(ascii: "v")
                ? nil : Int64(String(decoding: tag.opaque.dropFirst(), as: UTF8.self))
        }
        guard let version = versions.first, versions.count == 1 else {
            throw Problem(.preconditionFailed, detail: "If-Match names no version of this.")
        }
        return version
    }
}
