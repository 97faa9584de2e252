// Weights on disk, never half-written.

internal import Experience
internal import Foundations
internal import Glibc
internal import Wire

/// One file of a header and two slots; a save writes the slot that is not the newest, so that a death in the middle of it leaves
/// the other one whole. Survives the death of the process (not a power loss: nothing is forced to the disk).
///
///     0     8 bytes "ROOKPAR1"
///     8     u64 bytes of a slot
///     4096  slot 0: u64 checksum, u64 length, then a WEIGHTS message
///     …     slot 1
final class FileParameterStore: ParameterStore {
  private let path: String
  private let descriptor: Int32
  private var slotBytes: Int
  private var nextSlot = 0
  private let scratch = FrameWriter(capacity: 1 << 16)

  private static let magic: [UInt8] = Array("ROOKPAR1".utf8)
  private static let headerBytes = 4096

  /// Opens or makes the file.
  init(path: String) throws(ParameterStoreError) {
    self.path = path
    let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else {
      throw .system(
        path, "opening", advice: "check that the folder ROOKERY_RUN_DIRECTORY exists and can be written")
    }
    self.descriptor = descriptor
    slotBytes = 0
  }

  deinit {
    close(descriptor)
  }

  /// The newest whole state, or nil if the file is new.
  /// - Throws: if there is a file, but no whole state in it.
  func load() throws(ParameterStoreError) -> ParameterState? {
    let size = Int(lseek(descriptor, 0, SEEK_END))
    guard size > 0 else { return nil }
    var header = [UInt8](repeating: 0, count: 16)
    let headerBytes = pread(descriptor, &header, 16, 0)
    // Reserved, but its maker died before it wrote the header.
    if headerBytes == 16, header.allSatisfy({ $0 == 0 }) { return nil }
    guard headerBytes == 16, Array(header[0..<8]) == Self.magic else {
      throw .damaged(path, "expected a file of Rookery's parameters, found other bytes")
    }
    let stored = header.withUnsafeBytes {
      UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
    }
    guard stored >= 16, stored <= UInt64(max(0, size - Self.headerBytes)) else {
      throw .damaged(path, "expected a slot within \(size) bytes, found \(stored)")
    }
    slotBytes = Int(stored)
    let states = [slot(0, fileBytes: size), slot(1, fileBytes: size)]
    let newest = (states[0]?.version ?? 0) >= (states[1]?.version ?? 0) ? 0 : 1
    guard let state = states[newest] ?? states[1 - newest] else {
      // The head of a slot comes last: the first save never finished, and nothing of it was published.
      if isUnwritten(0), isUnwritten(1) { return nil }
      throw .damaged(path, "neither slot holds whole weights")
    }
    nextSlot = state.version == states[0]?.version ? 1 : 0
    return state
  }

  func save(_ state: borrowing ParameterState) throws {
    let manifest = state.manifest
    let merged = state.merged
    let (version, updates) = (state.version, state.updates)
    state.values.withUnsafeBytes { values in
      Weights(
        topic: Weights.topicAll, version: version, incarnation: .zero, updates: updates, oldestUpdate: 0,
        newestUpdate: 0, merged: merged, manifest: manifest, values: values
      ).encode(into: scratch)
    }
    let needed = scratch.count + 16
    if needed > slotBytes { try format(slotBytes: needed + Limits.members * 32) }
    let offset = Self.headerBytes + nextSlot * slotBytes
    try write(scratch.bytes, at: offset + 16)
    let head = (Checksum.of(scratch.bytes).littleEndian, UInt64(scratch.count).littleEndian)
    try withUnsafeBytes(of: head) { try write($0, at: offset) }
    nextSlot = 1 - nextSlot
  }

  /// Makes room for two slots in a new file. A file that has them keeps their size.
  private func format(slotBytes bytes: Int) throws {
    if slotBytes > 0 {
      // Only `merged` grows, by bounded steps, and slots have room for it: this file was made for other weights.
      throw ParameterStoreError.damaged(
        path, "expected weights of at most \(slotBytes) bytes, found \(scratch.count)")
    }
    let reserved = posix_fallocate(descriptor, 0, off_t(Self.headerBytes + 2 * bytes))
    guard reserved == 0 else {
      ftruncate(descriptor, 0)
      // It returns its error, and leaves errno as it was.
      throw ParameterStoreError.system(
        path, "reserving \(Self.headerBytes + 2 * bytes) bytes for", code: reserved)
    }
    let head = Self.magic + withUnsafeBytes(of: UInt64(bytes).littleEndian) { Array($0) }
    try head.withUnsafeBytes { try write($0, at: 0) }
    slotBytes = bytes
  }

  private func isUnwritten(_ index: Int) -> Bool {
    var head = [UInt8](repeating: 1, count: 16)
    return pread(descriptor, &head, 16, off_t(Self.headerBytes + index * slotBytes)) == 16
      && head.allSatisfy { $0 == 0 }
  }

  private func slot(_ index: Int, fileBytes: Int) -> ParameterState? {
    let offset = Self.headerBytes + index * slotBytes
    guard offset + slotBytes <= fileBytes else { return nil }
    var bytes = [UInt8](repeating: 0, count: slotBytes)
    guard pread(descriptor, &bytes, slotBytes, off_t(offset)) == slotBytes else { return nil }
    return bytes.withUnsafeBytes { bytes in
      let checksum = UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self))
      let length = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
      guard length <= UInt64(slotBytes - 16) else { return nil }
      let frame = UnsafeRawBufferPointer(rebasing: bytes[16..<16 + Int(length)])
      guard Checksum.of(frame) == checksum else { return nil }
      return ParameterState(frame: frame)
    }
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

extension ParameterState {
  /// Reads a WEIGHTS message; nil if it is none.
  init?(frame: UnsafeRawBufferPointer) {
    var cursor = FrameCursor(frame)
    guard (try? cursor.openMessage()) == .weights, let weights = try? Weights(from: &cursor) else {
      return nil
    }
    let values = [Float](unsafeUninitializedCapacity: weights.values.count / 4) { buffer, count in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(from: weights.values)
      count = weights.values.count / 4
    }
    self.init(
      version: weights.version, updates: weights.updates, merged: weights.merged, manifest: weights.manifest,
      values: values)
  }
}

/// A parameter file that cannot be used: where, and what to do.
public struct ParameterStoreError: Error, Hashable, Sendable, CustomStringConvertible {
  public var path: String
  public var problem: String

  static func system(
    _ path: String, _ operation: String, advice: String? = nil, code: Int32 = errno
  ) -> ParameterStoreError {
    let reason = String(cString: strerror(code))
    return ParameterStoreError(
      path: path, problem: "\(operation) it failed: \(reason)" + (advice.map { "; \($0)" } ?? ""))
  }

  static func damaged(_ path: String, _ problem: String) -> ParameterStoreError {
    ParameterStoreError(path: path, problem: problem + "; move the file away to start from new weights")
  }

  public var description: String { "\(path): \(problem)" }
}
