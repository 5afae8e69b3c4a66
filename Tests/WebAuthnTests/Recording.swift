// Table: registrations and sign-ins of an authenticator in Python (cryptography, cbor2), base64url.

import MailCrypto
import WebAuthn

/// A registration with self attestation and a sign-in at `https://example.org`, both for the challenge SHA-256("challenge").
struct Recording: Sendable, CustomStringConvertible {
    var algorithm: PasskeyAlgorithm
    var attestation: String
    var registered: String
    var authenticatorData: String
    var signedIn: String
    var signature: String

    var description: String { "\(algorithm)" }
    static let all: [Recording] = [es256, edDSA, rs256]

    static func octets(_ text: String) -> [UInt8] { Base64URL.decode(text.utf8) ?? [] }

    static let es256 = Recording(
        algorithm: .es256,
        attestation: "o2NmbXRmcGFja2VkZ2F0dFN0bXSiY2FsZyZjc2lnWEgwRgIhAMIhoya23PxThIYa7zW3MySS2GdGVG4wKzlqgIup"
            + "N1YPAiEA_xptGad86hskXHEvxZ4dnHOGfO3Px46W2SA29Qnu9gFoYXV0aERhdGFYpL-rw3QylYsGM2DTrWRhycRz"
            + "Wuf47dRlkqXg8BRSsuS1RQAAAAAAAQIDBAUGBwgJCgsMDQ4PACCncNMnDJ3N7fEu2f1wRE98ipXCbK48rpvYZ0mQ"
            + "kKLxS6UBAgMmIAEhWCC2RK8rGoULJ5AteCAEPT09p3drSTQfJlc-BP73amC8TSJYIM6nnPrLu4SKw-JPOkZpKJu0"
            + "Bs4dPHSTrntT8OMiGRoV",
        registered: "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiTGRBTDEzNENJczdZZ21aVWdhbkIyZmtITUow"
            + "VzRGN1FCNkhxWTVLRWQ2ayIsIm9yaWdpbiI6Imh0dHBzOi8vZXhhbXBsZS5vcmciLCJjcm9zc09yaWdpbiI6ZmFs"
            + "c2V9",
        authenticatorData: "v6vDdDKViwYzYNOtZGHJxHNa5_jt1GWSpeDwFFKy5LUFAAAABw",
        signedIn: "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiTGRBTDEzNENJczdZZ21aVWdhbkIyZmtITUowVzRG"
            + "N1FCNkhxWTVLRWQ2ayIsIm9yaWdpbiI6Imh0dHBzOi8vZXhhbXBsZS5vcmciLCJjcm9zc09yaWdpbiI6ZmFsc2V9",
        signature: "MEYCIQC_yE1i3QsEPWklx1JeiaaYUnZu7mlPO_gVAmfPWtI6hwIhAKqnqYFI07Ggy3e7RBh25OoGnx91wvPCnXFP"
            + "cxZLdBvK"
    )

    static let edDSA = Recording(
        algorithm: .edDSA,
        attestation: "o2NmbXRmcGFja2VkZ2F0dFN0bXSiY2FsZydjc2lnWECvMF4Uyx-pI_wMdEKOr7dNL013XeVNeCA-TUQQn7ZXD4yK"
            + "2fYK8hHFtTOkKlqi_rwISXoWS6Q2MgHWISwZuUUFaGF1dGhEYXRhWIG_q8N0MpWLBjNg061kYcnEc1rn-O3UZZKl"
            + "4PAUUrLktUUAAAAAAAECAwQFBgcICQoLDA0ODwAg6RWSIF04gePqNdZpc7tImNcoISarWvyzVcldL8F_OCKkAQED"
            + "JyAGIVggEZxNnF5dOuFzv6uTSgWAaKv8PSOlvuOq73BfHArAD40",
        registered: "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiTGRBTDEzNENJczdZZ21aVWdhbkIyZmtITUow"
            + "VzRGN1FCNkhxWTVLRWQ2ayIsIm9yaWdpbiI6Imh0dHBzOi8vZXhhbXBsZS5vcmciLCJjcm9zc09yaWdpbiI6ZmFs"
            + "c2V9",
        authenticatorData: "v6vDdDKViwYzYNOtZGHJxHNa5_jt1GWSpeDwFFKy5LUFAAAABw",
        signedIn: "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiTGRBTDEzNENJczdZZ21aVWdhbkIyZmtITUowVzRG"
            + "N1FCNkhxWTVLRWQ2ayIsIm9yaWdpbiI6Imh0dHBzOi8vZXhhbXBsZS5vcmciLCJjcm9zc09yaWdpbiI6ZmFsc2V9",
        signature: "-gGL7EVVEJLdwzCV-AYAuSfIYiFrNzRA3jUDUwWg99vGTmpWRhfmwA_mRhOJKqXZKcvxlbwHCsufffhJRIA8CQ"
    )

