import HTTPKit
import MailCrypto

/// A page for people: its own style, at most the one script that asks for passkeys, and nothing from elsewhere.
///
/// Text is escaped octet by octet: a combining mark behind a quotation mark hides none of them.
struct HTMLPage: Sendable {
    var title: String
    /// Made of the parts below.
    var body: [String]
    var status = 200
    /// Where its forms may lead beside the platform, as a source of a content security policy.
    var formTarget: String?
    var cookies: [String] = []
    /// Whether it has a button for a passkey.
    var asksPasskey = false
    /// Where the browser goes on to by itself.
    var next: String?

    private static let style = """
        body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f2f3f5;color:#1b1d21}\
        main{max-width:26rem;margin:8vh auto;padding:2rem;background:#fff;border-radius:.5rem}\
        h1{font-size:1.3rem;margin:0 0 1rem}label{display:block;margin:.8rem 0 .2rem}\
        input{width:100%;box-sizing:border-box;padding:.5rem;font:inherit;border:1px solid #8a8f98;border-radius:.3rem}\
        button{font:inherit;margin:1rem .5rem 0 0;padding:.5rem 1.2rem;border:1px solid #1d4ed8;border-radius:.3rem;\
        background:#1d4ed8;color:#fff}button.plain{background:#fff;color:#1d4ed8}p.fault{color:#b00020}\
        footer{margin-top:1.5rem;font-size:.9rem}footer button{border:0;padding:0;margin:0}code{overflow-wrap:anywhere}
        """

    /// CSP Level 3 §8.4: style and script by their hashes, so that no other is taken.
    private static let styleSource = source(style)
    private static let scriptSource = source(PasskeyScript.text)

    private static func source(_ text: String) -> String {
        let hash = Base64URL.encode(SHA256.hash(Array(text.utf8))).utf8.map { byte -> UInt8 in
            byte == 45 ? 43 : byte == 95 ? 47 : byte
        }
        return "'sha256-\(String(decoding: hash, as: UTF8.self))='"
    }

    var answer: APIResponse {
        let refresh = next.map { "<meta http-equiv=\"refresh\" content=\"0;url=\(Self.escaped($0))\">" } ?? ""
        let script = asksPasskey ? "<script>\(PasskeyScript.text)</script>" : ""
        let text = """
            <!DOCTYPE html>
            <html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">\
            \(refresh)<title>\(Self.escaped(title))</title><style>\(Self.style)</style></head>
            <body><main><h1>\(Self.escaped(title))</h1>
            \(body.joined(separator: "\n"))
            </main>\(script)</body></html>

            """
        // Some browsers hold the redirect that answers a form to the policy too.
        let targets = formTarget.map { "'self' \($0)" } ?? "'self'"
        let scripts = asksPasskey ? " script-src \(Self.scriptSource);" : ""
        var answer = APIResponse(
            status: status,
            contentType: "text/html; charset=utf-8",
            body: Array(text.utf8),
            headers: [
                "Content-Security-Policy": "default-src 'none'; style-src \(Self.styleSource);\(scripts) "
                    + "form-action \(targets); base-uri 'none'; frame-ancestors 'none'",
                "Cache-Control": "no-store",
                "X-Frame-Options": "DENY",
            ]
        )
        answer.cookies = cookies
        return answer
    }

    // MARK: - Parts

    static func escaped(_ text: String) -> String {
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case 38: bytes += "&amp;".utf8
            case 60: bytes += "&lt;".utf8
            case 62: bytes += "&gt;".utf8
            case 34: bytes += "&quot;".utf8
            case 39: bytes += "&#39;".utf8
            case ..<32 where byte != 10, 127: bytes.append(32)
            default: bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    static func text(_ text: String) -> String { "<p>\(escaped(text))</p>" }
    static func fault(_ text: String?) -> String {
        text.map { "<p class=\"fault\" role=\"alert\">\(escaped($0))</p>" } ?? ""
    }
    static func list(_ items: [String]) -> String {
        "<ul>" + items.map { "<li>\(escaped($0))</li>" }.joined() + "</ul>"
    }

    static func input(
        _ name: String,
        _ label: String,
        type: String = "text",
        value: String = "",
        autocomplete: String = "off"
    ) -> String {
        """
        <label for="\(name)">\(escaped(label))</label>\
        <input id="\(name)" name="\(name)" type="\(type)" value="\(escaped(value))" autocomplete="\(autocomplete)" required>
        """
    }

    static func hidden(_ name: String, _ value: String) -> String {
        "<input type=\"hidden\" name=\"\(name)\" value=\"\(escaped(value))\">"
    }

    /// - Parameter checks: whether the browser asks for the fields that the form needs.
    static func button(
        _ label: String,
        name: String? = nil,
        value: String = "",
        isPlain: Bool = false,
        checks: Bool = true
    ) -> String {
        let pair = name.map { " name=\"\($0)\" value=\"\(escaped(value))\"" } ?? ""
        let more = (isPlain ? " class=\"plain\"" : "") + (checks ? "" : " formnovalidate")
        return "<button type=\"submit\"\(pair)\(more)>\(escaped(label))</button>"
    }

    static func link(_ label: String, to place: String) -> String {
        "<p><a href=\"\(escaped(place))\">\(escaped(label))</a></p>"
    }

    /// To be typed elsewhere.
    static func code(_ text: String) -> String { "<p><code>\(escaped(text))</code></p>" }

    static func form(_ action: String, _ parts: [String]) -> String {
        "<form method=\"post\" action=\"\(escaped(action))\">\(parts.joined(separator: "\n"))</form>"
    }
}
