import SieveScript
import Testing

@Suite struct SieveFaultTests {
    struct Row: CustomTestStringConvertible {
        var script: String
        var line: Int
        var column: Int
        /// What the sentence says, among others.
        var words: String
        var testDescription: String { script }

        init(_ script: String, _ line: Int, _ column: Int, _ words: String) {
            (self.script, self.line, self.column, self.words) = (script, line, column, words)
        }
    }

    static let rows: [Row] = [
        Row("keep", 1, 5, "end the command with"),
        Row("keep;\n  frob;", 2, 3, "no command \"frob\""),
        Row("if frob { keep; }", 1, 4, "no test \"frob\""),
        Row("keep;\r\nrequire \"copy\";", 2, 1, "move it to the beginning"),
        Row("require \"frob\";", 1, 9, "\"frob\" is not known"),
        Row("fileinto \"A\";", 1, 1, "needs the extension \"fileinto\""),
        Row("redirect :copy \"a@b.test\";", 1, 10, "\":copy\" needs the extension \"copy\""),
        Row("redirect \"nobody\";", 1, 10, "is no address"),
        Row("redirect \"a@b.test\" \"c@d.test\";", 1, 21, "takes one argument"),
        Row("if size 5 { keep; }", 1, 4, "\":over\" or \":under\""),
        Row("if size :over \"5\" { keep; }", 1, 15, "takes a number"),
        Row("if header :is :contains \"a\" \"b\" { keep; }", 1, 15, "exclude each other"),
        Row("if header :is :is \"a\" \"b\" { keep; }", 1, 15, "stands twice"),
        Row("if header \"a\" :is \"b\" { keep; }", 1, 15, "write tags first"),
        Row("if header :comparator \"i;frob\" \"a\" \"b\" { keep; }", 1, 23, "i;octet"),
        Row("if header :frob \"a\" \"b\" { keep; }", 1, 11, "takes no tag \":frob\""),
        Row("if header \"a\" { keep; }", 1, 4, "takes 2 arguments, 1 stand here"),
        Row("else { keep; }", 1, 1, "without \"if\""),
        Row("if true { keep; } else { stop; } else { stop; }", 1, 34, "without \"if\""),
        Row("if true { keep;", 1, 9, "does not end"),
        Row("if not { keep; }", 1, 4, "one test"),
        Row("if allof () { keep; }", 1, 11, "a test is due"),
        Row("keep; }", 1, 7, "a command is due"),
        Row("keep \"a;", 1, 6, "close it with a quote"),
        Row("/* keep;", 1, 1, "close it with \"*/\""),
        Row("if size :over 99999999999999999999 { keep; }", 1, 15, "too large"),
        Row("if size :over 9999999999999G { keep; }", 1, 15, "too large"),
        Row("if size :over 10KB { keep; }", 1, 15, "K, M or G"),
        Row("keep é;", 1, 6, "has no meaning"),
        Row("require \"variables\"; set \"a.b\" \"c\";", 1, 26, "no name of a variable"),
        Row("require \"variables\"; set \"1\" \"c\";", 1, 26, "no name of a variable"),
        Row("require [\"variables\", \"fileinto\"]; fileinto \"${a.b}\";", 1, 45, "namespace"),
        Row("require \"encoded-character\"; redirect \"${unicode:D800}\";", 1, 39, "no Unicode character"),
        Row("require \"relational\"; if header :value \"xx\" \"a\" \"b\" { keep; }", 1, 40, "gt, ge"),
        Row("require \"date\"; if currentdate \"frob\" \"1\" { keep; }", 1, 32, "no part of a date"),
        Row("require \"date\"; if currentdate :zone \"CET\" \"year\" \"1\" { keep; }", 1, 38, "no time zone"),
        Row("require \"editheader\"; addheader \"X Y\" \"z\";", 1, 33, "no name of a header field"),
        Row("require \"index\"; if header :last \"a\" \"b\" { keep; }", 1, 28, "without \":index\""),
        Row("require \"foreverypart\"; break;", 1, 25, "in no loop"),
        Row("require \"extracttext\"; keep;", 1, 1, "needs \"foreverypart\""),
        Row("require \"envelope\"; if envelope \"cc\" \"b\" { keep; }", 1, 33, "no part \"cc\""),
        Row("if address \"subject\" \"b\" { keep; }", 1, 12, "has no addresses"),
        Row("require \"vacation\"; vacation :seconds 5 \"x\";", 1, 30, "vacation-seconds"),
        Row("text: x", 1, 7, "on the line behind"),
        Row("stop \"a\";", 1, 6, "takes no arguments"),
        Row("stop { keep; }", 1, 8, "takes no block"),
        Row("keep\u{0}", 1, 5, "NUL"),
        Row("keep;\rkeep;", 1, 6, "CR stands without LF"),
    ]

    @Test(arguments: rows) func `A fault names its place and tells what to do`(row: Row) throws {
        let fault = try #require(Running.fault(row.script))
        #expect(fault.line == row.line && fault.column == row.column, "\(fault)")
        #expect(fault.sentence.contains(row.words), "\(fault)")
    }

    @Test func `Octets that are no UTF-8 are a fault where they stand`() throws {
        let fault = try #require(Running.fault(Array("keep;\n# ".utf8) + [0xC0, 0x80]))
        #expect((fault.line, fault.column) == (2, 3))
    }

    @Test func `The head of a script may be a byte order mark, and a script may be empty`() {
        #expect(Running.fault([0xEF, 0xBB, 0xBF] + Array("keep;".utf8)) == nil)
        #expect(Running.fault("") == nil)
        #expect(Running.fault("# nothing") == nil)
    }
}
