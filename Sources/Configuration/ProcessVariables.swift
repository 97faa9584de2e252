// The environment variables of this process.

@preconcurrency internal import Glibc

/// Reads the process's environment.
public enum ProcessVariables {
  /// All variables. Read them once at the start, before other threads can change them.
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
