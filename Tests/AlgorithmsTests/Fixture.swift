// Reads the golden arrays that the scripts of python/fixtures write.

import Foundation
import Numerics

/// One case: `NAME.txt` describes the contents of `NAME.bin`.
struct Fixture {
  private(set) var parameters: [(name: String, shape: [Int])] = []
  private var arrays: [String: [Float]] = [:]

  init(_ name: String, in kind: String = "numerics") throws {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .appendingPathComponent("Fixtures/\(kind)")
    let header = try String(contentsOf: folder.appendingPathComponent("\(name).txt"), encoding: .utf8)
    let bytes = try Data(contentsOf: folder.appendingPathComponent("\(name).bin"))
    let values = bytes.withUnsafeBytes { raw in
      (0..<raw.count / 4).map { index in
        Float(bitPattern: UInt32(littleEndian: raw.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
      }
    }
    var start = 0
    for line in header.split(separator: "\n") {
      let words = line.split(separator: " ").map(String.init)
      if words[0] == "parameter" {
        parameters.append((words[1], words[2...].map { Int($0)! }))
      } else {
        let count = Int(words[2])!
        arrays[words[1]] = Array(values[start..<start + count])
        start += count
      }
    }
    precondition(start == values.count, "\(name).bin does not have the size that \(name).txt says")
  }

  subscript(_ name: String) -> [Float] { arrays[name]! }

  /// An observation array as the network reads it: bytes of an image, or floats.
  func observation(_ name: String, isImage: Bool) -> [UInt8] {
    isImage ? self[name].map { UInt8($0) } : self[name].withUnsafeBytes { Array($0) }
  }
}

/// The largest difference of two arrays of one size.
func largestDifference(_ left: [Float], _ right: [Float]) -> Float {
  precondition(left.count == right.count, "\(left.count) and \(right.count) values")
  return zip(left, right).map { ($0 - $1).magnitude }.reduce(0) { $1 > $0 || $1.isNaN ? $1 : $0 }
}

/// The specs of the fixtures' cases.
func fixtureSpec(_ name: String) -> NetworkSpec {
  let isDueling = name.contains("dueling")
  guard name.hasPrefix("conv") else {
    return .mlp(inputs: 5, hidden: [17, 13], outputs: 3, dueling: isDueling)
  }
  let trunk: [NetworkSpec.Layer] = [
    .convolution(outputs: 5, kernel: 4, stride: 2), .relu, .convolution(outputs: 7, kernel: 3, stride: 1),
    .relu,
    .flatten,
  ]
  return NetworkSpec(
    inputShape: [3, 16, 14], inputType: .uint8,
    layers: isDueling ? trunk : trunk + [.dense(outputs: 12), .relu],
    heads: [NetworkSpec.Head(kind: isDueling ? .dueling(hidden: 11) : .linear, outputs: 4)])
}
