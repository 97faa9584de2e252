// Items sorted by priority, exactly enough for ranks.

internal import Glibc

/// Slots in buckets of almost equal priority, largest first. A bucket holds float32 priorities that
/// agree in exponent and the first 11 bits of the mantissa, so within 0.05 %. A tree of fan-out 16
/// sums the buckets' counts.
///
/// Inserting or removing a slot is O(1), including an update of its bucket's count and the 4 sums
/// above it. Finding the bucket of a rank is O(log₁₆ buckets). Nothing is sorted, and counts are
/// exact.
final class RankBuckets {
  private struct Bucket {
    var members: UnsafeMutablePointer<UInt32>?
    var count: UInt32
    var capacity: UInt32
  }

  /// Where a slot is.
  private struct Place {
    /// The number of the slot's bucket + 1; 0: in no bucket.
    var bucket: UInt32
    /// The slot's index among the bucket's members.
    var index: UInt32
  }

  /// Low bits of a float32 that buckets ignore.
  private static let droppedBits: UInt32 = 12
  private static let bucketCount = 1 << 19
  /// Levels of sums, as log₂ of the buckets in each sum: 16, 256, … The last level has 8 sums.
  private static let levelBits = [4, 8, 12, 16]

  private let arenas: [Arena]
  private let buckets: UnsafeMutablePointer<Bucket>
  private let places: UnsafeMutablePointer<Place>
  private let counts: UnsafeMutablePointer<UInt32>
  private let levels: [UnsafeMutablePointer<UInt32>]
  private(set) var count = 0
  /// Buckets that have ever had members, whose memory is freed on `deinit`.
  private var used: [UInt32] = []

  init(capacity: Int) throws(ReplayStoreError) {
    let bucketArena = try Arena(byteCount: Self.bucketCount * MemoryLayout<Bucket>.stride)
    let placeArena = try Arena(byteCount: capacity * MemoryLayout<Place>.stride)
    let countArena = try Arena(byteCount: Self.bucketCount * 4 * 2)
    arenas = [bucketArena, placeArena, countArena]
    buckets = bucketArena.bound(to: Bucket.self)
    places = placeArena.bound(to: Place.self)
    counts = countArena.bound(to: UInt32.self)
    var levels: [UnsafeMutablePointer<UInt32>] = []
    var next = counts + Self.bucketCount
    for bits in Self.levelBits {
      levels.append(next)
      next += Self.bucketCount >> bits
    }
    self.levels = levels
  }

  deinit {
    for bucket in used { free(buckets[Int(bucket)].members) }
  }

  /// Bytes at a capacity: a place for each slot, and two member entries, as buckets grow by
  /// doubling.
  static func byteCount(capacity: Int) -> Int {
    bucketCount * (MemoryLayout<Bucket>.stride + 8) + capacity * (MemoryLayout<Place>.stride + 8)
  }

  /// The bucket of a priority; 0 has the largest priorities.
  @inline(__always)
  static func bucket(of priority: Float) -> Int {
    bucketCount - 1 - Int((priority.bitPattern & 0x7FFF_FFFF) >> droppedBits)
  }
}

extension RankBuckets {
  /// How many slots ahead cache lines are prefetched.
  private static let ahead = 16

  func assign(_ slots: UnsafePointer<UInt32>, _ priorities: UnsafePointer<Float>, count: Int) {
    for index in 0..<count {
      if index + Self.ahead < count { prefetchLine(places + Int(slots[index + Self.ahead])) }
      let slot = Int(slots[index])
      let bucket = Self.bucket(of: priorities[index])
      let before = Int(places[slot].bucket) - 1
      if before == bucket { continue }
      if before >= 0 { detach(slot, from: before) }
      attach(slot, into: bucket)
    }
  }

  func remove(_ range: Range<Int>) {
    for slot in range where places[slot].bucket != 0 {
      detach(slot, from: Int(places[slot].bucket) - 1)
      places[slot].bucket = 0
    }
  }

  private func attach(_ slot: Int, into number: Int) {
    let bucket = buckets + number
    if bucket.pointee.count == bucket.pointee.capacity {
      if bucket.pointee.capacity == 0 { used.append(UInt32(number)) }
      resize(bucket, to: max(4, bucket.pointee.capacity * 2))
    }
    let index = bucket.pointee.count
    bucket.pointee.members![Int(index)] = UInt32(slot)
    bucket.pointee.count = index + 1
    places[slot] = Place(bucket: UInt32(number + 1), index: index)
    add(1, number)
  }

