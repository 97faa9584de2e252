// The writers that a store knows, and how far each is committed.

internal import CKernels
public import Experience
internal import Foundations
internal import Glibc

/// A writer as an earlier process knew it.
public struct KnownWriter: Hashable, Sendable {
  /// The store's number of the writer (its handle).
  public var handle: Int
  /// The id in the writer's HELLO.
  public var id: Identifier
  /// The writer's name for people; at most 30 bytes are kept.
  public var label: String
  /// Sequence of the writer's last committed message.
  public var committed: UInt64
  /// Whether the writer has said GOODBYE.
  public var hasLeft: Bool

  public init(handle: Int, id: Identifier, label: String, committed: UInt64, hasLeft: Bool) {
    self.handle = handle
    self.id = id
    self.label = label
    self.committed = committed
    self.hasLeft = hasLeft
  }
}

/// The file `writers`: a record of 64 bytes for each writer that may send messages again.
final class WriterMarks {
  /// Records of `{ id 16 B, handle u64, committed u64, state u8, label length u8, label 30 B }`.
  /// Handle 0: free; else the writer's handle + 1. State 1: has left.
  private let arena: Arena
  static let stride = 64
  /// Writers, and those that have left: a service keeps at most 2^16 of each.
  static let countMax = 1 << 17
  static let labelAt = 34
  static let labelBytes = 30
  private var places: [Int: Int] = [:]
  private var free: [Int] = []
  /// Records ever used.
  private(set) var used = 0
  /// The file's length when it was opened.
  var lengthWhenOpened: Int { arena.lengthWhenOpened }

  init(path: String, writersMax: Int) throws(ReplayStoreError) {
    arena = Arena(file: try MappedFile(path: path, byteCountMax: writersMax * Self.stride, piece: 1 << 16))
    used = min(arena.reserved, arena.byteCount) / Self.stride
    for place in 0..<used {
      let handle = record(place).load(fromByteOffset: 16, as: UInt64.self)
      let committed = record(place).load(fromByteOffset: 24, as: UInt64.self)
      // An impossible number, or a handle that occurred before, is damage.
      if handle == 0 || handle > StoreHeader.numberMax || committed > StoreHeader.numberMax
        || places[Int(handle) - 1] != nil
      {
        free.append(place)
      } else {
        places[Int(handle) - 1] = place
      }
    }
    // So that places are used in order.
    free.reverse()
  }

  private func record(_ place: Int) -> UnsafeMutableRawPointer { arena.base + place * Self.stride }

  /// The known writers, by handle.
  var all: [KnownWriter] {
    places.sorted { $0.key < $1.key }.map { handle, place in
      let record = record(place)
      let id = Identifier(
        high: record.load(as: UInt64.self), low: record.load(fromByteOffset: 8, as: UInt64.self))
      let length = min(Self.labelBytes, Int(record.load(fromByteOffset: 33, as: UInt8.self)))
      let label = String(
        decoding: UnsafeRawBufferPointer(start: record + Self.labelAt, count: length), as: UTF8.self)
      return KnownWriter(
        handle: handle, id: id, label: label, committed: record.load(fromByteOffset: 24, as: UInt64.self),
        hasLeft: record.load(fromByteOffset: 32, as: UInt8.self) != 0)
    }
  }

  /// Adds a writer. Throws `storage` if there is no room for one more.
  func open(_ handle: Int, id: Identifier, label: String, committed: UInt64) throws(ReplayStoreError) {
    if free.isEmpty {
      guard (used + 1) * Self.stride <= arena.byteCount else {
        throw .storage("expected at most \(used) writers, found one more")
      }
      try arena.reserve((used + 1) * Self.stride)
      let more = min(arena.reserved, arena.byteCount) / Self.stride
      free.append(contentsOf: (used..<more).reversed())
      used = more
    }
    let place = free.removeLast()
    let record = record(place)
    record.storeBytes(of: id.high, as: UInt64.self)
    record.storeBytes(of: id.low, toByteOffset: 8, as: UInt64.self)
    record.storeBytes(of: committed, toByteOffset: 24, as: UInt64.self)
    let bytes = Array(label.utf8.prefix(Self.labelBytes))
    record.storeBytes(of: 0, toByteOffset: 32, as: UInt8.self)
    record.storeBytes(of: UInt8(bytes.count), toByteOffset: 33, as: UInt8.self)
    bytes.withUnsafeBytes {
      if let base = $0.baseAddress { (record + Self.labelAt).copyMemory(from: base, byteCount: $0.count) }
    }
    // The record is valid only after this store.
    rookery_store_release(
      (record + 16).assumingMemoryBound(to: UInt64.self), UInt64(handle) + 1)
    places[handle] = place
  }

  func commit(_ handle: Int, _ sequence: UInt64) {
    guard let place = places[handle] else { return }
    record(place).storeBytes(of: sequence, toByteOffset: 24, as: UInt64.self)
  }

  func leave(_ handle: Int) {
    guard let place = places[handle] else { return }
    record(place).storeBytes(of: 1, toByteOffset: 32, as: UInt8.self)
  }

  func forget(_ handle: Int) {
    guard let place = places.removeValue(forKey: handle) else { return }
    record(place).storeBytes(of: 0, toByteOffset: 16, as: UInt64.self)
    free.append(place)
  }
}
