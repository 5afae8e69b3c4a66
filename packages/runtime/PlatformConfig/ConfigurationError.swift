/// Settings that cannot be used; each problem is one line that names the setting, its value and what is allowed.
package struct ConfigurationError: Error, Equatable, CustomStringConvertible {
    package let problems: [String]
    package init(problems: [String]) { self.problems = problems }
    package var description: String { problems.joined(separator: "\n") }
}