  /// Removes a slot from its bucket; the bucket's last member moves to its index.
  private func detach(_ slot: Int, from number: Int) {
    let bucket = buckets + number
    let last = bucket.pointee.count - 1
    let members = bucket.pointee.members!
    let moved = members[Int(last)]
    members[Int(places[slot].index)] = moved
    places[Int(moved)].index = places[slot].index
    bucket.pointee.count = last
    // After this, half of the smaller bucket must fill before it grows again.
    if last * 4 <= bucket.pointee.capacity, bucket.pointee.capacity > 64 {
      resize(bucket, to: bucket.pointee.capacity / 2)
    }
    add(-1, number)
  }

  private func resize(_ bucket: UnsafeMutablePointer<Bucket>, to capacity: UInt32) {
    // The C library remaps the pages of large blocks; it does not copy them.
    guard let memory = realloc(bucket.pointee.members, Int(capacity) * 4) else {
      preconditionFailure("no memory for \(capacity) ranks")
    }
    bucket.pointee.members = memory.assumingMemoryBound(to: UInt32.self)
    bucket.pointee.capacity = capacity
  }

  private func add(_ difference: Int, _ bucket: Int) {
    count += difference
    counts[bucket] = UInt32(truncatingIfNeeded: Int(counts[bucket]) + difference)
    for (level, bits) in zip(levels, Self.levelBits) {
      level[bucket >> bits] = UInt32(truncatingIfNeeded: Int(level[bucket >> bits]) + difference)
    }
  }

  /// The bucket of a slot; −1 if it is in none.
  func bucket(of slot: Int) -> Int { Int(places[slot].bucket) - 1 }

  /// Members that share their ranks: `count` of them, after `before` members with larger
  /// priorities.
  struct Group {
    var bucket = 0
    var before = 0
    var count = 0
  }

  /// The group of the 0-based `rank`, which is below `count`.
  func group(at rank: Int) -> Group {
    var rest = rank
    var node = 0
    for level in levels.indices.reversed() {
      node = child(levels[level], node * 16, &rest)
    }
    node = child(counts, node * 16, &rest)
    return Group(bucket: node, before: rank - rest, count: Int(counts[node]))
  }

  /// The first child from `first` on that has more than `rest` members. Subtracts the members of
  /// the children before it from `rest`.
  @inline(__always)
  private func child(_ level: UnsafeMutablePointer<UInt32>, _ first: Int, _ rest: inout Int) -> Int {
    var node = first
    while rest >= Int(level[node]) {
      rest -= Int(level[node])
      node += 1
    }
    return node
  }

  /// Writes `count` slots; for each, `choose` returns a bucket and the index of a member. It works
  /// in two rounds, so that the cache misses of a block overlap.
  @inline(__always)
  func collect(
    _ count: Int, into slots: UnsafeMutablePointer<UInt32>, _ choose: (Int) -> (bucket: Int, member: Int)
  ) {
    let block = 256
    withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<UInt32>.self, capacity: block) { chosen in
      var first = 0
      while first < count {
        let size = min(block, count - first)
        for index in 0..<size {
          let (bucket, member) = choose(first + index)
          chosen[index] = buckets[bucket].members! + member
          prefetchLine(chosen[index])
        }
        for index in 0..<size { slots[first + index] = chosen[index].pointee }
        first += size
      }
    }
  }
}

extension RankBuckets {
  /// The first invariant that does not hold; nil if all do. For tests. O(capacity).
  func brokenInvariant(capacity: Int) -> String? {
    var members: [Int: Int] = [:]
    for slot in 0..<capacity where places[slot].bucket != 0 {
      let number = bucket(of: slot)
      members[number, default: 0] += 1
      guard places[slot].index < buckets[number].count,
        buckets[number].members![Int(places[slot].index)] == UInt32(slot)
      else { return "slot \(slot): not where it says" }
    }
    for (level, bits) in [(counts, 0)] + zip(levels, Self.levelBits) {
      var sums: [Int: Int] = [:]
      for (number, count) in members { sums[number >> bits, default: 0] += count }
      for (node, sum) in sums where level[node] != sum {
        return "sum \(node) of \(1 << bits) buckets: \(level[node]), expected \(sum)"
      }
    }
    let total = (0..<8).reduce(0) { $0 + Int(levels[levels.count - 1][$1]) }
    let sum = members.values.reduce(0, +)
    return sum == count && total == count ? nil : "\(sum) members, counted \(count) and \(total)"
  }
}
