// Networks against the reference implementation, with every instruction set of this machine.

import Experience
import Foundations
import Testing

@testable import Numerics

/// A spec and a batch, with the sizes that the products treat differently: rows 1, 2, 4, 6; columns
/// within, at and beyond a register and a panel; depths beyond a block.
struct NetworkCase: Sendable, CustomTestStringConvertible {
  var name: String
  var spec: NetworkSpec
  var batch: Int

  var testDescription: String { "\(name), batch \(batch)" }

  static let all: [NetworkCase] = [
    NetworkCase(name: "linear", spec: .mlp(inputs: 1, hidden: [], outputs: 1, dueling: false), batch: 1),
    NetworkCase(
      name: "small", spec: .mlp(inputs: 4, hidden: [16, 16], outputs: 2, dueling: false), batch: 6),
    NetworkCase(name: "odd", spec: .mlp(inputs: 7, hidden: [33, 19], outputs: 5, dueling: true), batch: 13),
    NetworkCase(
      name: "panel", spec: .mlp(inputs: 64, hidden: [64, 128], outputs: 3, dueling: false), batch: 9),
    NetworkCase(
      name: "wide", spec: .mlp(inputs: 300, hidden: [81, 17], outputs: 4, dueling: true), batch: 11),
    NetworkCase(name: "blocks", spec: .mlp(inputs: 3, hidden: [520], outputs: 2, dueling: false), batch: 261),
    NetworkCase(name: "bytes", spec: bytes, batch: 5),
    NetworkCase(name: "heads", spec: actorCritic, batch: 7),
    NetworkCase(name: "image", spec: image(.uint8, .linear), batch: 3),
    NetworkCase(name: "float image", spec: image(.float32, .dueling(hidden: 9)), batch: 2),
    NetworkCase(
      name: "nature", spec: .nature(planes: 4, height: 40, width: 36, outputs: 6, dueling: true), batch: 2),
  ]

  private static let bytes = NetworkSpec(
    inputShape: [10], inputType: .uint8, layers: [.dense(outputs: 8), .relu],
    heads: [NetworkSpec.Head(outputs: 3)])

  /// Logits and a value from one trunk, and action values beside them.
  private static let actorCritic = NetworkSpec(
    inputShape: [6], inputType: .float32, layers: [.dense(outputs: 20), .relu],
    heads: [
      NetworkSpec.Head(name: "policy", outputs: 5), NetworkSpec.Head(name: "baseline", outputs: 1),
      NetworkSpec.Head(kind: .dueling(hidden: 7), outputs: 3),
    ])

  private static func image(_ type: NetworkSpec.InputType, _ head: NetworkSpec.Head.Kind) -> NetworkSpec {
    NetworkSpec(
      inputShape: [3, 11, 14], inputType: type,
      layers: [
        .convolution(outputs: 5, kernel: 3, stride: 2), .relu,
        .convolution(outputs: 18, kernel: 2, stride: 1),
        .flatten, .relu, .dense(outputs: 10),
      ], heads: [NetworkSpec.Head(kind: head, outputs: 4)])
  }
}

/// A network with seeded parameters, its reference, and a seeded batch.
struct Subject {
  let network: Network
  let reference: ReferenceNetwork
  let count: Int
  /// `[count] + inputShape`, in the types of the network and of the reference.
  let bytes: [UInt8]
  let rows: [[Double]]

  init(_ networkCase: NetworkCase, level: Int32, seed: UInt64) throws {
    let spec = networkCase.spec
    count = networkCase.batch
    // A larger maximum than the batch, as actors have.
    network = try Network(spec: spec, batchMax: count + 3, isTraining: true, level: level)
    var generator = SeededGenerator(seed: seed)
    network.initialize(using: &generator)
    reference = ReferenceNetwork(spec: spec, parameters: exported(network).map(Double.init))
    if spec.inputType == .uint8 {
      let pixels = (0..<count * spec.inputCount).map { _ in UInt8(generator.below(256)) }
      bytes = pixels
      rows = Self.split(pixels.map { Double($0) / 255 }, spec.inputCount)
    } else {
      let values = (0..<count * spec.inputCount).map { _ in generator.uniformFloat() * 2 - 1 }
      bytes = values.withUnsafeBytes { Array($0) }
      rows = Self.split(values.map(Double.init), spec.inputCount)
    }
  }

  private static func split(_ values: [Double], _ size: Int) -> [[Double]] {
    stride(from: 0, to: values.count, by: size).map { Array(values[$0..<$0 + size]) }
  }

  /// The outputs of one head after the other.
  func forward() -> [Float] {
    bytes.withUnsafeBytes { raw in
      network.forward(raw.baseAddress!, count: count)
      return network.spec.heads.enumerated().flatMap { index, head in
        Array(UnsafeBufferPointer(start: network.outputs(head: index), count: count * head.outputs))
      }
    }
  }

