import MailModel

/// A domain as DNS and other hosts' commands want it: internationalised labels as A-labels (RFC 5890 §2.3.2.1).
enum ASCIIDomain {
    /// nil when a label cannot be written, or the whole is too long (RFC 1035 §2.3.4).
    static func text(_ domain: String) -> String? {
        guard domain.utf8.contains(where: { $0 >= 128 }) else { return EmailAddress.lowercased(domain) }
        var labels: [String] = []
        for label in domain.lowercased().unicodeScalars.split(separator: ".", omittingEmptySubsequences: false) {
            guard !label.isEmpty, label.count <= 63 else { return nil }
            if label.allSatisfy(\.isASCII) {
                labels.append(String(String.UnicodeScalarView(label)))
            } else {
                let encoded = "xn--" + Punycode.encode(Array(label))
                guard encoded.utf8.count <= 63 else { return nil }
                labels.append(encoded)
            }
        }
        let joined = labels.joined(separator: ".")
        return joined.utf8.count <= 253 ? joined : nil
    }
}

/// RFC 3492 §6.3, the encoding side, with the parameters of §5.
enum Punycode {
    private static let base = 36
    private static let tMin = 1
    private static let tMax = 26
    private static let skew = 38
    private static let damp = 700

    /// - Parameter scalars: at most 63, so nothing can overflow.
    static func encode(_ scalars: [Unicode.Scalar]) -> String {
        let basic = scalars.filter(\.isASCII)
        var output = basic.map { UInt8($0.value) }
        if !output.isEmpty { output.append(UInt8(ascii: "-")) }
        var next = 128
        var delta = 0
        var bias = 72
        var handled = basic.count
        while handled < scalars.count {
            let smallest = scalars.lazy.map { Int($0.value) }.filter { $0 >= next }.min() ?? next
            delta += (smallest - next) * (handled + 1)
            next = smallest
            for scalar in scalars {
                if scalar.value < next { delta += 1 }
                guard scalar.value == next else { continue }
                write(delta, bias: bias, to: &output)
                bias = adapt(delta, points: handled + 1, isFirst: handled == basic.count)
                delta = 0
                handled += 1
            }
            delta += 1
            next += 1
        }
        return String(decoding: output, as: UTF8.self)
    }

    /// A generalised variable-length integer (§3.3).
    private static func write(_ delta: Int, bias: Int, to output: inout [UInt8]) {
        var rest = delta
        var k = base
        while true {
            let threshold = k <= bias ? tMin : k >= bias + tMax ? tMax : k - bias
            guard rest >= threshold else { break }
            output.append(digit(threshold + (rest - threshold) % (base - threshold)))
            rest = (rest - threshold) / (base - threshold)
            k += base
        }
        output.append(digit(rest))
    }

    private static func digit(_ value: Int) -> UInt8 { UInt8(value < 26 ? 97 + value : 22 + value) }

    /// §6.1.
    private static func adapt(_ delta: Int, points: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / damp : delta / 2
        delta += delta / points
        var k = 0
        while delta > (base - tMin) * tMax / 2 {
            delta /= base - tMin
            k += base
        }
        return k + (base - tMin + 1) * delta / (delta + skew)
    }
}
