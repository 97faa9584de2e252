// The parameter server's file of weights.

internal import Experience
internal import Foundations
internal import Glibc
internal import Wire

/// A file with a header and two slots. A save writes the older slot, so that a process killed
/// during it leaves the newest whole. The file survives the process's death, but not a power loss:
/// writes are not forced to disk.
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
/// All numbers are little-endian. A slot's record is written before its head, and a new file's slot
/// before its header, so a head never describes missing bytes. In a file of an older format,
/// the first save adds slots of format 5 after the old ones and then replaces the header.
final class FileParameterStore: ParameterStore {
  private let path: String
  private let descriptor: Int32
  /// Whether the file existed before it was opened.
  private let wasThere: Bool
  /// The slots' size and offset; nil before the first save, and while the file has an older format.
  private var slots: Slots?
  private var nextSlot = 0
  /// A problem with the file that the user should know; set by `load`.
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
  static let format: UInt32 = 5
  /// Formats that can be read, beside format 1 (`OldParameterFile`).
  private static let formatsRead: ClosedRange<UInt32> = 2...5
  private static let pageBytes = 4096
  private static let headerBytes = 40
  private static let slotHeadBytes = 32

  /// Opens the file, or creates it.
  init(path: String) throws(ParameterStoreError) {
    self.path = path
    var descriptor = open(path, O_RDWR | O_CLOEXEC)
    wasThere = descriptor >= 0
    if descriptor < 0, errno == ENOENT { descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600) }
    guard descriptor >= 0 else {
      throw .system(
        path, "opening", advice: "check that the folder ROOKERY_RUN_DIRECTORY exists and is writable")
    }
    self.descriptor = descriptor
  }

  deinit {
    close(descriptor)
  }
}

extension FileParameterStore {
  /// The newest whole state, or nil if none was ever saved. If a newer one was lost, `notice` says
  /// so.
  /// - Throws: an error if the file has no whole state.
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
          + "use that version, or move the file away to start from new weights")
    }
    let (byteCount, start) = (Self.word(header, 16), Self.word(header, 24))
    let size = UInt64(fileBytes)
    let checksum = header[0..<32].withUnsafeBytes { Checksum.of($0) }
    guard checksum == Self.word(header, 32), start <= size, byteCount <= (size - start) / 2,
      byteCount >= UInt64(Self.slotHeadBytes)
    else {
      throw .damaged(path, "expected a whole header and two slots within \(size) bytes, found damaged ones")
    }
    let slots = Slots(byteCount: Int(byteCount), start: Int(start))
    let state = try newest(of: [slot(0, slots, format), slot(1, slots, format)])
    if format == Self.format { self.slots = slots }
    return state
  }

  /// Handles an empty file: no save was completed, or the contents are gone.
  private func loadEmpty() throws(ParameterStoreError) -> ParameterState? {
    let size = fileBytes
    guard size == 0 || bytes(at: 0, count: Self.headerBytes) != nil else {
      throw .damaged(path, "expected a header of \(Self.headerBytes) bytes, found \(size) bytes")
    }
    if wasThere {
      notice =
        "\(path): empty: no weights had been saved yet, or they are lost; starting from the seed's weights"
    }
    return nil
  }

  /// The newer whole state. An interrupted save leaves a torn record behind its slot's old head; it
  /// was not published. Any other damaged slot may have been published, so versions continue after
  /// it.
  private func newest(of slots: [Slot]) throws(ParameterStoreError) -> ParameterState? {
    var found: (slot: Int, state: ParameterState)?
    for (index, slot) in slots.enumerated() {
      guard case .whole(let state) = slot, state.version > found?.state.version ?? 0 else { continue }
      found = (index, state)
    }
    guard let found else { throw .damaged(path, "expected whole weights in one of two slots, found none") }
    var state = found.state
    nextSlot = 1 - found.slot
    guard case .damaged(let version) = slots[nextSlot], version ?? .max > state.version else { return state }
    let next = max(state.version + 1, min(version ?? 0, Limits.number - 2)) + 1
    notice =
      "\(path): the newest weights\(version.map { " (version \($0))" } ?? "") are damaged; using those of version "
      + "\(state.version), as version \(next): the updates between them are lost"
    state.version = next
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

  /// Loads a file of format 1, in which an interrupted save looks like a damaged slot.
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

  /// Bytes of the file; nil if it ends before.
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
      // There are no slots of this format, or they are too small, for example for a new milestone.
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

  /// Reserves space for two slots after the file's end.
  private func reserve(_ byteCount: Int) throws -> Slots {
    let before = fileBytes
    let start = max(Self.pageBytes, (before + Self.pageBytes - 1) / Self.pageBytes * Self.pageBytes)
    let reserved = posix_fallocate(descriptor, 0, off_t(start + 2 * byteCount))
    guard reserved == 0 else {
      ftruncate(descriptor, off_t(before))
      // `posix_fallocate` returns its error and does not set errno.
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

/// A parameter file that cannot be used.
public struct ParameterStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  /// The file.
  public var path: String
  /// What was expected and found, or the system call's error.
  public var problem: String
  /// What to do if the parameter server was started without a launcher; nil if that is not known.
  public var advice: String?

  static func system(
    _ path: String, _ operation: String, advice: String? = nil, code: Int32 = errno
  ) -> ParameterStoreError {
    let reason = String(cString: strerror(code))
    return ParameterStoreError(
      path: path, problem: "\(operation) the file failed: \(reason)", advice: advice)
  }

  static func damaged(_ path: String, _ problem: String) -> ParameterStoreError {
    ParameterStoreError(
      path: path, problem: problem, advice: "move the file away to start from new weights")
  }

  public var description: String { "\(path): \(problem)" + (advice.map { "; \($0)" } ?? "") }
}
