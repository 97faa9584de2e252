// The environment variables of this process.

@preconcurrency internal import Glibc

public enum ProcessVariables {
  /// All variables as they are now. Read it once at start, before threads that might set some.
  public static func current() -> [String: String] {
    var variables: [String: String] = [:]
    var next = environ
    while let entry = next.pointee {
      let text = String(cString: entry)
      if let equals = text.firstIndex(of: "=") {
        variables[String(text[..<equals])] = String(text[text.index(after: equals)...])
      }
      next += 1
    }
    return variables
  }
}
