// msgpack as a tree for changes.

/// An element with its children. Reads anything: an element that is cut off, or nested too deep, is
/// `raw`.
indirect enum MsgpackNode {
  /// Integers, floats, booleans, nil, and bytes that cannot be read, with their heads.
  case raw([UInt8])
  case string([UInt8])
  case binary([UInt8])
  case array([MsgpackNode])
  /// Keys and values alternate.
  case map([MsgpackNode])

  private static let depthMax = 12

  /// The elements of `bytes`, one after the other.
  static func read(all bytes: [UInt8]) -> [MsgpackNode] {
    var rest = bytes[...]
    var nodes: [MsgpackNode] = []
    while !rest.isEmpty { nodes.append(read(&rest, depth: 0)) }
    return nodes
  }

  private static func read(_ rest: inout ArraySlice<UInt8>, depth: Int) -> MsgpackNode {
    guard let head = rest.first, depth < depthMax else {
      defer { rest = [] }
      return .raw(Array(rest))
    }
    switch head {
    case 0x80...0x8F: return children(&rest, 1, Int(head & 15) * 2, depth, MsgpackNode.map)
    case 0x90...0x9F: return children(&rest, 1, Int(head & 15), depth, MsgpackNode.array)
    case 0xA0...0xBF: return blob(&rest, 1, Int(head & 31), MsgpackNode.string)
    case 0xC4...0xC6: return blob(&rest, 1 << (head - 0xC4), MsgpackNode.binary)
    case 0xD9...0xDB: return blob(&rest, 1 << (head - 0xD9), MsgpackNode.string)
    case 0xDC, 0xDD: return children(&rest, 2 << (head - 0xDC), 1, depth, MsgpackNode.array)
    case 0xDE, 0xDF: return children(&rest, 2 << (head - 0xDE), 2, depth, MsgpackNode.map)
    case 0xCA, 0xCE, 0xD2: return .raw(take(&rest, 5))
    case 0xCB, 0xCF, 0xD3: return .raw(take(&rest, 9))
    case 0xCC, 0xD0: return .raw(take(&rest, 2))
    case 0xCD, 0xD1: return .raw(take(&rest, 3))
    default: return .raw(take(&rest, 1))
    }
  }

  private static func take(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> [UInt8] {
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }

  /// The length in the `width` bytes after the head; nil if they are missing.
  private static func length(_ rest: ArraySlice<UInt8>, _ width: Int) -> Int? {
    let bytes = rest.dropFirst().prefix(width)
    return bytes.count == width ? bytes.reduce(0) { $0 << 8 | Int($1) } : nil
  }

  private static func blob(
    _ rest: inout ArraySlice<UInt8>, _ width: Int, _ make: ([UInt8]) -> MsgpackNode
  ) -> MsgpackNode {
    guard let count = length(rest, width) else { return .raw(take(&rest, rest.count)) }
    return blob(&rest, 1 + width, count, make)
  }

  private static func blob(
    _ rest: inout ArraySlice<UInt8>, _ head: Int, _ count: Int, _ make: ([UInt8]) -> MsgpackNode
  ) -> MsgpackNode {
    guard rest.count >= head + count else { return .raw(take(&rest, rest.count)) }
    _ = take(&rest, head)
    return make(take(&rest, count))
  }

  private static func children(
    _ rest: inout ArraySlice<UInt8>, _ width: Int, _ factor: Int, _ depth: Int,
    _ make: ([MsgpackNode]) -> MsgpackNode
  ) -> MsgpackNode {
    guard let count = length(rest, width) else { return .raw(take(&rest, rest.count)) }
    return children(&rest, head: 1 + width, count * factor, depth, make)
  }

  private static func children(
    _ rest: inout ArraySlice<UInt8>, head: Int, _ count: Int, _ depth: Int,
    _ make: ([MsgpackNode]) -> MsgpackNode
  ) -> MsgpackNode {
    _ = take(&rest, head)
    var nodes: [MsgpackNode] = []
    while nodes.count < count, !rest.isEmpty { nodes.append(read(&rest, depth: depth + 1)) }
    return make(nodes)
  }
}

extension MsgpackNode {
  /// Appends its bytes, with the shortest heads.
  func write(to bytes: inout [UInt8]) {
    switch self {
    case .raw(let raw): bytes += raw
    case .string(let text):
      Self.head(text.count, short: 0xA0, 32, [0xD9, 0xDA, 0xDB], to: &bytes)
      bytes += text
    case .binary(let payload):
      Self.head(payload.count, short: 0, 0, [0xC4, 0xC5, 0xC6], to: &bytes)
      bytes += payload
    case .array(let nodes):
      Self.head(nodes.count, short: 0x90, 16, [nil, 0xDC, 0xDD], to: &bytes)
      for node in nodes { node.write(to: &bytes) }
    case .map(let nodes):
      Self.head(nodes.count / 2, short: 0x80, 16, [nil, 0xDE, 0xDF], to: &bytes)
      for node in nodes { node.write(to: &bytes) }
    }
  }

  private static func head(
    _ count: Int, short: UInt8, _ shortCount: Int, _ heads: [UInt8?], to bytes: inout [UInt8]
  ) {
    if count < shortCount { return bytes.append(short | UInt8(count)) }
    let size = count < 1 << 8 && heads[0] != nil ? 0 : count < 1 << 16 ? 1 : 2
    bytes.append(heads[size]!)
    for shift in (0..<1 << size).reversed() { bytes.append(UInt8(truncatingIfNeeded: count >> (shift * 8))) }
  }

  /// The number of elements: this one and all below.
  var count: Int {
    switch self {
    case .raw, .string, .binary: 1
    case .array(let nodes), .map(let nodes): nodes.reduce(1) { $0 + $1.count }
    }
  }

  /// Element `index` of this one and all below, depth first.
  subscript(index: Int) -> MsgpackNode {
    var index = index
    guard index > 0, case .array(let nodes) = asArray else { return self }
    index -= 1
    for node in nodes {
      if index < node.count { return node[index] }
      index -= node.count
    }
    return self
  }

  /// This tree with another element in place of element `index`.
  func replacing(_ index: Int, _ other: (MsgpackNode) -> MsgpackNode) -> MsgpackNode {
    guard index > 0, case .array(var nodes) = asArray else { return other(self) }
    var left = index - 1
    for position in nodes.indices {
      if left < nodes[position].count {
        nodes[position] = nodes[position].replacing(left, other)
        break
      }
      left -= nodes[position].count
    }
    if case .map = self { return .map(nodes) }
    return .array(nodes)
  }

  /// A map as its keys and values.
  private var asArray: MsgpackNode {
    if case .map(let nodes) = self { return .array(nodes) }
    return self
  }
}
