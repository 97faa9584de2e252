// How many steps of the ring each writer holds.

internal import Experience

/// Steps by writer, counted only where writers have a quota.
struct WriterUsage {
  private var steps: [Int: Int] = [:]

  func steps(of writer: Int) -> Int { steps[writer] ?? 0 }

  mutating func add(_ count: Int, of writer: Int) {
    let sum = steps(of: writer) + count
    steps[writer] = sum == 0 ? nil : sum
  }
}

extension ReplayStore {
  /// Steps in the ring that a writer has sent; always 0 if writers have no quota.
  public func steps(ofWriter writer: Int) -> Int { usage?.steps(of: writer) ?? 0 }

  /// Whether inserting `count` more steps evicts others.
  public func pushesOut(steps count: Int) -> Bool {
    guard let ring else { return false }
    return ring.count + count > ring.room
  }

  /// The writer of the oldest step; nil if the ring is empty.
  public var oldestWriter: Int? {
    guard let ring, ring.count > 0 else { return nil }
    return ring.writer(ofChunk: ring.directory.front)
  }

  /// Counts the steps of the writers that recovery found.
  func countUsage(_ ring: StepRing) {
    guard usage != nil else { return }
    for number in ring.directory.front..<ring.directory.end {
      usage?.add(Int(ring.directory[number].count), of: ring.writer(ofChunk: number))
    }
  }
}

extension StepRing {
  func writer(ofChunk number: UInt64) -> Int {
    streams.records[Int(directory[number].stream)].key.writer
  }
}
