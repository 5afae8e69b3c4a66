package import HTTPKit
package import MailPorts

/// Answers to the challenges of an authority that is asked for a certificate (RFC 8555 §8.3).
package struct ChallengeRoutes: Sendable {
    private let board: any ChallengeBoard

    package init(board: any ChallengeBoard) { self.board = board }

    package func routes() -> RouteSet {
        var set = RouteSet(problem: ManagerProblem.problem)
        set.get("/.well-known/acme-challenge/{token}") { request in
            guard let answer = board.answer(request.parameter("token")) else {
                throw Problem.notFound("No challenge waits for this.")
            }
            return APIResponse(
                status: 200,
                contentType: "application/octet-stream",
                body: Array(answer.utf8),
                headers: ["Cache-Control": "no-store"]
            )
        }
        return set
    }
}
