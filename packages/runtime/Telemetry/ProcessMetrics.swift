import Glibc
import MailModel

/// What `/proc` says of this process, under the names that Prometheus clients use.
package enum ProcessMetrics {
    package static func register(in registry: MetricsRegistry) {
        let started = Double(SystemClock().now().microseconds) / 1_000_000
        registry.gauge("process_start_time_seconds", help: "When the process started, in seconds since 1970") {
            started
        }
        registry.gauge("process_resident_memory_bytes", help: "Resident memory") { residentOctets() }
        registry.gauge("process_open_fds", help: "Open file descriptors") { openFiles() }
        registry.gauge("process_max_fds", help: "File descriptors that may be open") { maxFiles() }
        registry.counter("process_cpu_seconds_total", help: "Processor time in user and kernel mode") {
            processorSeconds()
        }
    }

    private static func residentOctets() -> Double? {
        let file = open("/proc/self/statm", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 128)
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return nil }
        let fields = bytes[..<count].split(separator: 32)
        guard fields.count > 1, let pages = Double(String(decoding: fields[1], as: UTF8.self)) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    private static func openFiles() -> Double? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var count = 0
        while readdir(folder) != nil { count += 1 }
        // Not counted: `.`, `..` and the descriptor of the folder itself.
        return Double(max(0, count - 3))
    }

    private static func maxFiles() -> Double? {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? Double(limit.rlim_cur) : nil
    }

    private static func processorSeconds() -> Double? {
        var usage = rusage()
        guard getrusage(RUSAGE_SELF.rawValue, &usage) == 0 else { return nil }
        let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        return seconds + Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1_000_000
    }
}
