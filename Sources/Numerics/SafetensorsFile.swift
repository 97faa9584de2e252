// Reads safetensors files.

internal import Foundations
internal import Glibc

/// The tensors of a file in the safetensors format (github.com/huggingface/safetensors): 8 bytes of
/// header length, JSON header, data, all little-endian. The header is checked before it is used, as
/// in the format's own reader: lengths are in bounds, shapes fit their bytes, tensors cover the
/// data without overlap or hole.
///
/// *Differs from the source:* it knows only F32, F64, I64 and U8.
public struct SafetensorsFile: Sendable {
  /// The format's own bound on the header.
  public static let headerBytesMax = 100_000_000

  /// The file, for messages.
  public let path: String
  /// The header's `__metadata__`, without the checksum.
  public let metadata: [String: String]
  /// The tensors, in the order of their bytes.
  public let entries: [SafetensorsEntry]
  private let positions: [String: Int]
  private let contents: [UInt8]
  private let dataStart: Int

  /// Reads a whole file into memory.
  ///
  /// - Throws: `SystemCallError` if it cannot be read; `SafetensorsError` if it is damaged.
  public init(path: String) throws {
    try self.init(contents: Self.read(path), path: path)
  }

  /// Reads a file's contents; messages name `path`.
  ///
  /// - Throws: `SafetensorsError` if they are damaged.
  public init(contents: [UInt8], path: String) throws(SafetensorsError) {
    func refuse(_ place: String, _ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(path: path, place: place, expected: expected, found: found)
    }
    guard !contents.isEmpty else {
      throw refuse(
        "file", "a safetensors file", "an empty file (0 bytes), as a full disk or a crash leaves it")
    }
    guard contents.count >= 8 else { throw refuse("file", "at least 8 bytes", "\(contents.count)") }
    let length = contents.withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    let lengthMax = min(Self.headerBytesMax, contents.count - 8)
    guard length <= UInt64(lengthMax) else {
      throw refuse("header length", "at most \(lengthMax) bytes", "\(length)")
    }
    dataStart = 8 + Int(length)
    guard length > 0, contents[8] == UInt8(ascii: "{") else {
      throw refuse("header", "a JSON object", length > 0 ? "byte \(contents[8])" : "nothing")
    }
    let header: SafetensorsHeader
    switch SafetensorsHeader.parse(Array(contents[8..<dataStart])) {
    case .success(let parsed): header = parsed
    case .failure(let malformed):
      throw refuse("header", "tensors with dtype, shape and data_offsets", malformed.reason)
    }
    if let name = SafetensorsNames.firstRepeated(in: Array(contents[8..<dataStart])) {
      throw SafetensorsError(
        path: path, place: "tensor '\(name)'", expected: "each name once", found: "it twice",
        advice: "write the file again, or use another checkpoint")
    }
    try Self.checkChecksum(header, contents, 8..<dataStart, path: path)
    entries = try Self.entries(of: header, dataBytes: contents.count - dataStart, path: path)
    positions = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.name, $0) })
    metadata = header.metadata.filter { $0.key != SafetensorsChecksum.key }
    self.contents = contents
    self.path = path
  }

  /// The tensor of that name, or nil.
  public func entry(_ name: String) -> SafetensorsEntry? { positions[name].map { entries[$0] } }

  /// The elements of a float32 tensor, row-major.
  ///
  /// - Parameter shape: the shape that the tensor must have; nil for any.
  /// - Throws: `SafetensorsError` if there is no such tensor, or it has another type or shape.
  public func floats(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> [Float] {
    try elements(name, .float32, shape, zero: 0)
  }

  /// As `floats`, for weights: each element must be finite.
  public func finiteFloats(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> [Float] {
    let values = try floats(name, shape: shape)
    guard let index = values.withUnsafeBytes({ Finite.firstException($0) }) else { return values }
    throw SafetensorsError(
      path: path, place: "tensor '\(name)', element \(index)", expected: "a finite number",
      found: "\(values[index])", advice: "these weights cannot be used; use another checkpoint")
  }

  /// A whole number in the metadata; 0 if the key is missing.
  /// - Throws: `SafetensorsError` if it is not a whole number from 0 to 2⁵³, the largest that a
  ///   float64 holds exactly with all smaller ones.
  public func count(_ key: String) throws(SafetensorsError) -> Int {
    guard let text = metadata[key] else { return 0 }
    guard let count = Int(text), (0...1 << 53).contains(count) else {
      throw SafetensorsError(
        path: path, place: "metadata '\(key)'", expected: "a whole number from 0 to \(1 << 53)",
        found: "'\(text.prefix(40))'")
    }
    return count
  }

  /// As `floats`, for float64.
  public func doubles(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> [Double] {
    try elements(name, .float64, shape, zero: 0)
  }

  /// As `floats`, for int64.
  public func integers(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> [Int64] {
    try elements(name, .int64, shape, zero: 0)
  }

  /// As `floats`, for uint8.
  public func bytes(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> [UInt8] {
    try elements(name, .uint8, shape, zero: 0)
  }

  private func elements<Element: BitwiseCopyable>(
    _ name: String, _ type: SafetensorsType, _ shape: [Int]?, zero: Element
  ) throws(SafetensorsError) -> [Element] {
    func refuse(_ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(path: path, place: "tensor '\(name)'", expected: expected, found: found)
    }
    guard let entry = entry(name) else { throw refuse("it in the file", "none of that name") }
    guard entry.type == type else { throw refuse("type \(type.rawValue)", entry.type.rawValue) }
    if let shape, shape != entry.shape { throw refuse("shape \(shape)", "\(entry.shape)") }
    var elements = [Element](repeating: zero, count: entry.bytes.count / type.byteCount)
    let source = contents[dataStart + entry.bytes.lowerBound..<dataStart + entry.bytes.upperBound]
    // The format is little-endian, as are all supported machines.
    elements.withUnsafeMutableBytes { target in source.withUnsafeBytes { target.copyMemory(from: $0) } }
    return elements
  }
}

extension SafetensorsFile {
  private static func checkChecksum(
    _ header: SafetensorsHeader, _ contents: [UInt8], _ range: Range<Int>, path: String
  ) throws(SafetensorsError) {
    guard let found = header.metadata[SafetensorsChecksum.key] else { return }
    let digits = SafetensorsChecksum.digitsRange(in: contents, header: range)
    let expected = digits.map { SafetensorsChecksum.digits(of: contents, range: $0) }
    guard expected != found else { return }
    throw SafetensorsError(
      path: path, place: "metadata '\(SafetensorsChecksum.key)'",
      expected: expected.map { "\($0), which the file's bytes give" } ?? "16 hexadecimal digits",
      found: "'\(found.prefix(40))'",
      advice:
        "the file is damaged: use another checkpoint; if another program wrote it, do not copy this key")
  }

  /// The header's tensors, each checked, in the order of their bytes.
  private static func entries(
    of header: SafetensorsHeader, dataBytes: Int, path: String
  ) throws(SafetensorsError) -> [SafetensorsEntry] {
    var entries: [SafetensorsEntry] = []
    entries.reserveCapacity(header.tensors.count)
    for (name, tensor) in header.tensors {
      entries.append(try entry(name, tensor, dataBytes: dataBytes, path: path))
    }
    entries.sort {
      ($0.bytes.lowerBound, $0.bytes.upperBound, $0.name) < (
        $1.bytes.lowerBound, $1.bytes.upperBound, $1.name
      )
    }
    var end = 0
    for entry in entries {
      guard entry.bytes.lowerBound == end else {
        throw SafetensorsError(
          path: path, place: "tensor '\(entry.name)'",
          expected: "data from byte \(end), where the one before ends",
          found: "byte \(entry.bytes.lowerBound)")
      }
      end = entry.bytes.upperBound
    }
    guard end == dataBytes else {
      throw SafetensorsError(path: path, place: "data", expected: "\(end) bytes", found: "\(dataBytes)")
    }
    return entries
  }

  private static func entry(
    _ name: String, _ tensor: SafetensorsHeader.Tensor, dataBytes: Int, path: String
  ) throws(SafetensorsError) -> SafetensorsEntry {
    func refuse(_ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(path: path, place: "tensor '\(name)'", expected: expected, found: found)
    }
    guard let type = SafetensorsType(rawValue: tensor.dtype) else {
      let known = SafetensorsType.allCases.map(\.rawValue).joined(separator: ", ")
      throw refuse("dtype \(known)", "'\(tensor.dtype)'")
    }
    guard let count = SafetensorsEntry.elementCount(tensor.shape, type) else {
      throw refuse("a shape without negative sizes whose bytes fit 63 bits", "\(tensor.shape)")
    }
    let offsets = tensor.offsets
    guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= dataBytes else {
      throw refuse("data_offsets [begin, end] within \(dataBytes) bytes of data", "\(offsets)")
    }
    guard offsets[1] - offsets[0] == count * type.byteCount else {
      let expected = "\(count * type.byteCount) bytes for \(type.rawValue) \(tensor.shape)"
      throw refuse(expected, "\(offsets[1] - offsets[0])")
    }
    return SafetensorsEntry(name: name, type: type, shape: tensor.shape, bytes: offsets[0]..<offsets[1])
  }

  /// All bytes of a regular file.
  private static func read(_ path: String) throws -> [UInt8] {
    // Non-blocking, so that opening a named pipe does not wait for a writer.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw SystemCallError.last("open", path) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else { throw SystemCallError.last("look at", path) }
    guard status.st_mode & S_IFMT == S_IFREG else {
      throw SafetensorsError(path: path, place: "file", expected: "a regular file", found: "another kind")
    }
    let size = Int(status.st_size)
    return try [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let part = Glibc.read(descriptor, buffer.baseAddress! + count, size - count)
        if part < 0 && errno == EINTR { continue }
        guard part >= 0 else { throw SystemCallError.last("read", path) }
        if part == 0 { return }
        count += part
      }
    }
  }
}
