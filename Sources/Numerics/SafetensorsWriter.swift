// Writes safetensors files.

internal import Foundations

/// Collects tensors and writes them as one safetensors file, readable by `SafetensorsFile` and by
/// Python's `safetensors`. Tensors with wider elements come first, so that each is aligned;
/// otherwise they keep the order of `add`. Equal tensors and metadata give equal bytes.
public struct SafetensorsWriter: Sendable {
  private struct Tensor: Sendable {
    var name: String
    var type: SafetensorsType
    var shape: [Int]
    var bytes: [UInt8]
  }

  /// The header's `__metadata__`.
  public var metadata: [String: String]
  private var tensors: [Tensor] = []
  private var names: Set<String> = []

  public init(metadata: [String: String] = [:]) {
    self.metadata = metadata
  }

  /// Adds a copy of `values`, row-major, as float32.
  ///
  /// - Throws: `SafetensorsError` if the name is used or reserved, or the shape has another number
  ///   of elements.
  public mutating func add(_ name: String, shape: [Int], _ values: [Float]) throws(SafetensorsError) {
    try add(name, .float32, shape, of: values)
  }

  /// The same for a flat buffer.
  public mutating func add(
    _ name: String, shape: [Int], _ values: UnsafeBufferPointer<Float>
  ) throws(SafetensorsError) {
    try add(name, .float32, shape, values.count, UnsafeRawBufferPointer(values))
  }

  /// The same for float64.
  public mutating func add(_ name: String, shape: [Int], _ values: [Double]) throws(SafetensorsError) {
    try add(name, .float64, shape, of: values)
  }

  /// The same for int64.
  public mutating func add(_ name: String, shape: [Int], _ values: [Int64]) throws(SafetensorsError) {
    try add(name, .int64, shape, of: values)
  }

  /// The same for uint8.
  public mutating func add(_ name: String, shape: [Int], _ values: [UInt8]) throws(SafetensorsError) {
    try add(name, .uint8, shape, of: values)
  }

  private mutating func add<Element: BitwiseCopyable>(
    _ name: String, _ type: SafetensorsType, _ shape: [Int], of values: [Element]
  ) throws(SafetensorsError) {
    try values.withUnsafeBufferPointer { buffer throws(SafetensorsError) in
      try add(name, type, shape, values.count, UnsafeRawBufferPointer(buffer))
    }
  }

  private mutating func add(
    _ name: String, _ type: SafetensorsType, _ shape: [Int], _ count: Int, _ bytes: UnsafeRawBufferPointer
  ) throws(SafetensorsError) {
    func refuse(_ expected: String, _ found: String) -> SafetensorsError {
      SafetensorsError(path: "new file", place: "tensor '\(name)'", expected: expected, found: found)
    }
    guard name != SafetensorsHeader.metadataKey else { throw refuse("another name", "the reserved one") }
    guard SafetensorsEntry.elementCount(shape, type) == count else {
      throw refuse("as many elements as shape \(shape) has", "\(count)")
    }
    guard names.insert(name).inserted else { throw refuse("a new name", "one that was added before") }
    tensors.append(Tensor(name: name, type: type, shape: shape, bytes: Array(bytes)))
  }

  /// Replaces `path` by these tensors, whole or not at all (`AtomicFile`).
  ///
  /// - Throws: `SystemCallError`.
  public func write(to path: String) throws {
    let contents = try contents()
    try AtomicFile.replace(path) { writer in
      try contents.withUnsafeBytes { try writer.write($0) }
    }
  }

  /// The bytes of the file.
  public func contents() throws -> [UInt8] {
    let (header, ordered) = try layout()
    var contents = ordered.reduce(into: header) { $0 += $1.bytes }
    SafetensorsChecksum.seal(&contents, header: 8..<header.count)
    return contents
  }

  /// Length and header, and the tensors in the order of their bytes.
  private func layout() throws -> (header: [UInt8], ordered: [Tensor]) {
    let widths = Set(tensors.map(\.type.byteCount)).sorted(by: >)
    let ordered = widths.flatMap { width in tensors.filter { $0.type.byteCount == width } }
    var offset = 0
    var described: [String: SafetensorsHeader.Tensor] = [:]
    for tensor in ordered {
      let end = offset + tensor.bytes.count
      described[tensor.name] = .init(
        dtype: tensor.type.rawValue, shape: tensor.shape, offsets: [offset, end])
      offset = end
    }
    var metadata = metadata
    metadata[SafetensorsChecksum.key] = SafetensorsChecksum.blank
    let json = try SafetensorsHeader(metadata: metadata, tensors: described).serialized()
    var header = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Array($0) }
    header += json
    return (header, ordered)
  }
}
