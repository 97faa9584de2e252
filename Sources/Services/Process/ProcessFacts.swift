// Facts about this process.

internal import Glibc

enum ProcessFacts {
  static let pid = getpid()
}
