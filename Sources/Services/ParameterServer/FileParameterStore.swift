// Weights on disk, never half-written.

internal import Experience
internal import Foundations
internal import Glibc
internal import Wire

/// One file of a header and two slots; a save writes the slot that is not the newest, so that a death in the middle of it leaves
/// the other one whole. Survives the death of the process (not a power loss: nothing is forced to the disk).
///
///     0      8 bytes "ROOKPARM"
///     8      u32 format, u32 0
///     16     u64 bytes of a slot, u64 where slot 0 begins
///     32     u64 checksum of the bytes before
///     4096   slot 0: u64 checksum of the next 24 bytes, u64 version, u64 length of the record, u64
///     checksum of the record;
///            then the record
///     …      slot 1
///
/// All little-endian. A slot is written record first, a new file slot first: what a head says is
/// there. A file of format 1 or 2 keeps its slots; the first save adds those of format 3 behind them
/// and then replaces the header.
final class FileParameterStore: ParameterStore {
  private let path: String
  private let descriptor: Int32
  /// The file was there before.
  private let wasThere: Bool
  /// Where the slots are; nil before the first save, and while the file is of an earlier format.
  private var slots: Slots?
  private var nextSlot = 0
  /// What whoever takes the run up must know of the file: set by `load`.
  private(set) var notice: String?

  private struct Slots {
    var byteCount: Int
    var start: Int
  }

  private enum Slot {
    case unwritten
    /// The version is nil if the head itself is damaged.
    case damaged(version: UInt64?)
    case whole(ParameterState)
  }

  static let magic: [UInt8] = Array("ROOKPARM".utf8)
  static let format: UInt32 = 3
  /// Those that are read too; the first save adds slots of the newest behind them.
  private static let formatsRead: ClosedRange<UInt32> = 2...3
  private static let pageBytes = 4096
  private static let headerBytes = 40
  private static let slotHeadBytes = 32

  /// Opens or makes the file.
  init(path: String) throws(ParameterStoreError) {
    self.path = path
    var descriptor = open(path, O_RDWR | O_CLOEXEC)
    wasThere = descriptor >= 0
    if descriptor < 0, errno == ENOENT { descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
    guard descriptor >= 0 else {
      throw .system(
        path, "opening", advice: "check that the folder ROOKERY_RUN_DIRECTORY exists and can be written")
    }
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }
}

extension FileParameterStore {
  /// The newest whole state, or nil if none was ever saved. Says in `notice` what was lost.
  /// - Throws: if there is a file, but no whole state in it.
  func load() throws(ParameterStoreError) -> ParameterState? {
    guard let header = bytes(at: 0, count: Self.headerBytes), !header.allSatisfy({ $0 == 0 }) else {
      return try loadEmpty()
    }
    let magic = Array(header[0..<8])
    if magic == OldParameterFile.magic { return try loadOld(slotBytes: Self.word(header, 8)) }
    guard magic == Self.magic else {
      throw .damaged(path, "expected a file of Rookery's parameters, found other bytes")
    }
    let format = UInt32(truncatingIfNeeded: Self.word(header, 8))
    guard Self.formatsRead.contains(format) else {
      throw ParameterStoreError(
        path: path,
        problem: "expected format \(Self.format), found \(format), which another version of Rookery wrote: "
          + "go on with that version, or move the file away to start from new weights")
    }
    let (byteCount, start) = (Self.word(header, 16), Self.word(header, 24))
    let size = UInt64(fileBytes)
    let checksum = header[0..<32].withUnsafeBytes { Checksum.of($0) }
    guard checksum == Self.word(header, 32), start <= size, byteCount <= (size - start) / 2,
      byteCount >= UInt64(Self.slotHeadBytes)
    else { throw .damaged(path, "expected a whole header and two slots within \(size) bytes") }
    let slots = Slots(byteCount: Int(byteCount), start: Int(start))
    let state = try newest(of: [slot(0, slots, format), slot(1, slots, format)])
    if format == Self.format { self.slots = slots }
    return state
  }