  /// The reference's outputs, in the same order.
  func expected(_ reference: ReferenceNetwork) -> [Double] {
    let outputs = rows.map { reference.forward($0) }
    return reference.spec.heads.indices.flatMap { head in outputs.flatMap { $0[head] } }
  }

  /// The gradients, in PyTorch's layout, of Σ factors · outputs.
  func gradients(_ factors: [Float]) -> [Float] {
    bytes.withUnsafeBytes { raw in
      network.forward(raw.baseAddress!, count: count)
      var rest = factors[...]
      for (index, head) in network.spec.heads.enumerated() {
        let taken = Array(rest.prefix(count * head.outputs))
        network.outputGradient(head: index).update(from: taken, count: taken.count)
        rest = rest.dropFirst(taken.count)
      }
      network.backward(count: count)
    }
    var result = [Float](repeating: 0, count: network.parameterCount)
    result.withUnsafeMutableBufferPointer {
      network.exportValues(UnsafeBufferPointer(network.gradients), to: $0)
    }
    return result
  }
}

func exported(_ network: Network) -> [Float] {
  var result = [Float](repeating: .nan, count: network.parameterCount)
  result.withUnsafeMutableBufferPointer { network.exportParameters(to: $0) }
  return result
}

@Suite struct NetworkTests {
  @Test(arguments: NetworkCase.all, Network.levels)
  func forwardMatchesReference(_ networkCase: NetworkCase, _ level: Int32) throws {
    let subject = try Subject(networkCase, level: level, seed: 11)
    let expected = subject.expected(subject.reference).map { Float($0) }
    #expect(largestDifference(subject.forward(), expected) < 2e-6)
  }

  /// Directional derivatives by central differences of the float64 reference, along seeded
  /// directions that differ per tensor, so that an error in one tensor cannot hide behind another.
  @Test(arguments: NetworkCase.all, Network.levels)
  func gradientsMatchCentralDifferences(_ networkCase: NetworkCase, _ level: Int32) throws {
    let subject = try Subject(networkCase, level: level, seed: 12)
    var generator = SeededGenerator(seed: 13)
    let factors = subject.forward().map { _ in generator.uniformFloat() * 2 - 1 }
    let gradients = subject.gradients(factors)
    var start = 0
    for tensor in try networkCase.spec.parameters() {
      var direction = [Double](repeating: 0, count: gradients.count)
      for index in start..<start + tensor.elementCount { direction[index] = generator.uniform() * 2 - 1 }
      start += tensor.elementCount
      func loss(_ step: Double) -> Double {
        var moved = subject.reference
        for index in direction.indices { moved.parameters[index] += step * direction[index] }
        return zip(factors, subject.expected(moved)).reduce(0) { $0 + Double($1.0) * $1.1 }
      }
      let step = 1e-6
      let expected = (loss(step) - loss(-step)) / (2 * step)
      let found = zip(gradients, direction).reduce(0) { $0 + Double($1.0) * $1.1 }
      let size = zip(gradients, direction).reduce(0) { $0 + ($1.0 == 0 ? 0 : abs(Double($1.0) * $1.1)) }
      #expect(size > 0, "\(tensor.name): no gradient at all")
      #expect(abs(expected - found) < 1e-5 * size + 1e-7, "\(tensor.name): \(found), expected \(expected)")
    }
  }

  /// A larger batch or an earlier pass leaves nothing behind.
  @Test func passesDoNotDependOnEarlierOnes() throws {
    let subject = try Subject(NetworkCase.all[9], level: Network.levels.upperBound, seed: 14)
    let factors = [Float](repeating: 0.5, count: subject.forward().count)
    let first = subject.gradients(factors)
    _ = subject.gradients(factors.map { $0 * 100 })
    #expect(subject.gradients(factors) == first)
  }

  @Test func parametersWrittenInPlaceAreUsedOnceAnnounced() throws {
    let subject = try Subject(NetworkCase.all[1], level: Network.levels.upperBound, seed: 15)
    let before = subject.forward()
    for index in subject.network.parameters.indices { subject.network.parameters[index] *= 0.5 }
    subject.network.parametersChanged()
    #expect(largestDifference(subject.forward(), before) > 1e-3)
  }

  /// A rectifier keeps NaN, so that divergence is seen.
  @Test(arguments: Network.levels)
  func notANumberPassesThroughRectifiers(_ level: Int32) throws {
    let subject = try Subject(NetworkCase.all[2], level: level, seed: 16)
    subject.network.parameters[0] = .nan
    subject.network.parametersChanged()
    let outputs = subject.forward()
    #expect(outputs.allSatisfy { $0.isNaN })
  }
}
