// Changes a message's elements and keeps it msgpack, which changes of single bytes hardly ever do.

import Foundations

/// Works on the tree of one frame.
struct MsgpackMutator {
  var generator: SeededGenerator

  /// Numbers and heads at the limits of what decoders take.
  private static let edges: [[UInt8]] = {
    var edges: [[UInt8]] = [[0xC0], [0xC2], [0xC3], [0xA0], [0xC4, 0], [0x90], [0x80], [0xE0], [0xC1]]
    for bits in [7, 8, 10, 12, 16, 17, 20, 24, 30, 31, 32, 62, 63] as [UInt64] {
      for value in [(1 << bits) - 1, 1 << bits, (1 << bits) + 1] as [UInt64] {
        edges.append([0xCF] + bytes(of: value))
        edges.append([0xD3] + bytes(of: 0 &- value))
      }
    }
    for value in [0, -0.0, 1, -1, .nan, .infinity, -.infinity, 1e30, 1.1e30, .greatestFiniteMagnitude]
      as [Double]
    {
      edges.append([0xCB] + bytes(of: value.bitPattern))
    }
    return edges
  }()

  private static func bytes(of value: UInt64) -> [UInt8] {
    withUnsafeBytes(of: value.bigEndian) { Array($0) }
  }

  /// The changed frame; one longer than `maxBytes` is not used.
  mutating func mutate(_ frame: [UInt8], other: [UInt8], maxBytes: Int) -> [UInt8]? {
    // A frame is one element; bytes after it seldom matter.
    guard var root = MsgpackNode.read(all: frame).first else { return nil }
    let donor = MsgpackNode.read(all: other).first ?? root
    for _ in 0...generator.below(3) {
      let place = generator.below(root.count)
      let gift = donor[generator.below(donor.count)]
      root = root.replacing(place) { change($0, gift) }
    }
    var bytes: [UInt8] = []
    root.write(to: &bytes)
    return bytes.count <= maxBytes ? bytes : nil
  }

  private mutating func change(_ node: MsgpackNode, _ gift: MsgpackNode) -> MsgpackNode {
    switch generator.below(4) {
    case 0: return .raw(Self.edges[generator.below(Self.edges.count)])
    case 1: return gift
    default: break
    }
    switch node {
    case .raw: return .raw([UInt8(generator.below(0x80))])
    case .string(let text): return .string(resized(text))
    case .binary(let payload): return .binary(resized(payload))
    case .array(let nodes): return .array(rearranged(nodes, gift, by: 1))
    case .map(let nodes): return .map(rearranged(nodes, gift, by: 2))
    }
  }

  /// Adds or removes a few bytes, or elements of 4 or 8; or changes a byte.
  private mutating func resized(_ bytes: [UInt8]) -> [UInt8] {
    let count = [1, 2, 4, 8, 16, 64][generator.below(6)]
    switch generator.below(3) {
    case 0: return Array(bytes.dropLast(count))
    case 1: return bytes + (0..<count).map { _ in UInt8(generator.below(256)) }
    default:
      guard !bytes.isEmpty else { return [0] }
      var bytes = bytes
      bytes[generator.below(bytes.count)] = UInt8(generator.below(256))
      return bytes
    }
  }

  /// Adds, removes or swaps children (or pairs).
  private mutating func rearranged(_ nodes: [MsgpackNode], _ gift: MsgpackNode, by step: Int) -> [MsgpackNode]
  {
    var nodes = nodes
    guard nodes.count >= step else { return Array(repeating: gift, count: step) }
    let first = generator.below(nodes.count / step) * step
    switch generator.below(3) {
    case 0: nodes.removeSubrange(first..<first + step)
    case 1: nodes.insert(contentsOf: nodes[first..<first + step], at: first)
    default: nodes.swapAt(first, generator.below(nodes.count / step) * step)
    }
    return nodes
  }
}