  /// No byte was saved: the file's maker died before, or all of it is gone.
  private func loadEmpty() throws(ParameterStoreError) -> ParameterState? {
    let size = fileBytes
    guard size == 0 || bytes(at: 0, count: Self.headerBytes) != nil else {
      throw .damaged(path, "expected a header of \(Self.headerBytes) bytes, found \(size) bytes")
    }
    if wasThere {
      notice =
        "\(path): empty: no weights had been saved yet, or they are gone; it starts from the seed's weights"
    }
    return nil
  }

  /// The newer of what is whole. A save that was cut off leaves the older slot's head before a torn
  /// record, and nothing of it was published. Anything else that is not whole may have been
  /// published: versions go on behind it.
  private func newest(of slots: [Slot]) throws(ParameterStoreError) -> ParameterState? {
    var found: (slot: Int, state: ParameterState)?
    for (index, slot) in slots.enumerated() {
      guard case .whole(let state) = slot, state.version > found?.state.version ?? 0 else { continue }
      found = (index, state)
    }
    guard let found else { throw .damaged(path, "neither slot holds whole weights") }
    var state = found.state
    nextSlot = 1 - found.slot
    guard case .damaged(let version) = slots[nextSlot], version ?? .max > state.version else { return state }
    let goesOn = max(state.version + 1, min(version ?? 0, Limits.number - 2)) + 1
    notice =
      "\(path): the newest weights\(version.map { " (version \($0))" } ?? "") are damaged; it goes on from version "
      + "\(state.version), as version \(goesOn): what was learned between them is lost"
    state.version = goesOn
    return state
  }

  private func slot(_ index: Int, _ slots: Slots, _ format: UInt32) -> Slot {
    let offset = slots.start + index * slots.byteCount
    guard let head = bytes(at: offset, count: Self.slotHeadBytes) else { return .damaged(version: nil) }
    if head.allSatisfy({ $0 == 0 }) { return .unwritten }
    let (version, length) = (Self.word(head, 8), Self.word(head, 16))
    guard head[8...].withUnsafeBytes({ Checksum.of($0) }) == Self.word(head, 0),
      length <= UInt64(slots.byteCount - Self.slotHeadBytes)
    else { return .damaged(version: nil) }
    guard let record = bytes(at: offset + Self.slotHeadBytes, count: Int(length)) else {
      return .damaged(version: version)
    }
    return record.withUnsafeBytes { record in
      guard Checksum.of(record) == Self.word(head, 24),
        let state = ParameterRecord.decode(record, format: format),
        state.version == version
      else { return .damaged(version: version) }
      return .whole(state)
    }
  }

  /// A file of format 1, which does not tell a save that was cut off from a damaged slot.
  private func loadOld(slotBytes: UInt64) throws(ParameterStoreError) -> ParameterState? {
    let size = UInt64(max(0, fileBytes - Self.pageBytes))
    guard slotBytes >= 16, slotBytes <= size else {
      throw .damaged(path, "expected a slot within \(size) bytes, found \(slotBytes)")
    }
    let old = (0...1).map { index -> OldParameterFile.Slot in
      guard let bytes = bytes(at: Self.pageBytes + index * Int(slotBytes), count: Int(slotBytes)) else {
        return .damaged
      }
      return bytes.withUnsafeBytes { OldParameterFile.Slot($0) }
    }
    if case (.unwritten, .unwritten) = (old[0], old[1]) { return nil }
    let slots = old.map { slot -> Slot in
      switch slot {
      case .unwritten: .unwritten
      case .damaged: .damaged(version: nil)
      case .whole(let state): .whole(state)
      }
    }
    let state = try newest(of: slots)
    nextSlot = 0
    return state
  }

  private var fileBytes: Int { Int(lseek(descriptor, 0, SEEK_END)) }

