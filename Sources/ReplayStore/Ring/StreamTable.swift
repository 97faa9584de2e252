// The streams that the ring tracks.

internal import Experience

/// The steps of one environment of one writer.
struct Stream {
  struct Key: Hashable {
    var writer: Int
    var stream: UInt32
  }

  var key: Key
  /// Index that the next step will have.
  var nextIndex: UInt64
  /// Flags of the newest step.
  var lastFlags: StepFlags
  /// Whether its writer may send more.
  var isOpen = true
  var chunks = ChunkQueue()
}

/// Stream records by number, and numbers by writer and stream. A record is removed once its writer
/// is closed and its last chunk is evicted. At most `countMax` records.
struct StreamTable: ~Copyable {
  private(set) var records: UnsafeMutablePointer<Stream>
  private var capacity = 16
  /// Records ever used; those in `free` are unused now.
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

  /// Adds a record; nil if there are too many.
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

  /// Adds a record for a stream of an earlier process. Its key finds it until `finishRecovery`.
  mutating func recover(_ key: Stream.Key, firstIndex: UInt64, isOpen: Bool) -> UInt32 {
    if used == capacity { grow() }
    let number = UInt32(used)
    used += 1
    (records + Int(number)).initialize(
      to: Stream(key: key, nextIndex: firstIndex, lastFlags: [], isOpen: isOpen))
    numbers[key] = number
    return number
  }

  /// Removes the keys of streams whose writers are gone.
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

  /// Closes a writer's streams: their keys are removed now, their records with their last chunks.
  /// O(streams).
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

  /// The streams whose writers may send more. O(streams).
  var open: [Stream] {
    let unused = Set(free)
    return (0..<used).filter { !unused.contains(UInt32($0)) && records[$0].isOpen }.map { records[$0] }
  }

  /// The writers that have a stream here. O(streams).
  var writers: Set<Int> {
    let unused = Set(free)
    return Set((0..<used).filter { !unused.contains(UInt32($0)) }.map { records[$0].key.writer })
  }
}
