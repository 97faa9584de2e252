// Clients that came last and have done nothing yet.

/// Clients that were unproven when they came, oldest first. Amortised O(1).
struct Newcomers<Key: Hashable> {
  private var keys: [Key] = []
  private var first = 0

  mutating func append(_ key: Key) { keys.append(key) }

  /// Removes and returns the oldest that is still unproven; proven ones before it are removed too.
  mutating func popFirst(where isUnproven: (Key) -> Bool) -> Key? {
    defer { compact() }
    while first < keys.count {
      first += 1
      if isUnproven(keys[first - 1]) { return keys[first - 1] }
    }
    return nil
  }

  /// Removes proven ones once there are many more entries than clients.
  mutating func trim(above count: Int, where isUnproven: (Key) -> Bool) {
    guard keys.count - first > count else { return }
    keys.removeSubrange(..<first)
    first = 0
    keys.removeAll { !isUnproven($0) }
  }

  private mutating func compact() {
    guard first > 1024, first * 2 > keys.count else { return }
    keys.removeSubrange(..<first)
    first = 0
  }
}
