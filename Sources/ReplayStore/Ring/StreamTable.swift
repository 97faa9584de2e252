// The streams the ring knows.

internal import Experience

/// One environment's steps, as far as they are remembered.
struct Stream {
  struct Key: Hashable {
    var writer: Int
    var stream: UInt32
  }

  var key: Key
  /// The index that the next step will have.
  var nextIndex: UInt64
  /// The flags of the newest step.
  var lastFlags: StepFlags
  /// Its writer may still send.
  var isOpen = true
  var chunks = ChunkQueue()
}

/// Stream records by number, and numbers by writer and stream. A record goes when its writer is closed and its last
/// chunk evicted. Bounded by `countMax`.
struct StreamTable: ~Copyable {
  private(set) var records: UnsafeMutablePointer<Stream>
  private var capacity = 16
  /// Records ever used; those in `free` are unused.
  private var used = 0
  private var free: [UInt32] = []
  private var numbers: [Stream.Key: UInt32] = [:]
  let countMax: Int

  init(countMax: Int) {
    records = .allocate(capacity: capacity)
    self.countMax = countMax
  }

  deinit {
    for number in 0..<used { records[number].chunks.free() }
    records.deallocate()
  }

  var count: Int { used - free.count }

  func number(of key: Stream.Key) -> UInt32? { numbers[key] }

  /// A new record, or nil if there are too many.
  mutating func add(_ key: Stream.Key, firstIndex: UInt64) -> UInt32? {
    if count >= countMax { return nil }
    let number: UInt32
    if let reused = free.popLast() {
      number = reused
    } else {
      if used == capacity { grow() }
      number = UInt32(used)
      used += 1
    }
    (records + Int(number)).initialize(to: Stream(key: key, nextIndex: firstIndex, lastFlags: []))
    numbers[key] = number
    return number
  }

  /// A record for a stream of an earlier incarnation; found by its key until `finishRecovery`.
  mutating func recover(_ key: Stream.Key, firstIndex: UInt64, isOpen: Bool) -> UInt32 {
    if used == capacity { grow() }
    let number = UInt32(used)
    used += 1
    (records + Int(number)).initialize(
      to: Stream(key: key, nextIndex: firstIndex, lastFlags: [], isOpen: isOpen))
    numbers[key] = number
    return number
  }

  /// Streams whose writers are gone cannot be named from here on.
  mutating func finishRecovery() {
    for number in 0..<used where !records[number].isOpen { numbers[records[number].key] = nil }
  }

  mutating func remove(_ number: UInt32) {
    let record = records + Int(number)
    if record.pointee.isOpen { numbers[record.pointee.key] = nil }
    record.pointee.chunks.free()
    record.pointee.chunks = ChunkQueue()
    record.pointee.isOpen = false
    free.append(number)
  }

  /// Nothing more comes from a writer: its streams cannot be named again, and go with their last chunk. O(streams).
  mutating func close(writer: Int) {
    for number in 0..<used {
      let record = records + number
      guard record.pointee.isOpen, record.pointee.key.writer == writer else { continue }
      numbers[record.pointee.key] = nil
      if record.pointee.chunks.count == 0 {
        remove(UInt32(number))
      } else {
        record.pointee.isOpen = false
      }
    }
  }

  private mutating func grow() {
    let larger = UnsafeMutablePointer<Stream>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: records, count: used)
    records.deallocate()
    records = larger
    capacity *= 2
  }

  /// Those whose writers may go on, as they are now. O(streams).
  var open: [Stream] {
    let unused = Set(free)
    return (0..<used).filter { !unused.contains(UInt32($0)) && records[$0].isOpen }.map { records[$0] }
  }

  /// Writers that have streams here. O(streams).
  var writers: Set<Int> {
    let unused = Set(free)
    return Set((0..<used).filter { !unused.contains(UInt32($0)) }.map { records[$0].key.writer })
  }
}