    static let rs256 = Recording(
        algorithm: .rs256,
        attestation: "o2NmbXRmcGFja2VkZ2F0dFN0bXSiY2FsZzkBAGNzaWdZAQANMp3j0UF8Q_Vx9c7BSWwzbRoyhYNLaMnjy8IVYRDl"
            + "-Jt1rsz6aQ1_xQcvLGrK5ld09ZpyvKAbEsKXv5JeROMZSdopE0z0FsxepP5KE2W4PyHmNDuJz_Vl42x6DrGL9FnY"
            + "509UWBxRodo0Vv2pdIJeOqPMmjXKQSzUKdMWDGR2aj1IiZtOlD5Fp3tMUp6bjvIGKz_y1Hye4Pq1BLRqQ-pK3rkm"
            + "bX6WdiFTEJQeRHfsI1hsd-Qycb8vqVIPQbjZVrS76W8Tqmwv3_13dqz5LGpcKmqAjYVSyYZfkzHUKbm5nvCr3DRM"
            + "Mawajpbq1Gk81tVqi4j0l2AUAPsOar3CvuYMaGF1dGhEYXRhWQFnv6vDdDKViwYzYNOtZGHJxHNa5_jt1GWSpeDw"
            + "FFKy5LVFAAAAAAABAgMEBQYHCAkKCwwNDg8AIOf9O5B_SL0t6cBh2tv-YQGPuaGcQpldk42tVIx5Li9XpAEDAzkB"
            + "ACBZAQCZyXPj61M-TQ8xYWOISlXQ_YXnlGft2q3iOP12j5_PSuvGvES1BS5TDNgJLFWW3t4jplj_siClc-SwvUQL"
            + "m0p4XkSP2yaaM-m-BPZJOI4UP51XAZYnLzf-vHF1t50qEekXUaVvGSRFOP1bq40FWUjgsHUfbg6VUQMi1WnbwSBJ"
            + "-DNWeaAdf-AWdHZMwzpyGqN0s98TmSVZA5Dg8p1NjDgkWiv9xJmdGU0A1g273cvQFH7q3bfUM4RQ1QiDvl3ScUm2"
            + "RB3xgwfcxc_k2O5iaCT7a7c69aMYigwokalsavsLqEL8MG8spb1szmlkc2azp4GDmjapTQZSp7_avhsZtj_PIUMB"
            + "AAE",
        registered: "eyJ0eXBlIjoid2ViYXV0aG4uY3JlYXRlIiwiY2hhbGxlbmdlIjoiTGRBTDEzNENJczdZZ21aVWdhbkIyZmtITUow"
            + "VzRGN1FCNkhxWTVLRWQ2ayIsIm9yaWdpbiI6Imh0dHBzOi8vZXhhbXBsZS5vcmciLCJjcm9zc09yaWdpbiI6ZmFs"
            + "c2V9",
        authenticatorData: "v6vDdDKViwYzYNOtZGHJxHNa5_jt1GWSpeDwFFKy5LUFAAAABw",
        signedIn: "eyJ0eXBlIjoid2ViYXV0aG4uZ2V0IiwiY2hhbGxlbmdlIjoiTGRBTDEzNENJczdZZ21aVWdhbkIyZmtITUowVzRG"
            + "N1FCNkhxWTVLRWQ2ayIsIm9yaWdpbiI6Imh0dHBzOi8vZXhhbXBsZS5vcmciLCJjcm9zc09yaWdpbiI6ZmFsc2V9",
        signature: "co9TL7bwDpgQRAppeMoBoWuz-6Yy3S2_F7F4670femDnEZ2R3giVmusnW182mJ6XUwnLGJaGOBbJ21AjFWTg9uK4"
            + "GIo2bQgCRhVfMDFn8X4Fr5XaX2WCBZ1uDf1aWgq-3ya3yEkqVt2GtNcKhR71pWgU7z3oOebkz6aqEszACQY-j8Fd"
            + "7mkUXmDylFHdeyOIVU-pQloSKM7IjXd2xslWwz3tYBVVxRFCjquFDewA1Hjq7zO3Maaw1UvMMq1_G7xwiaxo_Kq6"
            + "9P1fdAM6kKV4HXfzIgfsiUjcp0N-aTfj8ZNTgbokKu2Th_hRhgq9mH4d5MTrbUSHbVjf2bE0fR3KVQ"
    )
}
