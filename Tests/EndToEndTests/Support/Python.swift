// The Python interpreter of the tests.

import Foundation
import Foundations

enum Python {
  /// The interpreter of `ROOKERY_PYTHON`, if it can import `modules`; else nil, with the reason
  /// printed.
  static func path(with modules: String) -> String? {
    guard let path = ProcessInfo.processInfo.environment["ROOKERY_PYTHON"] else {
      print("skipped: Python's \(modules) is not tried, ROOKERY_PYTHON is not set")
      return nil
    }
    var probe = ProcessSpawn(path, ["-c", "import \(modules)"])
    probe.standardError = .discard
    guard (try? probe.start().wait().isSuccess) == true else {
      print("skipped: Python's \(modules) is not tried, '\(path)' cannot import it")
      return nil
    }
    return path
  }
}
