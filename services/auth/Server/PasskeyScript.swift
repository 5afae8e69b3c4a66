/// The one script of the sign-in pages: hands a button's options to the browser's authenticators, and sends the form with what they answer.
///
/// It asks nobody else, and puts no text of others into the page. Without it, or without passkeys in the browser, its buttons stay
/// hidden.
enum PasskeyScript {
    /// Options as WebAuthn Level 3 §5.1.9 and §5.1.10 write them; octets in base64url are decoded here, as not every browser in use has
    /// `parseRequestOptionsFromJSON`.
    static let text = """
        "use strict";
        (() => {
          const octets = (text) =>
            Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
          const text = (buffer) => {
            let signs = "";
            for (const octet of new Uint8Array(buffer || new ArrayBuffer(0))) signs += String.fromCharCode(octet);
            return btoa(signs).replace(/\\+/g, "-").replace(/\\//g, "_").replace(/=+$/, "");
          };
          const named = (list) => (list || []).map((one) => ({ ...one, id: octets(one.id) }));
          const ask = async (button) => {
            const options = JSON.parse(button.dataset.options);
            options.challenge = octets(options.challenge);
            const fields = button.form.elements;
            if (button.dataset.passkey === "create") {
              options.user.id = octets(options.user.id);
              options.excludeCredentials = named(options.excludeCredentials);
              const made = await navigator.credentials.create({ publicKey: options });
              const transports = made.response.getTransports ? made.response.getTransports() : [];
              fields.namedItem("attestation").value = text(made.response.attestationObject);
              fields.namedItem("transports").value = transports.join(" ");
              return made;
            }
            options.allowCredentials = named(options.allowCredentials);
            const given = await navigator.credentials.get({ publicKey: options });
            fields.namedItem("authenticator").value = text(given.response.authenticatorData);
            fields.namedItem("signature").value = text(given.response.signature);
            fields.namedItem("handle").value = text(given.response.userHandle);
            return given;
          };
          for (const button of document.querySelectorAll("button[data-passkey]")) {
            if (!window.PublicKeyCredential || !navigator.credentials) continue;
            const fault = button.form.querySelector("p.fault");
            button.hidden = false;
            button.addEventListener("click", async () => {
              button.disabled = true;
              fault.hidden = true;
              try {
                const answer = await ask(button);
                button.form.elements.namedItem("credential").value = text(answer.rawId);
                button.form.elements.namedItem("client").value = text(answer.response.clientDataJSON);
                button.form.submit();
              } catch {
                fault.hidden = false;
              }
              button.disabled = false;
            });
          }
        })();
        """

    /// The button of a form, the fields that the script fills, and what is shown when no passkey was given.
    static func parts(_ label: String, _ kind: Kind, options: String) -> [String] {
        let fields = ["credential", "client"] + kind.fields
        return fields.map { HTMLPage.hidden($0, "") } + [
            "<p class=\"fault\" role=\"alert\" hidden>No passkey was given.</p>",
            "<button type=\"button\" class=\"plain\" data-passkey=\"\(kind.rawValue)\" "
                + "data-options=\"\(HTMLPage.escaped(options))\" hidden>\(HTMLPage.escaped(label))</button>",
        ]
    }

    enum Kind: String {
        case create, get

        var fields: [String] {
            switch self {
            case .create: ["attestation", "transports"]
            case .get: ["authenticator", "signature", "handle"]
            }
        }
    }
}
