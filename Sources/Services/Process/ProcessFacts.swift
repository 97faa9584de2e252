// What a process knows of itself.

internal import Glibc

enum ProcessFacts {
  static let pid = getpid()
}
