import Glibc

/// Where commands write and ask.
package protocol Terminal: Sendable {
    func write(_ text: String)
    func writeError(_ text: String)
    /// Octets as they are, without an end of line.
    func write(exactly bytes: [UInt8])
    /// The next line of standard input without its end; nil at the end, or when it is longer than `limit` octets.
    func readLine(limit: Int) -> String?
    /// Asks without echo; nil when there is no terminal to ask at.
    func askSecretly(_ prompt: String) -> String?
}

package struct StandardTerminal: Terminal {
    package init() {}

    package func write(_ text: String) { Self.write(text + "\n", to: STDOUT_FILENO) }
    package func writeError(_ text: String) { Self.write(text + "\n", to: STDERR_FILENO) }

    package func write(exactly bytes: [UInt8]) { Self.write(bytes, to: STDOUT_FILENO) }

    private static func write(_ text: String, to file: Int32) { write(Array(text.utf8), to: file) }

    private static func write(_ bytes: [UInt8], to file: Int32) {
        var start = 0
        while start < bytes.count {
            let written = bytes[start...].withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { return }
            start += written
        }
    }

    package func readLine(limit: Int) -> String? { Self.readLine(from: STDIN_FILENO, limit: limit) }

    /// Octet by octet, so that what follows the line stays for others.
    private static func readLine(from file: Int32, limit: Int) -> String? {
        var line: [UInt8] = []
        var byte: UInt8 = 0
        while true {
            let count = read(file, &byte, 1)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return line.isEmpty ? nil : String(decoding: line, as: UTF8.self) }
            guard byte != 10 else { break }
            line.append(byte)
            guard line.count <= limit + 1 else { return nil }
        }
        if line.last == 13 { line.removeLast() }
        return line.count <= limit ? String(decoding: line, as: UTF8.self) : nil
    }

    package func askSecretly(_ prompt: String) -> String? {
        let file = open("/dev/tty", O_RDWR | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var old = termios()
        guard tcgetattr(file, &old) == 0 else { return nil }
        var silent = old
        silent.c_lflag &= ~tcflag_t(ECHO)
        guard tcsetattr(file, TCSAFLUSH, &silent) == 0 else { return nil }
        defer {
            tcsetattr(file, TCSAFLUSH, &old)
            Self.write("\n", to: file)
        }
        Self.write(prompt, to: file)
        return Self.readLine(from: file, limit: 4_096)
    }
}