  /// Nil if there are not so many.
  private func bytes(at offset: Int, count: Int) -> [UInt8]? {
    guard offset + count <= fileBytes else { return nil }
    var bytes = [UInt8](repeating: 0, count: count)
    return pread(descriptor, &bytes, count, off_t(offset)) == count ? bytes : nil
  }

  private static func word(_ bytes: [UInt8], _ offset: Int) -> UInt64 {
    bytes.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
  }
}

extension FileParameterStore {
  func save(_ state: borrowing ParameterState) throws {
    let record = ParameterRecord.encode(state)
    let version = state.version
    guard let slots, Self.slotHeadBytes + record.count <= slots.byteCount else {
      // None of this format, or of other weights: without a milestone, say.
      let added = try reserve(Self.slotHeadBytes + ParameterRecord.byteCountMax(state))
      try write(record, version: version, to: 0, of: added)
      try writeHeader(added)
      slots = added
      nextSlot = 1
      return
    }
    try write(record, version: version, to: nextSlot, of: slots)
    nextSlot = 1 - nextSlot
  }

  /// Makes room for two slots behind what is there.
  private func reserve(_ byteCount: Int) throws -> Slots {
    let before = fileBytes
    let start = max(Self.pageBytes, (before + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes)
    let reserved = posix_fallocate(descriptor, 0, off_t(start + 2 * byteCount))
    guard reserved == 0 else {
      ftruncate(descriptor, off_t(before))
      // It returns its error, and leaves errno as it was.
      throw ParameterStoreError.system(path, "reserving \(start + 2 * byteCount) bytes for", code: reserved)
    }
    return Slots(byteCount: byteCount, start: start)
  }

  private func write(_ record: [UInt8], version: UInt64, to index: Int, of slots: Slots) throws {
    let offset = slots.start + index * slots.byteCount
    try record.withUnsafeBytes { try write($0, at: offset + Self.slotHeadBytes) }
    let checksum = record.withUnsafeBytes { Checksum.of($0) }
    let head = Self.bytes([version, UInt64(record.count), checksum])
    let whole = Self.bytes([head.withUnsafeBytes { Checksum.of($0) }]) + head
    try whole.withUnsafeBytes { try write($0, at: offset) }
  }

  private func writeHeader(_ slots: Slots) throws {
    var header = Self.magic + Self.bytes([UInt64(Self.format)])
    header += Self.bytes([UInt64(slots.byteCount), UInt64(slots.start)])
    header += Self.bytes([header.withUnsafeBytes { Checksum.of($0) }])
    try header.withUnsafeBytes { try write($0, at: 0) }
  }

  private static func bytes(_ words: [UInt64]) -> [UInt8] {
    words.flatMap { word in withUnsafeBytes(of: word.littleEndian) { Array($0) } }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws {
    var done = 0
    while done < bytes.count {
      let written = pwrite(descriptor, bytes.baseAddress! + done, bytes.count - done, off_t(offset + done))
      if written < 0 {
        if errno == EINTR { continue }
        throw ParameterStoreError.system(path, "writing")
      }
      done += written
    }
  }
}

/// A parameter file that cannot be used: where, and what to do.
public struct ParameterStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  public var problem: String
  /// What to do, where a parameter server starts by itself.
  public var advice: String?

  static func system(
    _ path: String, _ operation: String, advice: String? = nil, code: Int32 = errno
  ) -> ParameterStoreError {
    let reason = String(cString: strerror(code))
    return ParameterStoreError(
      path: path, problem: "\(operation) it failed: \(reason)", advice: advice)
  }

  static func damaged(_ path: String, _ problem: String) -> ParameterStoreError {
    ParameterStoreError(
      path: path, problem: problem, advice: "move the file away to start from new weights")
  }

  public var description: String { "\(path): \(problem)" + (advice.map { "; \($0)" } ?? "") }
}
