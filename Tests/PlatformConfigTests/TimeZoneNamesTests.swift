import PlatformConfig
import Testing

@Suite struct TimeZoneNamesTests {
    @Test func `a time zone is a name of the system's zone data, and nothing that leads out of it`() {
        let names = TimeZoneNames.system
        for name in ["Europe/Berlin", "UTC", "Etc/GMT+5", "America/Argentina/Buenos_Aires"] {
            #expect(names.contains(name), "\(name)")
        }
        for name in [
            "", "Europe", "Europe/", "/Europe/Berlin", "Europe//Berlin", "Mars/Phobos", "../../etc/passwd", "zone.tab",
            "posix/UTC",
            "UTC\0", "UTC\r\n", "Europe/Berlin\u{301}", String(repeating: "A", count: 65),
        ] {
            #expect(!names.contains(name), "\(name)")
        }
    }
}
